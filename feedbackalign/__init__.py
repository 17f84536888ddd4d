"""How does a network's error reach its synapses? Every learning rule here is one answer, in pure NumPy."""

from feedbackalign import alignment, check, data, figures, layers, models, networks, ops, optimizer, rules, training
from feedbackalign.comparison import compare
from feedbackalign.exercises import exercise
from feedbackalign.runs import Run
from feedbackalign.version import __version__

__all__ = ["Run", "__version__", "alignment", "check", "compare", "data", "exercise", "figures", "layers", "models",
           "networks", "ops", "optimizer", "rules", "training"]
