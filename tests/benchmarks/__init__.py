"""Scripts that print tables of measured times; no test asserts a time."""
