"""Solvers' steps with trainable numbers, and their training. The only package that imports torch."""
