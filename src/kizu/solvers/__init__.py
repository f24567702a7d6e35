"""One file per algorithm: State, init, step, solve; one loop for all."""
