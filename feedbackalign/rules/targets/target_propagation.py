"""Target propagation: the target goes down layer by layer, through learned inverses g_i (Eq. 4, 5).

The papers and the equations stand in the docstring of `feedbackalign.rules.targets`.

    tp          Eq. 4, feedback by Eq. 10
    dtp         Eq. 5, feedback by Eq. 10      g_i's own error at h_{i+1} is subtracted
    dtp-drl     Eq. 5, feedback by Eq. 11      the feedback learns to undo the whole way to the output and back

With exact inverses of the layers all three give ĥ_i − h_i = −λ J_i⁻¹ e + O(λ²): the Gauss-Newton target. Real layers
have no inverse. For any feedback the move of Eq. 5 is −λ J_{g_i} … J_{g_{L−1}} e + O(λ²). Eq. 10 does not make this
product the pseudoinverse of J_i: a part of such a target changes the weights, but not the output. Eq. 11 does.

Transported   nothing. Noise goes up through the layers and comes back.
Local         Q_i learns from what arrives at layer i; in dtp-drl also from what came down the whole way.
Zero error    dtp and dtp-drl move nothing then; tp moves where g_i(h_{i+1}) is not h_i.

Deviations from the authors' code
    - The layers' units may be others than tanh. The feedback's units stay tanh, as in all of the authors' settings,
      which keeps the targets of ReLUs small.
    - 1/σ² in Eq. 10 uses σ itself (the authors use no σ below 0.02 there).
    - The feedback's update follows that of W on the same batch, at the new weights (the authors: at the old ones).
"""

from feedbackalign.rules.targets import truths
from feedbackalign.rules.targets.reconstruction import reconstruction, sent_down, sent_up
from feedbackalign.rules.targets.target_rule import TargetRule


class TargetPropagation(TargetRule):
    """Targets through learned inverses, layer by layer, without any correction.

    Parameters are those of `TargetRule`.

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
    own_truths = (truths.feedback_slopes,)

    def draw_feedback(self):
        for stage, above in zip(self.hidden, self.stages[1:]):
            self.draw(stage, len(above.layer.weight))                           # Q_i (n_i, n_{i+1})

    def moves(self, seen, top):
        moves = [top]
        for place in reversed(range(len(self.hidden))):
            moves.append(self.move(self.feedback(place), seen.post[place + 1], seen.post[place + 2], moves[-1]))
        return moves[:0:-1]

    def move(self, g, h, above, above_move):
        """The move of one layer, from the activity `above` and the move of the layer above it."""
        return g(above + above_move) - h                                        # (N, n_{i+1}) -> (N, n_i)

    def feedback_gradients(self, place, seen, noisy):
        layer, unit = self.stages[place + 1]
        up = unit.function(layer.answer(noisy))                                                  # (N, n_{i+1})
        return reconstruction(self.feedback(place), noisy, up, weight=1 / self.sigma**2)

    def direct_feedback(self, name):
        """Qᵀ of the layer below, from this layer's units down to its inputs; None at the lowest layer."""
        below = {above.name: stage.name for stage, above in zip(self.stages, self.stages[1:])}
        self.network.weighted_layer(name)
        return self.Q[below[name]].T if name in below else None

    def target_in_words(self, stage):
        return f"g(ĥ above), Q {self.Q[stage.name].shape}"


class DifferenceTargetPropagation(TargetPropagation):
    """Targets through learned inverses, minus the error of the inverse at the layer's own activity.

    Parameters are those of `TargetRule`.

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
    own_truths = TargetPropagation.own_truths + (truths.rest,)

    def move(self, g, h, above, above_move):
        return g(above + above_move) - g(above)                                 # (N, n_{i+1}) -> (N, n_i)

    def target_in_words(self, stage):
        return f"h + g(ĥ above) − g(h above), Q {self.Q[stage.name].shape}"


class DifferenceReconstructionTargetPropagation(TargetPropagation):
    """Difference target propagation with feedback that learns to undo the whole way to the output and back.

    Parameters are those of `TargetRule`.

    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 5, 3, 2], activation="tanh", rng=np.random.default_rng(0))
    >>> rule = DifferenceReconstructionTargetPropagation(net, rng=np.random.default_rng(1))
    >>> rule.train_feedback(np.ones((3, 4)))
    >>> len(rule.losses.running["feedback_loss"])
    1
    """

    name = "dtp-drl"
    usual_step, usual_decay = 0.1, 1e-4
    own_truths = DifferenceTargetPropagation.own_truths
    move = DifferenceTargetPropagation.move
    target_in_words = DifferenceTargetPropagation.target_in_words

    def feedback_gradients(self, place, seen, noisy):
        feedbacks = [self.feedback(k) for k in range(len(self.hidden))]
        up = sent_down(feedbacks, seen.post, place + 1, sent_up(self.stages, place, noisy))     # (N, n_{i+1})
        return reconstruction(feedbacks[place], noisy, up, clean=seen.post[place + 1], clean_up=seen.post[place + 2],
                              weight=1 / self.sigma**2)
