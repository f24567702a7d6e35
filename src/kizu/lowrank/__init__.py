"""Low-rank pieces: the data in blocks along their long side, and backgrounds kept as two factors."""
