"""Files in, results folder out."""
