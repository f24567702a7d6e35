"""A results folder as one page that people read."""
