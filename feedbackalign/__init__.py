"""How does a network's error reach its synapses? Every learning rule here is one answer, in pure NumPy."""

from feedbackalign import (alignment, check, data, figures, layers, networks, ops, optimizer, persistence, rules, runs,
                           training)
from feedbackalign.exercises import exercise
from feedbackalign.figures import table, tidy
from feedbackalign.networks import jacobians
from feedbackalign.runs import Run, compare, load, models
from feedbackalign.training import blas_threads
from feedbackalign.version import __version__

__all__ = ["Run", "__version__", "alignment", "blas_threads", "check", "compare", "data", "exercise", "figures",
           "jacobians", "layers", "load", "models", "networks", "ops", "optimizer", "persistence", "rules", "runs",
           "table", "tidy", "training"]
