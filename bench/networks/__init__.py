"""The bench of networks: one file per family. `python bench/networks` runs it."""
