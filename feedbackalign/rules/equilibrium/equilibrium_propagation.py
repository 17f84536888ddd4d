"""Equilibrium propagation: let the network settle, pull its output a little towards the target, see what moved.

Scellier, Bengio 2017; the symmetric estimator and convolutional networks: Laborieux, Ernoult, Scellier, Bengio,
Grollier, Querlioz, "Scaling equilibrium propagation to deep convnets by drastically reducing its gradient estimator
bias", arXiv 2006.03824 (Frontiers in Neuroscience 15:633674, 2021).

    free phase       s* = settle(0, β = 0)           the state in which the loss is read
    nudged phases    s⁺ = settle(s*, +β), s⁻ = settle(s*, −β), both from s*
    learning         Eq. 1   one-sided      ĝ = −(G(s⁺) − G(s*)) / β              bias O(β)
                     Eq. 2   random-sign    the same with β's sign drawn for every batch
                     Eq. 3   symmetric      ĝ = −(G(s⁺) − G(s⁻)) / 2β             bias O(β²)

G(s) = ∂Φ/∂θ is the product of the activities at the two ends of every synapse (`dynamics`). A readout
under cross-entropy has its ordinary gradient, at s⁺ (one-sided) or averaged over s⁺ and s⁻ (symmetric).

Transported   W is its own feedback: the layer above drives the layer below through the same synapses read backwards.
Local         pre- and postsynaptic activity, in two or three phases; no error is sent anywhere.
What it approaches     the implicit gradient of the settled loss as β → 0; with synchronous sweeps and T nudged steps
                       backpropagation through the last T steps.

Deviations from the paper
    - Alternating sweeps (odd layers, then even ones) instead of all layers at once: the same fixed points, without
      the cycles of length two that synchronous layers fall into. `sweep="synchronous"` is the paper's.
    - The phases are short (30 and 15 steps against 250 and 25): the networks here are. With convolutions they have 120
      and 60 at most, and a sample rests once its residual is 0.01: after some epochs a few samples of every batch are
      slow, and 30 and 15 steps leave nine batches in ten unsettled. Units then also go 1.3 times as far as they are
      driven (damping = −0.3, successive over-relaxation): the same fixed points in two thirds of the steps. Both
      nudged phases settle as one batch.
    - Weights are drawn by the network's initialiser, and biases start at zero; the paper's are init="pytorch-default".
The paper's text was read as the authors' code. The collapse of the one-sided estimator on CIFAR-10 does not show on
small dense networks; on the digits all three estimators learn about equally well, and what differs is the angle to the
exact gradient. It does show on two convolutions (figure `estimators`). Hard units stuck at 0 keep deeper small networks
(three and more hidden layers) from learning.
"""

import numpy as np

from feedbackalign.alignment import in_float64
from feedbackalign.layers import Identity
from feedbackalign.networks.chains import settling_chain
from feedbackalign.rules.base import Step
from feedbackalign.rules.equilibrium import truths
from feedbackalign.rules.equilibrium.dynamics import (SWEEPS, answer, chosen, primitive_gradients,
                                                      readout_gradients, settle_each)
from feedbackalign.rules.equilibrium.exact_gradients import (EXACTLY, implicit_gradients, settle_exactly,
                                                             truncated_gradients)
from feedbackalign.rules.equilibrium.settling_rule import SettlingRule
from feedbackalign.validation import require_known, require_step

ESTIMATORS = ("symmetric", "one-sided", "random-sign")
PLAIN = {"free_steps": 30, "nudged_steps": 15, "settled": 0.0, "damping": 0.0}
CONVOLUTIONAL = {"free_steps": 120, "nudged_steps": 60, "settled": 1e-2, "damping": -0.3}
USUAL_BETA = {"cross-entropy": 1.0, "squared-error": 0.5}                       # the paper's


