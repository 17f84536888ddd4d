"""What a rule notes about an epoch: numbers gathered batch by batch, kept until the next epoch has ended."""

import json

import numpy as np


class EpochSums:
    """Numbers of the epoch that runs, and those of the last whole epoch, to be summed up in a rule's notes.

    Attributes
    ----------
    running, last : dict
        {key: [number, number, …]}; a key is there once a number has been added.

    >>> sums = EpochSums()
    >>> sums.add("residual", 0.5)
    >>> sums.add("residual", 0.25)
    >>> sums.end_epoch()
    >>> sums.last, sums.running
    ({'residual': [0.5, 0.25]}, {})
    """

    def __init__(self):
        self.running, self.last = {}, {}

    def add(self, key, number):
        self.running.setdefault(key, []).append(float(number))

    def end_epoch(self):
        self.last, self.running = self.running, {}

    def state(self):
        """{"epochs": array}: both dicts as JSON text, every number exact."""
        return {"epochs": np.array(json.dumps([self.running, self.last]))}

    def load_state(self, state):
        self.running, self.last = json.loads(str(state["epochs"]))
