"""Is the controller stable, has it settled, and do its three conditions hold?

The conditions and the equations stand in the docstring of `feedbackalign.rules.control`. With finite time constants the
controller is stable where the linearised system of network and controller is, `system_matrix`:

    A = [ (−I + Ĵ − k_p Q S)/τ    Q/τ  ]    Ĵ: forward weights times slopes; S picks the output layer
        [        −S              −α I  ]    with the leak on the total control −S becomes −S + α k_p S
"""

import numpy as np

from feedbackalign.networks.jacobians import pre_jacobians, slopes
from feedbackalign.ops.norms import norm, scaled
from feedbackalign.ops.quiet import quiet
from feedbackalign.rules.control.dynamics import loop

CONVERGED = 1e-5            # largest residual of a sample that has converged
LEFT = 0.25                 # largest share of its error that it may still have


def residuals(seen, state, target, damping):
    """Every sample's distance from Eq. 4, ‖r_L − (r* − α̃ u)‖ / ‖r_L⁻‖: (N,); inf for nan too."""
    with quiet():
        missing = norm(state.r[-1] - (target - damping * state.u), axis=1)
        missing = missing / np.maximum(norm(seen.output, axis=1), np.finfo(seen.output.dtype).tiny)
    return np.where(np.isfinite(missing), missing, np.inf)


def has_converged(seen, state, target, damping):
    """The authors' filter: a residual below 1e-5, and at most a quarter of the error is left: (N,) bool."""
    return (residuals(seen, state, target, damping) < CONVERGED) & error_fell(seen, state, target, LEFT)


def has_diverged(seen, state, target):
    """Whether a sample's output ended farther from its target than it began, or is nan: (N,) bool."""
    return ~error_fell(seen, state, target, 1.001)


def error_fell(seen, state, target, share):
    """Whether at most this share of a sample's error is left, up to rounding: (N,) bool; False for nan."""
    with quiet():
        left = norm(target - state.r[-1], axis=1)
    at_first = norm(target - seen.output, axis=1)
    rounding = 10 * float(np.finfo(seen.output.dtype).eps) * norm(seen.output, axis=1)
    return left <= share * at_first + rounding


def condition1(rates):
    """How unequal the lengths ‖r_i‖ are: deviation over mean, 0 where condition 1 holds: list of (N, n_i) -> (N,)."""
    lengths = np.stack([norm(r, axis=1) for r in rates])              # (L, N)
    mean = lengths.mean(axis=0)
    return lengths.std(axis=0) / np.where(mean > 0, mean, 1.0)


def condition2(stages, seen, Q):
    """The share of Q in the row space of J, ‖J^† J Q‖ / ‖Q‖, 1 where condition 2 holds: (N,).

    >>> from feedbackalign.networks.jacobians import dense_chain, forward
    >>> from feedbackalign.networks import mlp
    >>> stages = dense_chain(mlp([4, 3, 2], activation="identity", rng=np.random.default_rng(0), dtype=np.float64))
    >>> seen = forward(stages, np.ones((1, 4)))
    >>> J = np.concatenate(pre_jacobians(stages, seen), axis=2)[0]
    >>> np.round(condition2(stages, seen, np.split(J.T, [3])), 9)
    array([1.])
    """
    J, _ = scaled(np.concatenate(pre_jacobians(stages, seen), axis=2))          # (N, out, units): their sizes play no
    Q, _ = scaled(np.concatenate(Q))                                            # (units, out)     part in the share
    JQ = J @ Q                                                                  # (N, out, out)
    inside = JQ * (np.linalg.pinv(J @ J.swapaxes(1, 2), hermitian=True) @ JQ)   # ‖J^†JQ‖² = tr (JQ)ᵀ(JJᵀ)⁻¹(JQ)
    return np.sqrt(np.maximum(inside.sum(axis=(1, 2)), 0.0)) / (norm(Q) or 1.0)


def loop_eigenvalues(stages, seen, Q):
    """The smallest real part of an eigenvalue of J Q, per sample: (N,). Condition 3: above −α."""
    return np.linalg.eigvals(loop(stages, seen, Q)).real.min(axis=1)


def system_matrix(stages, seen, Q, controller):
    """A of every sample, linearised at the given states: (N, units + out, units + out).

    The real parts of its eigenvalues are growth rates per time constant of the controller.
    """
    units = [len(stage.layer.weight) for stage in stages]
    ends = np.cumsum([0, *units])
    N, out, below, whole = len(seen.output), units[-1], sum(units), sum(units) + units[-1]
    A = np.zeros((N, whole, whole), dtype=seen.output.dtype)
    A[:, :below, :below] -= np.eye(below)
    for i, slope in enumerate(slopes(stages, seen)[:-1]):                       # layer i drives layer i + 1
        A[:, ends[i + 1]:ends[i + 2], ends[i]:ends[i + 1]] = stages[i + 1].layer.weight * slope[:, None, :]
    joined, top = np.concatenate(Q), slice(ends[-2], ends[-1])
    A[:, :below, top] -= controller.k_p * joined
    A[:, :below, below:] = joined
    A[:, :below] /= controller.tau
    leak_of_k_p = 0.0 if controller.leak == "integral" else controller.alpha * controller.k_p
    A[:, below:, top] = (leak_of_k_p - 1.0) * np.eye(out)
    A[:, below:, below:] = -controller.alpha * np.eye(out)
    return A


def growth_rates(stages, seen, Q, controller):
    """The largest real part of an eigenvalue of A, per sample: (N,). Below 0: locally stable."""
    return np.linalg.eigvals(system_matrix(stages, seen, Q, controller)).real.max(axis=1)


def why_unstable(stages, seen, Q, controller):
    """A sentence: the eigenvalues of the worst of the first 32 samples, and what to change."""
    few = seen._replace(pre=[v[:32] for v in seen.pre], post=[r[:32] for r in seen.post])
    if not all(np.isfinite(array).all() for array in [*few.pre, *Q]):
        return "the network's own answer is not finite"
    rates, smallest = growth_rates(stages, few, Q, controller), loop_eigenvalues(stages, few, Q)
    worst = int(rates.argmax())
    if rates[worst] > 0:
        return (f"at sample {worst} its linearised dynamics has an eigenvalue of real part {rates[worst]:+.3g}, and "
                f"J Q one of real part {smallest[worst]:+.3g}, to be right of −alpha = {-controller.alpha:.3g}: make "
                f"alpha larger or k_p smaller, or let the feedback weights learn longer before the network does")
    fastest = float(np.abs(np.linalg.eigvals(system_matrix(stages, few, Q, controller))).max())
    return (f"its linearised dynamics decays everywhere (the largest real part is {rates[worst]:+.3g}), but its steps "
            f"overshoot or its target is out of reach: dt · |its fastest eigenvalue| = {controller.dt * fastest:.2g}, "
            f"to be well below 2. Make dt or the target step smaller, or k_p")
