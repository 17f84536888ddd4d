"""Figures that are measured and drawn: an experiment a file."""
