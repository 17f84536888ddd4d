"""What a learning rule is: from a batch to gradients, and an honest account of what it used."""

import copy
import dataclasses
import json

import numpy as np

from feedbackalign import alignment
from feedbackalign.networks import Network, small
from feedbackalign.networks.chains import DENSE_MODELS, UnfitNetworkError
from feedbackalign.ops.quiet import quiet
from feedbackalign.validation import (describe, require_arrays, require_dict, require_dtype, require_entries,
                                      require_finite, require_generator, require_instance, require_known, require_plain)

NEEDS = {                                   # what `Rule.needs` may name, in the words of the refusal
    "mix_outputs": "a middle population at its outputs",
    "noise": "noise on its units",
    "respond": "an answer to noise",
    "correlate": "an answer to noise",
    "init": "an initialiser whose deviation is known",
}

ARROWS = ("W", "fixed", "learned", "noise", "none")         # what `Rule.sketch` says of an arrow


@dataclasses.dataclass
class Step:
    """What one learning phase found.

    Attributes
    ----------
    loss : float or None
        Batch mean; None where only an error was given.
    grads : dict
        {"fc1.weight": array, …}: gradients of the batch mean for all that the rule trains, see `Rule.learns`.
    errors : dict
        {layer: error at its output (N, out, …)}; empty for rules that send none.
    """

    loss: float = None
    grads: dict = dataclasses.field(default_factory=dict)
    errors: dict = dataclasses.field(default_factory=dict)

    def __repr__(self):
        def shapes(arrays):
            return ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        return f"Step(loss={self.loss}, grads: {shapes(self.grads)}; errors: {shapes(self.errors)})"


