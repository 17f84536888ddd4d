"""Holomorphic equilibrium propagation: nudge the output around a complex circle, and finite nudges give exact errors.

Laborieux & Zenke, "Holomorphic equilibrium propagation computes exact gradients through finite size oscillations",
arXiv 2209.00530 (2022); for weights that are not symmetric: the same, "Improving equilibrium propagation without weight
symmetry through Jacobian homeostasis", arXiv 2309.02214 (ICLR 2024).

    free phase    Eq. 1   a* = σ(W a* + Bᵀ a* + b)                           W from below, B from above, no nudge
    nudging       Eq. 2   a ← h a + (1 − h) σ(W a + Bᵀ a + b + β ∂ℓ/∂a)      β_k = r exp(2πi k/N), each from a*
    errors        Eq. 3   δ = Re 1/N Σ_k a(β_k) / β_k                        wrong by O(rᴺ) as a derivative at β = 0
    learning      Eq. 4   ∂W_n = δ_nᵀ a*_{n−1},  ∂B_n = a*_nᵀ δ_{n−1}        post error × pre free activity, both

`mode` says how δ is found: "points" (Eq. 3), "tangent" (its limit r → 0), "oscillation" (β walks the circle without
end or reset; the mean of a stands for a*). The readout under cross-entropy stays outside; its gradient is the ordinary
one at a*.

Transported   the readout's own weights, in the nudge ∂ℓ/∂a. Below that nothing: W and B are separate synapses.
Local         Eq. 4. What the rule needs instead are phases, or an oscillation that the network can follow.
What it approaches     recurrent backprop, where W and B act as each other's transpose. A circle takes away the bias of
                       finite nudges, never that of asymmetry: with B far from W, δ stays wrong as N → ∞.

Deviations from the paper
    - Damped steps (h = 1/2) of the activities, not plain steps of the potentials: the same fixed points without cycles
      of length two.
    - B0 and W are drawn by the network's initialiser; the paper's is init="lecun-normal". As there, a dense B0 has the
      fan-in of the way down and a convolution's that of W.
    - The oscillation keeps the mean of the activities, not of the potentials: the mean-value property holds for both.
    - A network of clip(v/2, 0, 1) units settles with dsilu, the same unit made smooth; the record says so.
"""

import statistics

import numpy as np

from feedbackalign.alignment import in_float64
from feedbackalign.layers import ACTIVATIONS
from feedbackalign.networks.chains import renamed, settling_chain
from feedbackalign.ops.losses import one_hot
from feedbackalign.rules.base import Step
from feedbackalign.rules.equilibrium.dynamics import answer, readout_gradients, settle
from feedbackalign.rules.equilibrium.exact_gradients import gradients_of_errors
from feedbackalign.rules.equilibrium.settling_rule import SettlingRule
from feedbackalign.rules.holomorphic import nudging, truths
from feedbackalign.rules.holomorphic.recurrent_backprop import recurrent_backprop
from feedbackalign.validation import require_integer, require_known, require_number

SMOOTH = ("tanh", "sigmoid", "steep-sigmoid", "dsilu", "identity")              # holomorphic units
MODES = ("points", "tangent", "oscillation")
TRUSTED_DEFECT = 1e-2               # a larger mean-value defect says that the circle is too wide or has too few points
SETTLED_EXACTLY = 1e-12             # the reference settles longer, up to LONGEST steps
LONGEST = 2_000


