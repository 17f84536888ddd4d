"""How does a network's error reach its synapses? Every learning rule here is one answer, in pure NumPy."""

__version__ = "0.1.0"