class Rule:
    """One answer to the question how a network's error reaches its synapses.

    A subclass writes `gradients`. Everything else has a default that is right for a rule without arrays of its own.

    Class attributes
    ----------------
    paper : str
        Where the rule was published.
    learning_rate_factor : float
        What the commands multiply the common rate of SGD with, for rules whose estimate is too noisy or small for it.
    adam_learning_rate_factor : float
        The same under Adam, whose steps do not grow with the estimate.
    strong_decay_first : bool
        Whether the preset `authors` gives the rule strong weight decay at first, so that it forgets a random start.
    reads_forward_weights : "no", "signs" or "yes"
        What of W is read on the way down: the weight transport, named.
    matches_backprop : "always", "any network", "linear network" or "never"
        Where `match_to_backprop`, which every rule but "never" writes, makes every gradient equal to backprop's.
    takes : str
        In words, the networks that the rule can be made on; `small_networks` gives some.
    needs : tuple of str
        What the rule asks of a weighted layer beyond local gradients, `transport` and `draw_weights`: keys of
        `NEEDS`. A network with a layer that lacks one is refused.
    own_step : bool
        Whether `update` ignores the optimiser. Learning rate, momentum and decay are then None in a record.
    top_layer_is_exact : bool
        Whether a rule that sends an error leaves the top layer its exact gradient.
    options_explained_in : tuple of classes
        Whose docstrings say what some of the options mean, see `option_help`.
    sketch : tuple of (from, to, what, kind)
        Who speaks to whom, for `figures.schematic`; empty: not drawn. From and to are "above" and "below" (the units at
        the two ends of a layer's weights), "middle" (a population between them), "output" (the network's output error),
        "target" and "noise". `what` is the array's name, without the layer's. kind is one of `ARROWS`: W itself read
        backwards, an array that never changes, one that learns, noise, or nothing.
    own_truths : tuple of functions
        What is exactly true of the rule, for `feedbackalign check`: `truth(kind, rng)` takes the rule's class and a
        Generator and yields (what, value or values, tolerance). No value may exceed the tolerance; with a fourth entry
        "at least" the largest must. What follows from the attributes above is checked without this.
    """

    paper = ""
    learning_rate_factor = 1.0
    adam_learning_rate_factor = 1.0
    strong_decay_first = False
    reads_forward_weights = "no"
    matches_backprop = "never"
    takes = "any network"
    needs = ()
    own_step = False
    top_layer_is_exact = True
    options_explained_in = ()
    sketch = ()
    own_truths = ()

    def __init__(self, network, *, rng=None):
        self.network = require_instance(network, Network, "network")
        self.rng = None if rng is None else require_generator(rng, type(self).__name__)
        self.name = type(self).__name__
        self.options = {}                                   # {option: value}, as `make` was given them
        for layer in network.weighted_layers() if self.needs else ():
            missing = [what for what in self.needs if what in layer.lacks]
            if missing:
                raise UnfitNetworkError(f"{layer.name} cannot be taken: the rule needs {NEEDS[missing[0]]}, which "
                                        f"{layer!r} does not have", DENSE_MODELS)

    def __repr__(self):
        return f"{type(self).__name__} ({self.name}) on {self.network!r}"

    @classmethod
    def small_networks(cls, rng):
        """Small networks in float64 that the rule can be tried on: yields (name, network, x, labels)."""
        yield "dense", *small.dense(rng)
        yield "wide dense", *small.wide(rng)
        yield "convolutional", *small.images(rng)

    # ------------------------------------------------------------------------------------------- the learning phase

    def gradients(self, x, targets):
        """One learning phase on one batch: x (N, …), targets (N,) labels or (N, out) floats -> Step."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it finds gradients: write gradients()")

    def predict(self, x):
        """What the network answers, (N, out), leaving all memories as they were."""
        require_finite(x, "x")
        with self.network.undisturbed() as network:
            return network.forward(x, training=False)

    def references(self, x, targets):
        """{name: gradients}: what this rule claims to approach, its own claim first.

        Of the network's parameters, and then of the rule's own where the claim covers them.
        """
        return {"backprop": self.backprop_gradients(x, targets)}

    def beside_references(self, x, targets):
        """One learning phase beside what it claims to approach, in float64: -> Step, {name: gradients}.

        Nothing of the rule changes.
        """
        references, what = self.references(x, targets), f"{type(self).__name__}.references"
        if not require_dict(references, what):
            raise ValueError(f"{what}: expected at least one {{name: gradients}}, got none")
        for name, gradients in references.items():
            require_arrays(gradients, f"{what}, {name}")
        return alignment.in_float64(self).gradients(x, targets), references

    def backprop_gradients(self, x, targets):
        """The exact gradient, in float64, on a copy."""
        require_finite(x, "x")
        with self.network.undisturbed():
            self.network.forget()
            network = copy.deepcopy(self.network).astype(np.float64)
        _, error = network.loss_and_error(network.forward(x), targets)
        return network.backward(error)

    def sent_down(self, output, targets):
        """{name: array} of what goes down after the last forward pass, whose answer was `output`; {} if nothing does.

        Errors, or the moves towards targets. It shows what of W is read on the way: see `reads_forward_weights`.
        """
        return {}

    def trace(self, x, targets):
        """Rows that describe one learning phase, a dict each: layer by layer, or phase by phase."""
        self.network.checked_targets(self.predict(x), targets)
        return []

    # --------------------------------------------------------------------------------------------------- the update

    def meet_optimizer(self, optimizer):
        """Called before every training step, with the optimiser that will take it."""

    def learns(self):
        """Names among `network.parameters()` and `parameters()` that this rule trains; all of them by default."""
        return [*self.network.parameters(), *self.parameters()]

    def update(self, optimizer, step):
        """Change the arrays by what the learning phase found: the optimiser's step, unless a rule has its own."""
        arrays = self.network.parameters() | self.parameters()
        if type(self).learns is not Rule.learns:            # some of them only
            arrays = {name: arrays[name] for name in self.learns()}
        optimizer.step(arrays, step.grads)

    # ------------------------------------------------------------------------------------------ what the rule holds

    def parameters(self):
        """{"fc1.R": array, …}: arrays that the optimiser trains beside the network's."""
        return {}

    def constants(self):
        """{"fc1.B": array, …}: arrays that never change."""
        return {}

    def plastic(self):
        """{"fc1.B": array, …}: arrays that the rule trains by itself, never given to the optimiser."""
        return {}

    def masks(self):
        """{"fc1.B": boolean array, …} for arrays of the rule some of whose synapses do not exist."""
        return {}

    def feedback_weights(self, name):
        """What acts in place of W at this layer, in W's shape; None where nothing does."""
        self.network.weighted_layer(name)

    def direct_feedback(self, name):
        """Feedback synapses onto the layer's inputs straight from its outputs' errors, in W's shape, or None."""
        return self.feedback_weights(name)

    def set_feedback(self, name, **arrays):
        """Put copies of given arrays in place: `rule.set_feedback("fc1", B=B, R=R)`.

        The names are those that `constants`, `parameters` and `plastic` show; shapes must agree.
        """
        self.network.weighted_layer(name)
        held = {**self.constants(), **self.parameters(), **self.plastic()}
        known = [key.split(".")[-1] for key in held if key.rsplit(".", 1)[0] == name]
        for key, array in arrays.items():
            target = held[f"{name}.{require_known(key, known, f'feedback array of {name}')}"]
            given = require_plain(array, f"{name}.{key}")
            if given.shape != target.shape or given.dtype.kind not in "buif":
                raise ValueError(f"{name}.{key}: expected shape {target.shape}, real numbers, got {describe(array)}")
            with quiet():
                require_finite(given.astype(target.dtype), f"{name}.{key}")         # 1e308 is infinite in float32
        for key, array in arrays.items():
            held[f"{name}.{key}"][...] = array

    def match_to_backprop(self):
        """Put feedback (or W) in the state where every gradient equals backprop's; see `matches_backprop`."""
        raise NotImplementedError(f"{self.name}: nothing makes this rule equal to backprop")

    # --------------------------------------------------------------------------------------------------- life cycle

    def before_training(self, batches):
        """Called once before the first epoch; `batches` may be iterated any number of times."""

    def after_batch(self, x, targets):
        """Called after every update."""

    def after_epoch(self, batches):
        """Called after every epoch."""

    def notes(self):
        """What the record of every epoch should say about this rule, as plain numbers and words."""
        return {}

    def streams(self):
        """{name: numpy.random.Generator}: the rule's random streams."""
        return {} if self.rng is None else {"rng": self.rng}

    def state(self):
        """All that a resumed run needs, {key: array}: own arrays, masks, random streams (as JSON text)."""
        state = {f"{kind}/{key}": array.copy() for kind in ("parameters", "constants", "plastic", "masks")
                 for key, array in getattr(self, kind)().items()}
        return state | {f"streams/{key}": np.array(json.dumps(stream.bit_generator.state, default=np.ndarray.tolist))
                        for key, stream in self.streams().items()}

    def load_state(self, state):
        """Take over what `state` returned, into a rule made with the same options."""
        held = {f"{kind}/{key}": array for kind in ("parameters", "constants", "plastic", "masks")
                for key, array in getattr(self, kind)().items()}
        require_entries(state, [*held, *(f"streams/{key}" for key in self.streams())], "state")
        for key, array in held.items():
            array[...] = require_plain(state[key], key)
        for key, stream in self.streams().items():
            stream.bit_generator.state = json.loads(str(state[f"streams/{key}"]))

    def astype(self, dtype):
        """Convert every floating array of rule and network to float32 or float64, in place; dicts one level deep."""
        dtype = require_dtype(dtype)
        self.network.astype(dtype)
        for attribute, value in vars(self).items():
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                setattr(self, attribute, value.astype(dtype))
            elif isinstance(value, dict):
                for key, entry in value.items():
                    if isinstance(entry, np.ndarray) and entry.dtype.kind == "f":
                        value[key] = entry.astype(dtype)
        return self


def take_step(rule, optimizer, x, targets):
    """One learning phase and one update, by the rule's own calls: x (N, …) and targets of one batch -> Step.

    >>> from feedbackalign.optimizer import SGD
    >>> from feedbackalign.rules.backprop import Backprop
    >>> network, x, labels = small.dense(np.random.default_rng(0))
    >>> losses = [take_step(Backprop(network), SGD(lr=0.1), x, labels).loss for _ in range(2)]
    >>> losses[1] < losses[0]
    True
    """
    rule.meet_optimizer(optimizer)
    step = rule.gradients(x, targets)
    rule.update(optimizer, step)
    masks = rule.network.masks() | rule.masks()
    if masks:
        arrays = rule.network.parameters() | rule.parameters()
        for name in masks.keys() & arrays.keys():
            arrays[name] *= masks[name]                     # synapses that do not exist stay at zero
    rule.after_batch(x, targets)
    return step