class HolomorphicEP(SettlingRule):
    """The change of every unit's activity when the output is nudged around a circle in the complex plane.

    Parameters
    ----------
    network : Network
        (Conv2d, [pooling], unit)*, Flatten, (Linear, unit)* with holomorphic units: tanh, sigmoid, steep-sigmoid or
        dsilu. A clip(v/2, 0, 1) is taken as dsilu.
    rng : numpy.random.Generator
        Draws B0.
    radius : float
        r = |β|, how hard the output is nudged.
    points : int of at least 1
        N; the limit r → 0 is mode "tangent", which needs none.
    mode : "points", "tangent" or "oscillation"
        A phase at each point, a nudge without a size, or one phase that walks through the points.
    free_steps, nudged_steps : int
        Length of the phases; in an oscillation, how long each point holds.
    periods : int of at least 1
        Of an oscillation, beside the first, which is not counted.
    damping : float from 0 to 0.999999
        h, the share of its old state that a unit keeps at each step.
    angle : float in [0, 180]
        Degrees α: B = sin α B0 + cos α W at the start, each layer above the lowest. Both learn from there.
    activation : str, optional
        A unit that takes the place of the network's own.
    pooling : "softmax" or "average", optional
        Takes the place of the network's own pooling.
    readout : bool
        Whether the output stays outside the dynamics under cross-entropy; else its linear units settle too.

    Raises
    ------
    ValueError
        For units or poolings with a kink, naming the layer, and a circle that cannot be walked.

    Examples
    --------
    >>> from feedbackalign.networks import mlp
    >>> net = mlp([4, 5, 5, 2], activation="dsilu", rng=np.random.default_rng(0))
    >>> rule = HolomorphicEP(net, rng=np.random.default_rng(1))
    >>> step = rule.gradients(np.ones((3, 4)), np.array([0, 1, 0]))
    >>> sorted(set(step.grads) - set(net.parameters()))
    ['fc2.B']
    """

    name = "hep"
    paper = "Laborieux, Zenke 2022, arXiv 2209.00530; 2023, arXiv 2309.02214"
    sketch = (("above", "below", "B", "learned"),)
    own_truths = (truths.circle,)
    reads_forward_weights = "no"
    modes = MODES

    def __init__(self, network, *, rng, radius=0.05, points=4, mode="points", free_steps=80, nudged_steps=40,
                 periods=1, damping=0.5, angle=90.0, activation=None, pooling=None, readout=True):
        chain = smooth(settling_chain(network, activation, pooling, readout), activation)
        super().__init__(network, rng=rng, chain=chain, free_steps=free_steps, nudged_steps=nudged_steps,
                         damping=damping)
        self.mode = require_known(mode, MODES, "mode")
        self.radius, self.points = nudging.require_circle(radius, points)
        self.periods = require_integer(periods, "periods", low=1)
        self.angle = require_number(angle, "angle", low=0, high=180)
        self.B = {stage.name: self.draw_B(stage.layer) for stage in self.chain.stages[1:]}

    def draw_B(self, layer):
        """sin α B0 + cos α W in W's shape, B0 drawn as the layer's kind draws feedback."""
        alpha, B0 = np.radians(self.angle), layer.draw_feedback(self.rng)
        cosine = 0.0 if self.angle == 90 else np.cos(alpha)                     # cos 90° is not quite 0 in floats
        B = np.ascontiguousarray(np.sin(alpha) * B0 + cosine * layer.weight, dtype=layer.weight.dtype)
        return B if layer.mask is None else B * layer.mask

    # ------------------------------------------------------------------------------------------ the learning phase

    def gradients(self, x, targets):
        x = self.admit(x)
        if self.mode == "oscillation":
            free, estimate = self.oscillation(x, targets)
        else:
            free, estimate = self.phases(x, targets)
        numbers = self.targets(free, targets)
        loss = self.network.loss(answer(self.chain, free[-1]), targets)
        grads = self.learned(x, free, estimate.deltas) | readout_gradients(self.chain, free[-1], numbers)
        return Step(loss=loss, grads=self.in_own_precision(grads))

    def learned(self, x, free, deltas):
        """The gradients of all synapses below the readout: {"fc1.weight": …, "fc2.B": …, …}."""
        return gradients_of_errors(self.chain, x, free, deltas, self.B)                                     # Eq. 4

    def phases(self, x, targets):
        """Settle, then nudge: -> free states, Estimate."""
        free, residual = self.free_phase(x)                                                                  # Eq. 1
        estimate = self.nudged_phases(x, free, self.targets(free, targets))
        self.remember(residual, estimate, free)
        return free, estimate

    def nudged_phases(self, x, free, targets):
        """δ and what it was read from: -> Estimate."""
        if self.mode == "tangent":
            return nudging.tangent(self.chain, x, free, targets, steps=self.nudged_steps, feedback=self.B,
                                   damping=self.damping)

        def phase(beta):
            return self.settle(x, free, steps=self.nudged_steps, beta=beta, targets=targets)                 # Eq. 2

        return nudging.cauchy_sum(phase, free, nudging.half_circle(self.radius, self.points))              # Eq. 3

    def oscillation(self, x, targets):
        """No phases: -> mean states in the place of the free ones, Estimate.

        a* is settled too, from that mean, but only to measure how far the mean is from it.
        """
        numbers = self.targets(self.chain.rest(len(x), self.precision), targets)
        estimate = nudging.oscillate(self.chain, x, numbers, radius=self.radius, points=self.points,
                                     periods=self.periods, steps=self.nudged_steps, feedback=self.B,
                                     damping=self.damping)
        free, residual = self.settle(x, estimate.mean, steps=self.free_steps)
        self.remember(residual, estimate, free)
        return estimate.mean, estimate

    @property
    def precision(self):
        """Double, whatever the network's: differences of states are divided by β."""
        return np.float64

    def settle(self, x, states, *, beta=0.0, **phase):
        """`dynamics.settle` with this rule's β, which raises the loss where it is positive: minus the β there."""
        return settle(self.chain, x, states, beta=-beta, feedback=self.B, sweep="synchronous", damping=self.damping,
                      **phase)

    def targets(self, states, targets):
        """The numbers that the loss compares with: (N,) labels, each a row with a single 1, or (N, out) -> (N, out)."""
        output = answer(self.chain, states[-1])
        targets = self.network.checked_targets(output, targets)
        return one_hot(targets, output.shape[1]) if targets.ndim == 1 else targets.astype(np.float64)

    def in_own_precision(self, grads):
        """{name: array} in the network's dtype, in the order of its parameters and then the rule's."""
        names = [*self.network.parameters(), *self.parameters()]
        return {name: np.ascontiguousarray(grads[name], dtype=self.network.dtype) for name in names}

    # --------------------------------------------------------------------------------------------- what to compare

    def references(self, x, targets):
        """{"recurrent-backprop": …}, the true gradient of W and of B at a free state settled longer and in float64."""
        exact, x, free, _ = self.settled_exactly(x)
        numbers = exact.targets(free, targets)
        deltas = recurrent_backprop(exact.chain, x, free, numbers, feedback=exact.B, damping=self.damping)
        grads = gradients_of_errors(exact.chain, x, free, deltas, exact.B)
        grads |= readout_gradients(exact.chain, free[-1], numbers)
        return {"recurrent-backprop": {name: grads[name] for name in self.network.parameters() | self.parameters()}}

    def settled_exactly(self, x):
        """-> a float64 copy of the rule, x, the free state that it settles to, and its residual."""
        exact = in_float64(self)
        x = exact.admit(x)
        rest = exact.chain.rest(len(x), exact.precision)
        return exact, x, *exact.settle(x, rest, steps=LONGEST, until=SETTLED_EXACTLY)

    def trace(self, x, targets):
        """One row per phase: its steps, nudge, residual and loss; then the estimate with its mean-value defect."""
        twin = in_float64(self)
        x = twin.admit(x)
        free, residual = twin.free_phase(x)
        rows = [twin.phase_row("free", 0.0, self.free_steps, residual, free, targets)]
        numbers = twin.targets(free, targets)
        if self.mode == "points":
            for beta, _ in nudging.half_circle(self.radius, self.points):
                states, residual = twin.settle(x, free, steps=self.nudged_steps, beta=beta, targets=numbers)
                rows.append(twin.phase_row("nudged", beta, self.nudged_steps, residual, states, targets))
        _, estimate = twin.oscillation(x, targets) if self.mode == "oscillation" else twin.phases(x, targets)
        defect = twin.residuals.running.get("defect", [None])[-1]
        return [*rows, {"phase": self.mode, "radius": None if self.mode == "tangent" else self.radius,
                        "points": 0 if self.mode == "tangent" else self.points, "residual": estimate.residual,
                        "mean_value_defect": defect}]

    def phase_row(self, phase, beta, steps, residual, states, targets):
        output = answer(self.chain, states[-1])
        return {"phase": phase, "beta": beta, "steps": steps, "residual": residual,
                "loss": self.network.loss(np.ascontiguousarray(output.real), targets)}

    # ----------------------------------------------------------------------------------- the record, and what it holds

    def remember(self, residual, estimate, free):
        """Keep how well this batch's phases settled, for the record."""
        self.residuals.add("free", residual)
        self.residuals.add("nudged", estimate.residual)
        defect = nudging.mean_value_defect(estimate, free, self.radius)
        if defect is not None:
            self.residuals.add("defect", defect)

    def notes(self):
        """Unit, mode and B's angle at the start; of the last epoch's phases median and largest residual and defect.

        `not_to_be_trusted` names radius and N where the largest defect is above 1e-2.
        """
        notes = {"activation": self.chain.stages[0].unit.kind, "mode": self.mode, "angle_at_start": self.angle}
        notes |= super().notes()
        if "defect" in self.residuals.last:
            defects = self.residuals.last["defect"]
            notes["mean_value_defect_median"] = statistics.median(defects)
            notes["mean_value_defect_largest"] = max(defects)
            if max(defects) > TRUSTED_DEFECT:
                notes["not_to_be_trusted"] = (f"radius {self.radius:g} with N = {self.points}: mean-value defect "
                                              f"{max(defects):.2g} above {TRUSTED_DEFECT:g}")
        return notes

    def parameters(self):
        return {f"{name}.B": B for name, B in self.B.items()}

    def masks(self):
        """Of a sparse network: a feedback synapse exists where W's does."""
        return {f"{name}.B": mask for name, mask in ((name, self.network.weighted_layer(name).mask) for name in self.B)
                if mask is not None}

    def feedback_weights(self, name):
        """B; W itself at the readout, whose weights carry the nudge; None at the lowest layer, which sends nothing."""
        self.network.weighted_layer(name)
        if self.chain.readout is not None and name == self.chain.readout.name:
            return self.chain.readout.weight
        return self.B.get(name)

    def match_to_tied(self):
        """Put B = W: where the tangent is the true error."""
        for name, B in self.B.items():
            B[...] = self.network.weighted_layer(name).weight


def smooth(chain, activation):
    """The chain with dsilu for its soft clips, unless a unit was asked for; other kinks are refused by name."""
    stages = []
    for stage in chain.stages:
        unit, pool = stage.unit, stage.pool
        if activation is None and unit.kind == "soft-clip":
            unit = renamed(ACTIVATIONS["dsilu"](), unit.name)                   # the same unit, made smooth
        if unit.kind not in SMOOTH:
            raise ValueError(f"{unit.name} after {stage.name} is not holomorphic: expected a unit without kinks "
                             f"({', '.join(SMOOTH)}), got {unit.kind!r}")
        if pool is not None and not pool.is_smooth:
            raise ValueError(f"{pool.name} after {stage.name} is not holomorphic: expected average or softmax "
                             f"pooling (pooling='softmax', or the model settling-conv-soft), got {pool!r}")
        stages.append(stage._replace(unit=unit))
    return chain._replace(stages=stages)
