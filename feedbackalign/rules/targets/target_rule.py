"""What the rules of target propagation share: a rule gives the moves of Eq. 3, and says how its feedback learns.

The equations stand in the docstring of `feedbackalign.rules.targets`. A rule writes `moves` and `feedback_gradients`.
The feedback has an optimiser of its own. It learns for a number of updates before training, once after every update of
W on the same batch, and for whole epochs in between.
"""

import copy
import itertools

import numpy as np

from feedbackalign.alignment import angle
from feedbackalign.layers import Tanh
from feedbackalign.networks import small
from feedbackalign.networks.jacobians import (dense_chain, forward, gradients_of_signals, last_pass,
                                              layerwise_gauss_newton, slopes)
from feedbackalign.ops.norms import norm
from feedbackalign.optimizer import SGD, Adam
from feedbackalign.rules.base import Rule, Step
from feedbackalign.rules.epochs import EpochSums
from feedbackalign.rules.targets.reconstruction import Feedback
from feedbackalign.validation import (describe, require_factor, require_finite, require_generator, require_integer,
                                      require_known, require_number, require_step)

OPTIMIZERS = {"adam": Adam, "sgd": SGD}


class TargetRule(Rule):
    """A target for every layer, from feedback that learns to undo the way up.

    The argument `targets` of the methods are the labels of the batch, as in every rule. A layer's target is ĥ_i.

    Parameters
    ----------
    network : Network
        Dense layers under a linear output; see `jacobians.dense_chain`.
    rng : numpy.random.Generator
        Draws the feedback weights and the noise.
    target_step : float above 0
        λ. At least 1.5e-8: with a smaller step the difference of two activities, taken in float64, loses its digits.
        Where moves are products alone, any λ that the network's dtype can hold. None: 0.1, and 5 for tp, whose targets
        must lie farther away than the errors of its inverses.
    gamma : float of at least 0
        γ, the damping of the Gauss-Newton reference; part of its name.
    sigma : float above 0
        σ, the deviation of the noise. Large noise biases what the feedback learns.
    feedback_lr : float above 0
        Of the feedback's optimiser. Gradients are averaged over a layer's units.
    feedback_decay : float, optional
        Acts as damping: with SGD γ is decay · units / 2. None: 1e-4 for the difference losses, else 1e-5.
    feedback_optimizer : "adam" or "sgd"
        What the feedback learns by.
    pretraining : int of at least 0
        Updates of the feedback before training.
    extra_epochs : int of at least 0
        Epochs in which only the feedback learns, after every epoch of training.

    Raises
    ------
    ValueError
        For layers that are not dense, σ = 0, a λ that is too small, a negative γ.
    """

    paper = "Meulemans et al. 2020, arXiv 2006.14331"
    sketch = (("above", "below", "Q", "learned"),)
    takes = "dense networks"
    usual_step, usual_decay = 0.1, 1e-5
    feedback_unit, feedback_bias = Tanh(), True             # u, and whether there is c, in g(t) = u(Q t + c)
    moves_are_products = False                              # whether moves are linear in λ: no difference is taken
    feedback_optimizers = tuple(OPTIMIZERS)                 # what the option can be, for help

    def __init__(self, network, *, rng, target_step=None, gamma=0.1, sigma=0.1, feedback_lr=1e-3, feedback_decay=None,
                 feedback_optimizer="adam", pretraining=1500, extra_epochs=1):
        super().__init__(network, rng=require_generator(rng, type(self).__name__))
        self.stages = dense_chain(network)
        step = self.usual_step if target_step is None else target_step
        if self.moves_are_products:
            tiny = float(np.finfo(network.dtype).tiny)
            self.target_step = require_number(step, "target_step", low=tiny, high=1 / tiny)
        else:
            self.target_step = require_step(step, "target_step", np.dtype(np.float64))
        self.gamma = require_factor(gamma, "gamma", network.dtype)
        self.sigma = require_step(sigma, "sigma", network.dtype)
        require_known(feedback_optimizer, OPTIMIZERS, "feedback_optimizer")
        self.feedback_optimizer = OPTIMIZERS[feedback_optimizer](
            require_factor(feedback_lr, "feedback_lr", network.dtype, low_open=True), weight_decay=require_factor(
                self.usual_decay if feedback_decay is None else feedback_decay, "feedback_decay", network.dtype))
        self.pretraining = require_integer(pretraining, "pretraining", low=0)
        self.extra_epochs = require_integer(extra_epochs, "extra_epochs", low=0)
        self.Q, self.c = {}, {}                             # {name of the layer that they lead down to: array}
        self.losses = EpochSums()                           # of the feedback; see `notes`
        self.draw_feedback()

    # ------------------------------------------------------------------------------------------- what a rule writes

    def draw_feedback(self):
        """Call `draw` for every hidden layer, if the rule has feedback."""

    def moves(self, seen, top):
        """THE RULE: from the output's move `top` (N, out) the hidden layers' moves m_i, a list from the bottom up."""
        raise NotImplementedError(f"{type(self).__name__} does not say what the targets are: write moves()")

    def feedback_gradients(self, place, seen, noisy):
        """Loss and gradients, (float, {"Q": array, …}), of the feedback down to hidden layer `place`, from 0."""
        raise NotImplementedError(f"{type(self).__name__} does not say how feedback learns: write feedback_gradients()")

    def target_in_words(self, stage):
        """The formula of this hidden layer's target, for the trace."""
        return "ĥ"

    # ------------------------------------------------------------------------------------------- the learning phase

    def gradients(self, x, targets):
        require_finite(x, "x")
        output = self.network.forward(x)                                        # Eq. 1: (N, …) -> (N, out)
        loss, error = self.network.loss(output, targets), self.network.sample_errors(output, targets)
        seen = last_pass(self.stages, output)
        return Step(loss=loss, grads=gradients_of_signals(self.stages, seen, self.signals(seen, error)))   # Eq. 9

    def signals(self, seen, error):
        """−D_i m_i / λ of the hidden layers, then e: a list of (N, n_i), uphill as errors are."""
        moves = self.checked_moves(seen, error)                                 # Eq. 2, 3
        return [slope * (move / -self.target_step) for slope, move in zip(slopes(self.stages, seen), moves)] + [error]

    def targets_of(self, x, targets):
        """The targets ĥ_i of all layers, from the bottom up, the output's last: a list of (N, n_i)."""
        seen = forward(self.stages, x)
        error = self.network.sample_errors(seen.output, targets)
        moves = [*self.checked_moves(seen, error), -self.target_step * error]
        return [(h + move).astype(h.dtype) for h, move in zip(seen.post[1:], moves)]

    def checked_moves(self, seen, error):
        """The rule's moves of the hidden layers, in float64; refused unless there is one for each, in its shape."""
        top = -self.target_step * error.astype(np.float64)                                              # Eq. 2
        precise = seen._replace(post=[h.astype(np.float64) for h in seen.post])     # small changes keep their digits
        moves, shapes = self.moves(precise, top), [h.shape for h in seen.post[1:-1]]
        if not isinstance(moves, (list, tuple)) or list(map(np.shape, moves)) != shapes:
            came = ", ".join(map(describe, moves)) if isinstance(moves, (list, tuple)) else describe(moves)
            raise ValueError(f"{type(self).__name__}.moves: expected arrays of shapes {', '.join(map(str, shapes))}, "
                             f"one per hidden layer from the bottom up, got {came or 'none'}")
        return moves

    def sent_down(self, output, targets):
        """{place: move of that hidden layer}, the lowest at 0."""
        seen, error = last_pass(self.stages, output), self.network.sample_errors(output, targets)
        return dict(enumerate(self.checked_moves(seen, error)))

    @classmethod
    def small_networks(cls, rng):
        yield "dense", *small.dense(rng)

    # ------------------------------------------------------------------------------------------------- the feedback

    @property
    def hidden(self):
        """The hidden layers: all stages but the output."""
        return self.stages[:-1]

    def draw(self, stage, inputs):
        """Draw feedback from this many inputs down to a hidden layer; it has biases where the layer has."""
        units = len(stage.layer.weight)
        self.Q[stage.name] = stage.layer.draw_weights(self.rng, (units, inputs))
        if self.feedback_bias and stage.layer.bias is not None:
            self.c[stage.name] = np.zeros(units, dtype=self.network.dtype)

    def feedback(self, place):
        """The feedback g down to hidden layer `place`, from 0."""
        name = self.stages[place].name
        return Feedback(self.Q[name], self.c.get(name), self.feedback_unit)

    def before_training(self, batches):
        """Train the feedback alone, with the network's first weights."""
        if self.Q:
            again_and_again = itertools.chain.from_iterable(itertools.repeat(batches))
            for x, _ in itertools.islice(again_and_again, self.pretraining):
                self.train_feedback(x)

    def after_batch(self, x, targets):
        self.train_feedback(x)

    def after_epoch(self, batches):
        for _ in range(self.extra_epochs if self.Q else 0):
            for x, _ in batches:
                self.train_feedback(x)
        self.losses.end_epoch()

    def train_feedback(self, x):
        """One update of all feedback on one batch, with separate noise for every hidden layer."""
        if not self.Q:
            return
        seen = forward(self.stages, x)
        gradients, losses = {}, []
        for place, stage in enumerate(self.hidden):
            h = seen.post[place + 1]
            noisy = h + self.sigma * self.rng.standard_normal(h.shape, dtype=h.dtype)
            loss, found = self.feedback_gradients(place, seen, noisy)
            gradients |= {f"{stage.name}.{key}": gradient / h.shape[1] for key, gradient in found.items()}
            losses.append(loss / h.shape[1])
        self.feedback_optimizer.step(self.plastic(), gradients)
        self.losses.add("feedback_loss", sum(losses) / len(losses))

    def plastic(self):
        return {f"{name}.{key}": held[name] for name in self.Q for key, held in (("Q", self.Q), ("c", self.c))
                if name in held}

    # --------------------------------------------------------------------------------------------- what to compare

    def references(self, x, targets):
        """{"gauss-newton(γ)": every layer's own damped Gauss-Newton step, "backprop": …}."""
        require_finite(x, "x")
        twin = copy.deepcopy(self.network).astype(np.float64)
        stages, output = dense_chain(twin), twin.forward(x)
        gauss_newton = layerwise_gauss_newton(stages, last_pass(stages, output), twin.sample_errors(output, targets),
                                              self.gamma)
        return {f"gauss-newton({self.gamma:g})": gauss_newton} | super().references(x, targets)

    def trace(self, x, targets):
        """One row per layer, from the top: its target and the distance to it, the update of W, and its angles."""
        twin = copy.deepcopy(self).astype(np.float64)
        step, references = twin.gradients(x, targets), self.references(x, targets)
        seen = forward(twin.stages, x)
        moves = [target - h for target, h in zip(twin.targets_of(x, targets), seen.post[1:])]
        rows = []
        for stage, move in reversed(list(zip(twin.stages, moves))):
            weight = f"{stage.name}.weight"
            rows.append({
                "layer": stage.name,
                "target": "h − λ e" if stage is twin.stages[-1] else twin.target_in_words(stage),
                "distance": float(norm(move, axis=1).mean()),
                "update_norm": norm(step.grads[weight]),
                **{f"angle_to_{name}": angle(step.grads[weight], exact[weight]) for name, exact in references.items()},
            })
        return rows

    def notes(self):
        """The feedback's loss, mean over units, layers and the last epoch's updates; {} if no feedback learns."""
        losses = self.losses.last.get("feedback_loss")
        return {"feedback_loss": float(np.mean(losses)) if losses else None} if self.Q else {}

    # ------------------------------------------------------------------------------------------------- what it holds

    def state(self):
        moments = {f"feedback_optimizer/{key}": array for key, array in self.feedback_optimizer.state().items()}
        return super().state() | moments | self.losses.state()

    def load_state(self, state):
        super().load_state(state)
        prefix = "feedback_optimizer/"
        self.feedback_optimizer.load_state({key.removeprefix(prefix): array for key, array in state.items()
                                            if key.startswith(prefix)})
        self.losses.load_state(state)
