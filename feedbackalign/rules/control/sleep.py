"""Sleep: the feedback weights learn from noise that the controller fights.

The target is the output that the network has anyway; noise enters every feedback compartment, moves the output, and the
controller pushes against it. What is active together, noise and the control that follows it, is what the noise's neuron
can do to the output:

    compartment     Eq. 10   τ_A dv_i^fb = (−v_i^fb + Q_i u) dt + σ dw
    learning        Eq. 11   ΔQ_i = −⟨v_i^fb(t) u(t + dt)ᵀ⟩ / σ² − β Q_i          mean over time and batch

Minus, because the control opposes the noise; one step later, because u(t + dt) is the first control that has seen
v^fb(t) (which takes a network that passes signals on at once). For a linear network and a slow controller the mean of
Eq. 11 is proportional to Jᵀ − QΣ − β'Q, where Σ solves AΣ + ΣAᵀ = JJᵀ, A = JQ + αI: at its rest, Q = Jᵀ(Σ + β'I)⁻¹, the
columns of Q span the rows of J whatever α is, and for a large α Q ∝ Jᵀ(JJᵀ + 2αβ'I)⁻¹, a damped pseudoinverse.

A plain forward pass with noise and no controller does a simpler thing, the weight mirror: Q comes to be Jᵀ/β.
"""

import numpy as np

from feedbackalign.rules.control.dynamics import push, run
from feedbackalign.validation import require_integer, require_number


def sleep_change(stages, seen, Q, controller, noise, *, steps):
    """The first term of Eq. 11: how noise and control correlate in one phase, a list of (n_i, out).

    Parameters
    ----------
    stages, seen, Q : as in `dynamics.run`
    controller : Controller
        With constants of the sleep's own: a large α keeps it stable while Q is still wrong.
    noise : Noise
    steps : int
        Euler steps of the phase.

    Examples
    --------
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
    require_sleep(controller, noise)
    require_integer(steps, "steps of the sleep phase", low=2)
    before, total = np.zeros((len(seen.output), sum(map(len, Q))), dtype=seen.output.dtype), 0.0
    for state in run(stages, seen, seen.output, Q, controller, steps=steps, noise=noise):
        total = total + before.T @ state.u                                      # (units, N) x (N, out)
        before = state.feedback.copy()                                          # what the next control will have seen
    mean = total / (-noise.sigma**2 * steps * len(seen.output))
    return np.split(mean.astype(before.dtype, copy=False), np.cumsum([len(q) for q in Q])[:-1])


def mirror_change(stages, seen, sigma, rng):
    """The weight mirror: noise into every layer of one forward pass against what it does to the output.

    Its mean is Jᵀ in a linear network: with decay β, Q comes to be Jᵀ/β.

    Parameters
    ----------
    stages, seen : as in `dynamics.run`
    sigma : float above 0
    rng : numpy.random.Generator

    Returns
    -------
    list of arrays (n_i, out)
    """
    require_number(sigma, "sigma", low=0, low_open=True)
    noise = [sigma * rng.standard_normal(v.shape, dtype=v.dtype) for v in seen.pre]
    _, _, r = push(stages, seen.post[0], noise)
    moved = r[-1] - seen.output                                                 # (N, out)
    return [xi.T @ moved / (sigma**2 * len(moved)) for xi in noise]             # (n_i, N) x (N, out)


def require_sleep(controller, noise):
    """Refuse constants under which Eq. 11 says nothing."""
    require_number(noise.sigma, "sigma", low=0, low_open=True)
    require_number(noise.tau, "tau of the noise", low=0, low_open=True)
    if controller.dt > noise.tau:
        raise ValueError(f"dt of the sleep phase: expected a step no longer than the noise's time constant "
                         f"{noise.tau:g}, got {controller.dt:g}")
    if not controller.instantaneous:
        raise ValueError("instantaneous: expected True in the sleep phase: otherwise the noise of the lower layers "
                         "reaches the control several steps late, and Eq. 11 pairs it with the wrong one")


def resting_feedback(J, alpha, decay, *, rounds=10_000, tolerance=1e-14):
    """Where Eq. 11 comes to rest for one sample of a linear network: Q = Jᵀ(Σ + β'I)⁻¹ with AΣ + ΣAᵀ = JJᵀ.

    Parameters
    ----------
    J : array (out, units)
    alpha : float of at least 0
        α, of A = JQ + αI.
    decay : float above 0
        β', the decay in units of the first term.
    rounds, tolerance : int, float
        Q is found by going half way from one guess to the next, until none moves by more than this, relatively.

    Returns
    -------
    array (units, out)

    Examples
    --------
    >>> J = np.array([[1.0, 0.0, 0.5]])
    >>> resting_feedback(J, 1000.0, 0.05).round(3).T            # close to 2α Jᵀ (JJᵀ + 2αβ')⁻¹
    array([[19.759,  0.   ,  9.879]])
    """
    require_number(alpha, "alpha", low=0)
    require_number(decay, "decay", low=0, low_open=True)
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
