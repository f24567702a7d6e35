"""Where blocks run: one protocol, and the places that keep it."""
