"""One reader per format; only the decoding worker calls them."""
