"""Figures from the rows of a record, one file a figure. matplotlib is imported inside the functions that draw."""
