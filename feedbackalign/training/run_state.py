"""The state of a run: all that training changes, as named arrays and streams, put back whole or not at all.

What comes back is tried on a copy first. Only where the copy then holds the very arrays that came is it put in place.
"""

import copy
import dataclasses

import numpy as np

from feedbackalign.optimizer import Optimizer
from feedbackalign.validation import describe

# What the parts of a run raise where something is missing, or of another kind than it was.
MISFITS = (KeyError, IndexError, ValueError, TypeError, AttributeError, OverflowError)


@dataclasses.dataclass
class RunState:
    """What a run consists of; the streams are the loop's, and the one for the rule's own phases."""

    rule: object
    optimizer: object
    data_stream: np.random.Generator
    hook_stream: np.random.Generator

    def arrays(self):
        """{name: array} of rule, network and optimiser."""
        parts = {"network": self.rule.network.parameters(), "network_state": self.rule.network.state(),
                 "rule": self.rule.state(), "optimizer": self.optimizer.state()}
        return {f"{part}/{name}": np.asarray(array) for part, arrays in parts.items() for name, array in arrays.items()}

    def streams(self):
        """{name: where the stream stands}."""
        return {name: getattr(self, name).bit_generator.state for name in ("data_stream", "hook_stream")}

    def take(self, arrays, streams):
        """Put back what `arrays` and `streams` returned; ValueError, and all stays as it was, where it does not fit."""
        twin = copy.deepcopy(self)
        try:
            twin.put(arrays, streams)
            wrong = difference(twin.arrays(), arrays, exactly=True) or twin.strange_memory()
        except MISFITS as error:
            raise ValueError(difference(twin.arrays(), arrays) or str(error)) from error
        if wrong:
            raise ValueError(wrong)
        self.put(arrays, streams)

    def put(self, arrays, streams):
        def part(prefix):
            return {name[len(prefix):]: array for name, array in arrays.items() if name.startswith(prefix)}

        self.optimizer.load_state(part("optimizer/"))
        for name, array in self.rule.network.parameters().items():
            array[...] = arrays[f"network/{name}"]
        self.rule.network.load_state(part("network_state/"))
        self.rule.load_state(part("rule/"))
        for name, state in streams.items():
            getattr(self, name).bit_generator.state = state

    def strange_memory(self):
        """The first memory of our optimisers that has not the shape of its parameter, in words; "" if all have."""
        parameters = self.rule.network.parameters() | self.rule.parameters()
        for key, array in self.optimizer.state().items() if isinstance(self.optimizer, Optimizer) else ():
            kind, slash, name = key.partition("/")
            if slash and (name not in parameters or parameters[name].shape != array.shape):
                return f"optimizer/{key}: no parameter {name} has shape {array.shape}"
        return ""


def difference(mine, theirs, exactly=False):
    """The first of the arrays that came which does not fit those of a run, in words; "" where all do."""
    for name in {**mine, **theirs}:
        if name not in theirs:
            return f"{name} is missing"
        if name not in mine:
            return f"{name} is not known here"
        here, there = mine[name], theirs[name]
        same_kind = here.dtype == there.dtype or here.dtype.kind == there.dtype.kind == "U"
        if here.shape != there.shape or not same_kind:
            return f"{name} is {describe(there)}, here it is {describe(here)}"
        if exactly and here.tobytes() != there.tobytes():
            return f"{name} does not come back as it was kept"
    return ""
