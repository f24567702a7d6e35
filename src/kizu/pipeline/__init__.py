"""The road from files to a decision: the only place where files, models and decisions meet."""
