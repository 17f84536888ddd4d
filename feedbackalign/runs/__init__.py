"""Runs: what decides a run's numbers, the models by name, and many runs at once."""

from feedbackalign.runs.load import load
from feedbackalign.runs.run import Run
from feedbackalign.runs.sweep import compare

__all__ = ["Run", "compare", "load"]
