"""What is exactly true of nudging around a circle: what `own_truths` of this room show in `feedbackalign check`.

    circle          N points on a circle give the derivative; with symmetric weights that is the true error
    homeostasis     its gradient in closed form is the slope of its loss, and its steps shrink W − B by 1 − 4 η λ/n

A truth takes the rule's class and a Generator and yields (what, value, tolerance).
"""

import numpy as np

from feedbackalign.rules.equilibrium.truths import LONG, apart, relative, settled_network
from feedbackalign.rules.holomorphic import homeostasis as formulas
from feedbackalign.rules.holomorphic import nudging
from feedbackalign.rules.holomorphic.recurrent_backprop import solved_errors


def circle(kind, rng):
    """Cauchy sums against the tangent; the tangent against recurrent backprop where B = W."""
    network, x, labels = settled_network(rng, unit="dsilu")
    rule = kind(network, rng=rng, **LONG)
    for name, B in rule.B.items():
        B[...] = 0.5 * B + 0.5 * network.layer(name).weight             # neither equal nor unrelated
    free, _ = rule.settle(x, rule.free_phase(x)[0], steps=5000, until=1e-14)
    targets = rule.targets(free, labels)

    def phase(beta):
        return rule.settle(x, free, steps=5000, beta=beta, targets=targets, until=1e-14)

    def tangent():
        return named(nudging.tangent(rule.chain, x, free, targets, steps=5000, feedback=rule.B, until=1e-16).deltas)

    exact = tangent()
    sums = {(N, radius): nudging.cauchy_sum(phase, free, nudging.half_circle(radius, N))
            for N, radius in ((2, 0.05), (2, 0.1), (8, 0.05))}
    errors = {circle: relative(named(found.deltas), exact) for circle, found in sums.items()}
    ratio = errors[2, 0.1] / errors[2, 0.05]
    yield (f"2 points: error of δ at radius 0.1 over that at 0.05: {ratio:.4g}, relative distance to 4",
           abs(ratio / 4 - 1), 0.2)
    yield "8 points at radius 0.05: δ against the tangent", errors[8, 0.05], 1e-7
    yield "8 points at radius 0.05: mean-value defect", nudging.mean_value_defect(sums[8, 0.05], free, 0.05), 1e-6
    whole = nudging.cauchy_sum(phase, free, nudging.whole_circle(0.05, 8))
    yield "half the circle against the whole", relative(named(sums[8, 0.05].deltas), named(whole.deltas)), 1e-10
    rule.match_to_tied()
    free, _ = rule.settle(x, free, steps=5000, until=1e-14)
    true = solved_errors(rule.chain, x, free, targets, rule.B)
    yield "tangent at B = W against recurrent backprop", relative(tangent(), named(true)), 1e-10


def named(arrays):
    """{0: array, 1: array …}"""
    return dict(enumerate(arrays))


def homeostasis(kind, rng, h=1e-6, steps=20, lr=0.1):
    """Closed form against central differences of the loss; steps on homeostasis alone; probes in the mean."""
    network, x, _ = settled_network(rng)
    rule = kind(network, rng=rng, estimate="closed-form")
    free, _ = rule.free_phase(x)
    weights = {f"{name}.weight": network.layer(name).weight for name in rule.B} | rule.parameters()
    closed = rule.homeostatic_gradients(free)
    slopes = {name: np.empty_like(array) for name, array in weights.items()}
    for name, array in weights.items():
        for place in np.ndindex(array.shape):
            held, losses = array[place], []
            for moved in (held + h, held - h):
                array[place] = moved
                losses.append(formulas.chain_loss(rule.chain, rule.B))
            array[place] = held
            slopes[name][place] = (losses[0] - losses[1]) / (2 * h)
    yield "closed form of homeostasis against central differences", relative(closed, slopes), 1e-6

    probes = formulas.draw_probes(rule.chain, 20_000, rng)
    local = formulas.probed_chain_gradient(rule.chain, probes, rule.B, probes, local=True)  # no pooling reads a state
    yield "local probes (20 000) against the closed form", relative(local, closed), 0.15

    gaps = apart(rule)
    rate = lr * rule.coefficient / formulas.neurons(rule.chain)
    for _ in range(steps):
        pull = rule.homeostatic_gradients(free)
        for name, array in weights.items():
            array -= rate * pull[name]
    faded = {name: (1 - 4 * rate) ** steps * gap for name, gap in gaps.items()}
    what = f"W − B after {steps} homeostatic steps against (1 − 4ηλ/n)^{steps} of it"
    yield what, relative(apart(rule), faded), 1e-12
