"""Target propagation: the target goes down layer by layer through learned inverses.

Bengio 2014 (plain); Lee, Zhang, Fischer, Bengio 2015 (difference); Meulemans et al., "A theoretical framework for
target propagation", arXiv 2006.14331 (2020) (difference reconstruction loss).

    tp          ĥ_i = g_i(ĥ_{i+1})
    dtp         ĥ_i = g_i(ĥ_{i+1}) − g_i(h_{i+1}) + h_i         what g_i does wrong at h_{i+1} is taken off
    dtp-drl     the same targets; the feedback learns to undo the whole way to the output and back

    feedback    g_i(t) = tanh(Q_i t + c_i), from layer i + 1 down to layer i
    its loss    tp, dtp: layer by layer; dtp-drl: difference, chained (`reconstruction`)

With exact inverses, g_i = f_{i+1}⁻¹, all three give ĥ_i − h_i = −λ J_i⁻¹ e + O(λ²): the Gauss-Newton target. Real
layers have no inverse. With any feedback dtp's move is −λ J_{g_i} … J_{g_{L−1}} e + O(λ²), and the layer-wise loss does
not make that product the pseudoinverse of the layers' own product: targets get parts that change the weights and not
the output. dtp-drl's loss does.

Transported   nothing. Noise goes up through the layers and comes back.
Local         Q_i learns from what arrives at layer i, and (dtp-drl) from what came all the way down.
Zero error    dtp and dtp-drl then move nothing; tp does, wherever g_i(h_{i+1}) is not h_i.

Deviations from the authors' code
    - The layers' own units may be others than tanh; the feedback's stay tanh, which keeps targets of ReLUs from running
      away.
    - 1/σ² in the layer-wise loss is σ's own (theirs: of no σ below 0.02).
    - The feedback's update follows that of W on the same batch, at the new weights (theirs: at the old ones).
"""

import numpy as np

from feedbackalign.layers import Tanh
from feedbackalign.rules.targets import truths as target_truths
from feedbackalign.rules.targets.reconstruction import Feedback, reconstruction, sent_down, sent_up
from feedbackalign.rules.targets.target_rule import TargetRule


class TargetPropagation(TargetRule):
    """Targets through learned inverses, layer by layer, without any correction.

    Parameters are those of `TargetRule`.

    Examples
    --------
    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 5, 3, 2], activation="tanh", rng=np.random.default_rng(0))
    >>> rule = TargetPropagation(net, rng=np.random.default_rng(1))
    >>> {name: array.shape for name, array in rule.plastic().items()}
    {'fc1.Q': (5, 3), 'fc1.c': (5,), 'fc2.Q': (3, 2), 'fc2.c': (3,)}
    """

    name = "tp"
    paper = "Bengio 2014; Lee et al. 2015; Meulemans et al. 2020, arXiv 2006.14331"
    usual_step = 5.0

    def draw_feedback(self):
        for stage, above in zip(self.stages, self.stages[1:]):
            self.Q[stage.name] = stage.layer.draw_weights(self.rng, above.layer.weight.shape[::-1])     # (n_i, n_{i+1})
            self.c[stage.name] = np.zeros(len(stage.layer.weight), dtype=self.network.dtype)

    def feedback(self, place):
        """g down to hidden layer `place`, counted from 0."""
        stage = self.stages[place]
        return Feedback(self.Q[stage.name], self.c[stage.name], Tanh())

    def moves(self, seen, top):
        moves = [top]
        for place in reversed(range(len(self.hidden))):
            moves.append(self.move(self.feedback(place), seen.post[place + 1], seen.post[place + 2], moves[-1]))
        return moves[:0:-1]

    def move(self, g, h, above, above_move):
        """ĥ_i − h_i, from the layer above's."""
        return g(above + above_move) - h                                        # (N, n_{i+1}) -> (N, n_i)

    def feedback_gradients(self, place, seen, noisy):
        layer, unit = self.stages[place + 1]
        up = unit.function(layer.answer(noisy))                                                  # (N, n_{i+1})
        return reconstruction(self.feedback(place), noisy, up, weight=1 / self.sigma**2)

    def direct_feedback(self, name):
        """Qᵀ of the layer below, which leads from this layer's units down to its inputs; None at the lowest layer."""
        below = {above.name: stage.name for stage, above in zip(self.stages, self.stages[1:])}
        return self.Q[below[name]].T if name in below else None

    @classmethod
    def own_truths(cls, rng):
        """The slopes of the feedback's loss."""
        yield from target_truths.feedback_slopes(cls, rng)

    def target_in_words(self, stage):
        return f"g(ĥ above), Q {self.Q[stage.name].shape}"


class DifferenceTargetPropagation(TargetPropagation):
    """Targets through learned inverses, less what the inverse does wrong where nothing has moved.

    Parameters are those of `TargetRule`.

    Examples
    --------
    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 5, 3, 2], activation="tanh", loss="squared-error", rng=np.random.default_rng(0))
    >>> rule = DifferenceTargetPropagation(net, rng=np.random.default_rng(1))
    >>> x = np.ones((1, 4))
    >>> bool(rule.gradients(x, rule.predict(x)).grads["fc1.weight"].any())         # no error, no update
    False
    """

    name = "dtp"
    usual_step = 0.1

    def move(self, g, h, above, above_move):
        return g(above + above_move) - g(above)                                 # (N, n_{i+1}) -> (N, n_i)

    @classmethod
    def own_truths(cls, rng):
        """The slopes of the feedback's loss, and rest at zero error."""
        yield from target_truths.corrected(cls, rng)

    def target_in_words(self, stage):
        return f"h + g(ĥ above) − g(h above), Q {self.Q[stage.name].shape}"


class DifferenceReconstructionTargetPropagation(TargetPropagation):
    """Difference target propagation whose feedback learns to undo the whole way to the output and back.

    Parameters are those of `TargetRule`.

    Examples
    --------
    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 5, 3, 2], activation="tanh", rng=np.random.default_rng(0))
    >>> rule = DifferenceReconstructionTargetPropagation(net, rng=np.random.default_rng(1))
    >>> rule.train_feedback(np.ones((3, 4)))
    >>> len(rule.losses)
    1
    """

    name = "dtp-drl"
    usual_step, usual_decay = 0.1, 1e-4
    move = DifferenceTargetPropagation.move
    target_in_words = DifferenceTargetPropagation.target_in_words

    def feedback_gradients(self, place, seen, noisy):
        feedbacks = [self.feedback(k) for k in range(len(self.hidden))]
        up = sent_down(feedbacks, seen.post, place + 1, sent_up(self.stages, place, noisy))     # (N, n_{i+1})
        return reconstruction(feedbacks[place], noisy, up, clean=seen.post[place + 1], clean_up=seen.post[place + 2],
                              weight=1 / self.sigma**2)

    @classmethod
    def own_truths(cls, rng):
        """The slopes of the feedback's loss, and rest at zero error."""
        yield from target_truths.corrected(cls, rng)
