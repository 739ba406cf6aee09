"""Which products customers of each type talk about."""
