"""Figures that are measured and drawn: one file per experiment."""
