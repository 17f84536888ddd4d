"""Solutions of the exercises, at least two of each, written differently. They are in no wheel."""
