"""Sleep: the feedback weights learn from noise, which the controller fights (Eq. 10, 11).

Equations are those in the docstring of `feedbackalign.rules.control`. The target is the output that the network has
anyway. Noise enters every feedback compartment and moves the output; the controller pushes against it. So noise and the
control that follows it tell what this neuron does to the output. Eq. 11 has a minus because the control opposes the
noise. u is taken one step later: u(t + dt) is the first control that has seen v^fb(t), in a network that passes signals
on at once.

For a linear network and a slow controller the mean of Eq. 11 is proportional to Jᵀ − QΣ − β'Q, where Σ solves
AΣ + ΣAᵀ = JJᵀ with A = JQ + αI. Learning comes to rest at Q = Jᵀ(Σ + β'I)⁻¹: condition 2 holds for every α. For a large
α, Q ∝ Jᵀ(JJᵀ + 2αβ'I)⁻¹, a damped pseudoinverse.

The weight mirror is simpler: noise in a forward pass without a controller. There Q becomes Jᵀ/β.
"""

import numpy as np

from feedbackalign.ops.norms import norm
from feedbackalign.rules.control.dynamics import push, run
from feedbackalign.validation import require_integer, require_number, require_step


def sleep_change(stages, seen, Q, controller, noise, *, steps, floor=0.0):
    """The first term of Eq. 11, measured in one sleep phase: a list of (n_i, out).

    `steps` is the number of Euler steps, `floor` the smallest σ that is divided by. A large α keeps the controller
    stable while Q is still wrong.

    >>> from feedbackalign.rules.control.dynamics import Controller, Noise
    >>> from feedbackalign.networks.jacobians import dense_chain, forward
    >>> from feedbackalign.networks import mlp
    >>> stages = dense_chain(mlp([3, 4, 2], rng=np.random.default_rng(0), dtype=np.float64))
    >>> Q = [np.zeros((4, 2)), np.eye(2)]
    >>> change = sleep_change(stages, forward(stages, np.ones((8, 3))), Q, Controller(alpha=0.5, dt=0.005, tau=0.01),
    ...                       Noise(np.random.default_rng(1)), steps=40)
    >>> [array.shape for array in change]
    [(4, 2), (2, 2)]
    """
    if controller.dt > noise.tau:
        raise ValueError(f"dt of the sleep phase: expected a step no longer than the noise's time constant "
                         f"{noise.tau:g}, got {controller.dt:g}")
    if not controller.instantaneous:
        raise ValueError("instantaneous: expected True in the sleep phase: otherwise the noise of the lower layers "
                         "reaches the control several steps late, and Eq. 11 pairs it with the wrong one")
    steps = require_integer(steps, "steps of the sleep phase", low=2)
    before, total = np.zeros((len(seen.output), sum(map(len, Q))), dtype=seen.output.dtype), 0.0
    for state in run(stages, seen, seen.output, Q, controller, steps=steps, noise=noise):
        total = total + before.T @ state.u                                      # (units, N) x (N, out)
        before = state.feedback.copy()                                          # the next control has seen it
    mean = total / (-max(noise.sigma, floor)**2 * steps * len(seen.output))
    return np.split(mean.astype(before.dtype, copy=False), np.cumsum([len(q) for q in Q])[:-1])


def clipped(change, longest):
    """The change, scaled down to the norm `longest` where it is longer; None: as it is.

    >>> clipped(np.array([[3.0, 4.0]]), 1.0)
    array([[0.6, 0.8]])
    """
    return change if longest is None else change * (longest / max(norm(change), longest))


def mirror_change(stages, seen, sigma, rng):
    """The weight mirror: noise in every layer of one forward pass, times how the output moved: a list of (n_i, out).

    Its mean is Jᵀ in a linear network: with decay β, Q becomes Jᵀ/β.
    """
    sigma = require_step(sigma, "sigma", seen.output.dtype)
    noise = [sigma * rng.standard_normal(v.shape, dtype=v.dtype) for v in seen.pre]
    _, _, r = push(stages, seen, noise)
    moved = r[-1] - seen.output                                                 # (N, out)
    return [xi.T @ moved / (sigma**2 * len(moved)) for xi in noise]             # (n_i, N) x (N, out)


def resting_feedback(J, alpha, decay, *, rounds=10_000, tolerance=1e-14):
    """Where Eq. 11 comes to rest for one sample of a linear network: Q = Jᵀ(Σ + β'I)⁻¹ with AΣ + ΣAᵀ = JJᵀ.

    J (out, units) -> Q (units, out); A = JQ + αI, `decay` is β' > 0. Every round moves Q half of the way to the next
    guess, until the relative change is at most `tolerance`.

    >>> J = np.array([[1.0, 0.0, 0.5]])
    >>> resting_feedback(J, 1000.0, 0.05).round(3).T            # close to 2α Jᵀ (JJᵀ + 2αβ')⁻¹
    array([[19.759,  0.   ,  9.879]])
    """
    alpha = require_number(alpha, "alpha", low=0)
    decay = require_number(decay, "decay", low=0, low_open=True)
    out, gram = len(J), J @ J.T
    identity = np.eye(out)
    Q = J.T / (decay + 1.0)
    for _ in range(rounds):
        A = J @ Q + alpha * identity
        lyapunov = np.kron(A, identity) + np.kron(identity, A)                  # vec(AΣ + ΣAᵀ), row by row
        sigma = np.linalg.solve(lyapunov, gram.ravel()).reshape(out, out)
        wanted = np.linalg.solve(sigma + decay * identity, J).T                 # Σ is symmetric
        if np.abs(wanted - Q).max() <= tolerance * np.abs(Q).max():
            return wanted
        Q = 0.5 * (Q + wanted)
    raise FloatingPointError(f"the feedback's rest was not found in {rounds} rounds")
