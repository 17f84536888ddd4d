"""Direct difference target propagation: every layer's target comes straight from the output's (Eq. 6, 7).

The paper and the equations stand in the docstring of `feedbackalign.rules.targets`.

    ddtp-linear     Eq. 6, feedback by Eq. 12
    ddtp-rhl        Eq. 7, feedback by Eq. 12      R and r are shared by all layers: a hidden layer on the way down. The
                                                   last hidden layer does without, g(t) = tanh(Q t + c)
    ddtp-control    Eq. 6, feedback by Eq. 13

For small noise the minimum of Eq. 12 is Q_i = J_i^†γ: targets become those of Gauss-Newton. A linear Q_i serves all
samples at once, so it matches an average of their pseudoinverses only, (Σ J)ᵀ (Σ J Jᵀ + γ)⁻¹. ddtp-control shows that
the difference is needed: without it Q_i depends on the covariance of the activities.

Transported   nothing. Noise goes up through the layers, and the output's answer comes back.
Local         Q_i learns from the output and from layer i.
When it is backprop     ddtp-linear and ddtp-control in a linear network with Q_i = J_iᵀ. ddtp-linear with Q_i fixed as
                        drawn is direct feedback alignment.

Deviations from the authors' code
    - The units, and when the feedback learns: as in `target_propagation`.
    - The last hidden layer has its biases in all three. In the authors' ddtp-linear it has none, neither forward nor
      back: a side effect of how it is made.
"""

import numpy as np

from feedbackalign.layers import Identity, Tanh
from feedbackalign.rules.targets import truths
from feedbackalign.rules.targets.reconstruction import reconstruction, sent_up
from feedbackalign.rules.targets.target_rule import TargetRule
from feedbackalign.validation import require_bool, require_integer


class DirectTargetPropagation(TargetRule):
    """Targets straight from the output's, through one matrix per layer that learns the Jacobian's pseudoinverse.

    Parameters are those of `TargetRule`.

    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 5, 3, 2], activation="tanh", rng=np.random.default_rng(0))
    >>> rule = DirectTargetPropagation(net, rng=np.random.default_rng(1))
    >>> {name: array.shape for name, array in rule.plastic().items()}
    {'fc1.Q': (5, 2), 'fc2.Q': (3, 2)}
    """

    name = "ddtp-linear"
    paper = "Meulemans et al. 2020, arXiv 2006.14331"
    sketch = (("output", "below", "Q", "learned"),)
    usual_decay = 1e-4
    own_truths = (truths.feedback_slopes, truths.rest, truths.pseudoinverse)
    matches_backprop = "linear network"
    feedback_unit, feedback_bias, moves_are_products = Identity(), False, True

    def draw_feedback(self):
        for stage in self.hidden:
            self.draw(stage, self.network.outputs)                              # Q_i (n_i, out)

    def moves(self, seen, top):
        return [top @ self.Q[stage.name].T for stage in self.hidden]            # (N, out) x (out, n_i) -> (N, n_i)

    def feedback_gradients(self, place, seen, noisy):
        return reconstruction(self.feedback(place), noisy, sent_up(self.stages, place, noisy),
                              clean=seen.post[place + 1], clean_up=seen.output, weight=1 / self.sigma**2)

    def direct_feedback(self, name):
        """Qᵀ of the last hidden layer at the output layer, None elsewhere: only there Q leads to the layer's inputs."""
        last = self.stages[-2].name if len(self.stages) > 1 else None
        self.network.weighted_layer(name)
        return self.Q[last].T if name == self.stages[-1].name and last else None

    def match_to_backprop(self):
        """Set Q_i = J_iᵀ, in a linear network."""
        bent = [stage.unit for stage in self.stages if not isinstance(stage.unit, Identity)]
        if bent:
            raise ValueError(f"{self.name}: matches backprop in linear networks only, and {bent[0].name} is "
                             f"{bent[0]!r}")
        J = np.eye(self.network.outputs, dtype=self.network.dtype)
        for stage, above in zip(self.hidden[::-1], self.stages[:0:-1]):
            J = J @ above.layer.weight                      # (out, n_{i+1}) x (n_{i+1}, n_i) -> (out, n_i)
            self.Q[stage.name][...] = J.T

    def target_in_words(self, stage):
        return f"h + Q (ĥ_L − h_L), Q {self.Q[stage.name].shape}"