class EquilibriumPropagation(SettlingRule):
    """The change of every synapse's pre- and postsynaptic product when the output is nudged.

    Parameters
    ----------
    network : Network
        (Conv2d, [pooling], unit)*, Flatten, (Linear, unit)* with bounded units; see `settling_chain`.
    rng : numpy.random.Generator
        Draws the sign of random-sign.
    estimator : "symmetric", "one-sided" or "random-sign"
        From nudges of β and −β, of β alone, or of one of both by chance.
    beta : float, optional
        β, how hard the output is nudged; 1 under cross-entropy and 0.5 under squared error if None. At least 3.5e-4 in
        float32 and 1.5e-8 in float64, the root of the rounding: with less, rounding hides the difference of two states.
        How far the phases are from settled is divided by β too, so a small β needs long phases, or a small `settled`.
    free_steps, nudged_steps : int, optional
        Most steps of the phases. None: 30 and 15; but 120 and 60 where a network has convolutions and neither is given.
    settled : float from 0 to 1, optional
        Residual at which a sample counts as settled and rests; a phase ends early once all samples do. 0: never. None:
        0; but with convolutions, and neither length given, 0.01, or 0.01 |beta| where that is less.
    activation : str, optional
        A unit that takes the place of the network's own.
    pooling : "max", "average" or "softmax", optional
        Takes the place of the network's own pooling.
    readout : bool
        Whether the output stays outside the dynamics under cross-entropy; else its linear units settle too.
    sweep : "alternating" or "synchronous"
        Whether every other layer moves at a time, or all at once.
    damping : float from -0.5 to 0.999999, optional
        Share of its old state that a unit keeps at each step. Below 0, which takes alternating sweeps, it goes beyond
        where it is driven, and settles sooner (successive over-relaxation). None: 0; but -0.3 in `ep` with
        convolutions, alternating sweeps and neither length given.

    Raises
    ------
    ValueError
        For a network that cannot settle, naming the layer, or a β that is zero, too small or too large.
    FloatingPointError
        From any phase that is no longer finite, naming step and layer.

    Examples
    --------
    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 5, 5, 2], activation="soft-clip", rng=np.random.default_rng(0))
    >>> rule = EquilibriumPropagation(net, rng=np.random.default_rng(1))
    >>> step = rule.gradients(np.ones((3, 4)), np.array([0, 1, 0]))
    >>> sorted(step.grads) == sorted(net.parameters())
    True
    """

    name = "ep"
    paper = "Scellier, Bengio 2017; Laborieux et al. 2021, arXiv 2006.03824"
    sketch = (("above", "below", "W", "W"),)
    own_truths = (truths.nudge,)
    reads_forward_weights = "yes"
    least_damping = -0.5
    is_tied = True
    estimators, sweeps = ESTIMATORS, SWEEPS                                     # what the options can be, for help

    def __init__(self, network, *, rng, estimator="symmetric", beta=None, free_steps=None, nudged_steps=None,
                 settled=None, activation=None, pooling=None, readout=True, sweep="alternating", damping=None):
        chain = settling_chain(network, activation, pooling, readout)
        self.estimator = require_known(estimator, ESTIMATORS, "estimator")
        self.beta = require_beta(USUAL_BETA[network.loss_name] if beta is None else beta, chain, estimator)
        self.sweep = require_known(sweep, SWEEPS, "sweep")
        given = {"free_steps": free_steps, "nudged_steps": nudged_steps, "settled": settled, "damping": damping}
        usual = dict(CONVOLUTIONAL if chain.has_images and free_steps is nudged_steps is None else PLAIN)
        usual["settled"] *= min(1.0, abs(self.beta))                            # what has not settled is divided by β
        if sweep == "synchronous" or not self.is_tied:                          # to go beyond would make it swing
            usual["damping"] = 0.0
        if sweep == "synchronous":
            self.least_damping = 0.0
        super().__init__(network, rng=rng, chain=chain,
                         **{name: usual[name] if value is None else value for name, value in given.items()})

    # ------------------------------------------------------------------------------------------------- the phases

    def nudged_phase(self, x, targets, states, beta):
        """Settle with nudge β from a free state -> states, residual."""
        return self.settle(x, states, steps=self.nudged_steps, beta=beta, targets=targets)

    def both_nudged_phases(self, x, targets, states, beta):
        """Settle with β and with −β, as one batch of twice the size -> states, states, both residuals."""
        N = len(x)
        twice, betas = np.tile(np.arange(N), 2), np.repeat(np.array([beta, -beta], dtype=x.dtype), N)
        both, residuals = self.settle_each(chosen(x, twice), [chosen(state, twice) for state in states],
                                           steps=self.nudged_steps, beta=betas, targets=targets[twice])
        return [state[:N] for state in both], [state[N:] for state in both], residuals.reshape(2, N).max(axis=1)

    def settle(self, x, states, **phase):
        states, residuals = self.settle_each(x, states, **phase)
        return states, float(residuals.max())

    def settle_each(self, x, states, **phase):
        """`dynamics.settle_each` from these states, with the rule's own options -> states, residuals."""
        return settle_each(self.chain, x, states, feedback=self.feedback(), sweep=self.sweep, damping=self.damping,
                           until=self.settled, **phase)

    def feedback(self):
        """Weights from above, {layer: array}; None: W itself."""
        return None

    def gradients(self, x, targets):
        x = self.admit(x)
        free, residual = self.free_phase(x)
        loss = self.network.loss(answer(self.chain, free[-1]), targets)
        beta = require_beta(self.beta, self.chain, self.estimator)
        if self.estimator == "random-sign" and self.rng.random() < 0.5:
            beta = -beta
        self.residuals.add("free", residual)
        if self.estimator == "symmetric":
            plus, minus, residuals = self.both_nudged_phases(x, targets, free, beta)
            readout = mean_of(*(readout_gradients(self.chain, states[-1], targets) for states in (plus, minus)))
            grads = self.contrast(x, free, plus, minus, 2 * beta)                                        # Eq. 3
        else:
            plus, *residuals = self.nudged_phase(x, targets, free, beta)
            readout = readout_gradients(self.chain, plus[-1], targets)
            grads = self.contrast(x, free, plus, free, beta)                                             # Eq. 1, 2
        for residual in residuals:
            self.residuals.add("nudged", float(residual))
        return Step(loss=loss, grads=grads | readout)

    def contrast(self, x, free, plus, minus, distance):
        """−(G(s⁺) − G(s⁻)) / distance in β, {"fc1.weight": array, …}; s⁻ is the free state in Eq. 1 and 2."""
        up, down = primitive_gradients(self.chain, x, plus), primitive_gradients(self.chain, x, minus)
        return {name: (down[name] - up[name]) / distance for name in up}

    # --------------------------------------------------------------------------------------------- what to compare

    def references(self, x, targets):
        """The exact gradients at a free state settled to 1e-10 in float64: {"implicit": grads, …}.

        With synchronous sweeps also "bptt(T)", T the nudged steps. A network that does not settle has no exact
        gradient: the names then end in " (not settled)", and the last row of `trace` says how far it was.
        """
        exact = in_float64(self)
        x = exact.admit(x)
        states, residual = exact.settle_exactly(x)
        exact.network.checked_targets(answer(exact.chain, states[-1]), targets)
        implicit, remainder = implicit_gradients(exact.chain, x, states, targets, exact.feedback())
        named = {"implicit": (implicit, max(residual, remainder))}
        if self.sweep == "synchronous":
            truncated = truncated_gradients(exact.chain, x, states, targets, self.nudged_steps, exact.feedback())
            named[f"bptt({self.nudged_steps})"] = (truncated, residual)
        return {name if rest <= EXACTLY else f"{name} (not settled)": self.comparable(gradients)
                for name, (gradients, rest) in named.items()}

    def settle_exactly(self, x):
        """The free state as references take it -> states, residual."""
        return settle_exactly(self.chain, x, feedback=self.feedback(), sweep=self.sweep, damping=self.damping)

    def comparable(self, gradients):
        """A reference's gradients of the network's parameters and the rule's own, by their names and in their order."""
        return {name: gradients[name] for name in self.network.parameters() | self.parameters()}

    def trace(self, x, targets):
        """One row per phase: its steps (None: as many as it takes), nudge, residual, and the loss at its end."""
        twin = in_float64(self)
        x, taken = twin.admit(x), []
        rest = twin.chain.rest(len(x), twin.precision)
        free, residual = twin.settle(x, rest, steps=self.free_steps, watch=taken.append)
        phases = [("free", 0.0, len(taken), free, residual)]
        for beta in (self.beta, -self.beta) if self.estimator == "symmetric" else (self.beta,):
            taken.clear()
            found = twin.settle(x, free, steps=self.nudged_steps, beta=beta, targets=targets, watch=taken.append)
            phases.append(("nudged", beta, len(taken), *found))
        phases.append(("free, for the references", 0.0, None, *twin.settle_exactly(x)))
        return [{"phase": phase, "beta": beta, "steps": steps, "residual": residual,
                 "loss": self.network.loss(answer(twin.chain, states[-1]), targets)}
                for phase, beta, steps, states, residual in phases]

    def notes(self):
        """Also what of the phases was given, or chosen by the rule itself."""
        chosen = ("beta", "free_steps", "nudged_steps", "settled", "damping")
        return {"phases": {name: getattr(self, name) for name in chosen}} | super().notes()

    def feedback_weights(self, name):
        """W itself, at every layer: the readout's nudge travels through its W too. The angle is 0 by construction."""
        return self.network.weighted_layer(name).weight

    def match_to_tied(self):
        """Put the feedback where the estimate is exact as β → 0: W is its own already."""


def require_beta(beta, chain, estimator):
    """Refuse a β whose effect drowns in rounding, as that of 0, and one that makes a linear top run away."""
    beta = require_step(beta, "beta", chain.network.dtype, nudge=True)
    is_linear = chain.network.loss_name == "squared-error" and isinstance(chain.stages[-1].unit, Identity)
    runs_away = is_linear and abs(beta) >= 1                # the nudge of cross-entropy has a bound
    if runs_away and (estimator != "one-sided" or beta < 0):
        raise ValueError(f"beta: expected |beta| below 1 under squared error with a linear top, which a negative nudge "
                         f"drives away from its target without end, got {beta!r}")
    return beta


def mean_of(first, second):
    return {name: (first[name] + second[name]) / 2 for name in first}
