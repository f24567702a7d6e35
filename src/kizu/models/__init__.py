"""Decompositions and estimators: arrays in, arrays and plain numbers out."""