class DirectTargetPropagationControl(DirectTargetPropagation):
    """The targets of ddtp-linear, with feedback that learns without the difference: a control experiment.

    Parameters are those of `TargetRule`.

    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 3, 2], activation="tanh", rng=np.random.default_rng(0))
    >>> sorted(DirectTargetPropagationControl(net, rng=np.random.default_rng(1)).plastic())
    ['fc1.Q', 'fc1.c']
    """

    name = "ddtp-control"
    usual_decay = 1e-5
    own_truths = (truths.feedback_slopes, truths.rest)
    feedback_bias = True

    def feedback_gradients(self, place, seen, noisy):
        return reconstruction(self.feedback(place), noisy, sent_up(self.stages, place, noisy))


class RandomHiddenTargetPropagation(DirectTargetPropagation):
    """Targets straight from the output's, through a fixed random hidden layer that all feedback shares.

    Parameters
    ----------
    hidden_units : int of at least 1
        Size of the shared layer on the way down.
    recurrent : bool
        Whether a layer's feedback also reads the layer's own activity, without noise.
    **options
        Those of `TargetRule`.

    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 5, 3, 2], activation="tanh", rng=np.random.default_rng(0))
    >>> rule = RandomHiddenTargetPropagation(net, rng=np.random.default_rng(1), hidden_units=20)
    >>> {name: array.shape for name, array in (rule.plastic() | rule.constants()).items()}
    {'fc1.Q': (5, 20), 'fc1.c': (5,), 'fc2.Q': (3, 2), 'fc2.c': (3,), 'fc3.R': (20, 2), 'fc3.r': (20,)}
    """

    name = "ddtp-rhl"
    sketch = (("output", "middle", "R", "fixed"), ("middle", "below", "Q", "learned"))
    own_truths = (truths.feedback_slopes, truths.rest)
    feedback_unit, feedback_bias, moves_are_products = Tanh(), True, False
    matches_backprop = "never"
    match_to_backprop = TargetRule.match_to_backprop        # nothing does
    learning_rate_factor = 0.3                              # at the common rate networks of ReLUs fall back

    def __init__(self, network, *, rng, hidden_units=256, recurrent=False, **options):
        self.hidden_units = require_integer(hidden_units, "hidden_units", low=1)
        self.recurrent = require_bool(recurrent, "recurrent")
        super().__init__(network, rng=rng, **options)

    def draw_feedback(self):
        out, dtype = self.network.outputs, self.network.dtype
        bound = 1 / np.sqrt(out)
        self.R = self.rng.uniform(-bound, bound, size=(self.hidden_units, out)).astype(dtype)
        self.r = self.rng.uniform(-bound, bound, size=self.hidden_units).astype(dtype)
        for stage in self.hidden:
            read = self.hidden_units + self.recurrent * len(stage.layer.weight)
            self.draw(stage, out if stage is self.hidden[-1] else read)

    def code(self, place, t, h):
        """What feedback `place` reads: z(t), joined with h if recurrent; at the last hidden layer t itself."""
        if place == len(self.hidden) - 1:
            return t
        z = Tanh.function(t @ self.R.T + self.r)                                # (N, out) x (out, H) -> (N, H)
        return np.concatenate([z, h], axis=1) if self.recurrent else z

    def moves(self, seen, top):
        moves = []
        for place in range(len(self.hidden)):
            g, h = self.feedback(place), seen.post[place + 1]
            moves.append(g(self.code(place, seen.output + top, h)) - g(self.code(place, seen.output, h)))
        return moves

    def feedback_gradients(self, place, seen, noisy):
        h = seen.post[place + 1]
        up = self.code(place, sent_up(self.stages, place, noisy), h)
        return reconstruction(self.feedback(place), noisy, up, clean=h, clean_up=self.code(place, seen.output, h),
                              weight=1 / self.sigma**2)

    def constants(self):
        top = self.stages[-1].name
        return {f"{top}.R": self.R, f"{top}.r": self.r}

    def target_in_words(self, stage):
        return f"h + g(ĥ_L) − g(h_L), Q {self.Q[stage.name].shape}"
