"""Where blocks run: today on threads in memory."""
