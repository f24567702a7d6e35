"""The bench of quality: one file per kind of data. `python bench/quality` runs it."""
