"""The network under control: simulated step by step (Eq. 1, 3), or found at its steady state (Eq. 4, 5).

Equations are those in the docstring of `feedbackalign.rules.control`. The leak of Eq. 3 is on the integral, as in the
paper. The authors' two programs let the whole control leak instead, du_int/dt = e − α u, and settle at e = α u: this is
`leak="total"`. Both agree where k_p = 0.

A simulation makes one matrix product per layer and step for the whole batch, and holds one state only.

What learns is the difference of two states that are nearly the same. If `seen` is in float64 (`jacobians.in_float64`),
so are the states, and only matrix products are in the network's dtype: those of small moves, which keep their digits.
"""

import collections
import dataclasses
import typing

import numpy as np

from feedbackalign.networks.jacobians import pre_jacobians
from feedbackalign.ops.norms import norm
from feedbackalign.validation import require_factor, require_integer, require_known, require_number, require_step, store

LEAKS = ("integral", "total")


class UnstableControllerError(FloatingPointError):
    """The controller runs away from its target instead of settling there."""


@dataclasses.dataclass(frozen=True)
class Controller:
    """The constants of a leaky proportional-integral controller and of the network that it acts on.

    Parameters
    ----------
    alpha : float of at least 0
        α, the leak.
    k_p : float of at least 0
        The factor of the proportional part.
    dt : float above 0
        Length of an Euler step, at most `tau`. At dt = τ the network answers at once: v = v_ff + v_fb.
    tau : float above 0
        τ, the network's time constant in units of the controller's.
    leak : "integral" or "total"
        What leaks: the integral (Eq. 3), or the whole control.
    proactive : bool
        Whether the control acts in the step in which it is computed, or one step later.
    instantaneous : bool
        Whether a layer reads the present state of the layer below (updates go from the bottom up), or that of the
        last step.

    Raises
    ------
    TypeError, ValueError
        For a constant out of its range, and for a step longer than the time constant.

    >>> round(Controller(alpha=0.1, k_p=1.5).damping, 6), Controller(alpha=0.1, leak="total").damping
    (0.086957, 0.1)
    """

    alpha: float = 0.02
    k_p: float = 1.5
    dt: float = 0.02
    tau: float = 0.2
    leak: str = "integral"
    proactive: bool = True
    instantaneous: bool = True

    def __post_init__(self):
        tau = require_factor(self.tau, "tau", np.float32, low_open=True)
        store(self, tau=tau, dt=require_number(self.dt, "dt", low=tau * float(np.finfo(np.float32).eps)),
              alpha=require_factor(self.alpha, "alpha", np.float32), k_p=require_factor(self.k_p, "k_p", np.float32))
        require_known(self.leak, LEAKS, "leak")
        if self.dt > self.tau:
            raise ValueError(f"dt: expected a step no longer than the time constant tau = {self.tau:g}, got "
                             f"{self.dt:g}: such steps overshoot. Make dt smaller or tau longer")

    @property
    def damping(self):
        """α̃ of Eq. 4: at the steady state the error is α̃ times the control."""
        return self.alpha / (1.0 + self.alpha * self.k_p) if self.leak == "integral" else self.alpha


@dataclasses.dataclass(frozen=True)
class Noise:
    """Noise in the feedback compartments, by Eq. 10.

    `sigma` is σ, above 0; `tau` is τ_A, at least the controller's `dt`.
    """

    rng: np.random.Generator
    sigma: float = 0.01
    tau: float = 0.2

    def move(self, v_fb, drive, dt):
        """One step of the feedback compartments (N, units), in place."""
        v_fb += (dt / self.tau) * (drive - v_fb)
        v_fb += (self.sigma * dt**0.5 / self.tau) * self.rng.standard_normal(v_fb.shape, dtype=v_fb.dtype)

    def __post_init__(self):
        store(self, sigma=require_step(self.sigma, "sigma", np.float64),
              tau=require_factor(self.tau, "tau of the noise", np.float32, low_open=True))


class State:
    """The present state of network and controller. The next step overwrites these arrays.

    Attributes
    ----------
    step : int
        Number of steps so far.
    error, u, u_int : arrays (N, out)
        The error r* − r_L that the controller saw last, the control, and its integral part.
    v, v_ff, v_fb : lists of (N, n_i)
        The voltages, their part from the layer below, and their part from the controller.
    r : list of (N, n_i)
        Rates; r[0] is the input, r[i + 1] = φ(v[i]).
    """

    def __init__(self, stages, seen):
        out = seen.output
        self.step = 0
        self.error, self.u, self.u_int = (np.zeros_like(out) for _ in range(3))
        self.v = [v.copy() for v in seen.pre]
        self.v_ff = [v.copy() for v in seen.pre]
        self.r = list(seen.post)
        units = [len(stage.layer.weight) for stage in stages]
        self.feedback = np.zeros((len(out), sum(units)), dtype=out.dtype)       # v_fb of all layers, side by side
        self.v_fb = np.split(self.feedback, np.cumsum(units)[:-1], axis=1)      # views of it


class Controlled(typing.NamedTuple):
    """The controlled network at its steady state: the arrays that learning reads, named as in `State`."""

    u: np.ndarray
    v: list
    v_ff: list
    r: list


# ------------------------------------------------------------------------------------------------- the simulation

def run(stages, seen, target, Q, controller, *, steps, noise=None):
    """Simulate Eq. 1 and 3, from the state without control on: yields the same `State` after every step.

    Parameters
    ----------
    stages, seen, Q : see `feedbackalign.rules.control`
    target : array (N, out)
        r*.
    controller : Controller
    steps : int
        Number of Euler steps.
    noise : Noise, optional
        None: no noise, and v_fb is Q u at once.

    >>> from feedbackalign.networks.jacobians import dense_chain, forward
    >>> from feedbackalign.networks import mlp
    >>> stages = dense_chain(mlp([3, 2], rng=np.random.default_rng(0), dtype=np.float64))
    >>> seen = forward(stages, np.ones((1, 3)))
    >>> target = seen.output + np.array([[0.1, -0.2]])
    >>> for state in run(stages, seen, target, [np.eye(2)], Controller(alpha=0.0), steps=2000):
    ...     if state.step in (1, 2000):
    ...         print((state.r[-1] - seen.output).round(3))
    [[ 0.015 -0.03 ]]
    [[ 0.1 -0.2]]
    """
    steps = require_integer(steps, "steps", low=1)
    state, joined = State(stages, seen), np.concatenate(Q).T.astype(target.dtype)      # (out, units)
    order = range(len(stages)) if controller.instantaneous else range(len(stages))[::-1]
    rate = controller.dt / controller.tau
    for step in range(1, steps + 1):
        state.step = step
        acting = move_controller(state, target, controller)                     # (N, out)
        drive = acting @ joined                                                 # (N, out) x (out, units) -> (N, units)
        if noise is None:
            state.feedback[...] = drive
        else:
            noise.move(state.feedback, drive, controller.dt)
        for i in order:
            layer, unit = stages[i]
            state.v_ff[i] = feedforward(layer, seen.pre[i], seen.post[i], state.r[i])
            state.v[i] += rate * (state.v_ff[i] + state.v_fb[i] - state.v[i])
            state.r[i + 1] = unit.function(state.v[i])
        yield state


def feedforward(layer, voltage, below, below_now):
    """v_i^ff = v_i⁻ + W_i (r_{i−1} − r_{i−1}⁻): (N, n_i), (N, n_{i−1}), (N, n_{i−1}) -> (N, n_i)."""
    if below_now is below:                                                      # it has not moved; the input never does
        return voltage
    return voltage + layer.respond((below_now - below).astype(layer.weight.dtype, copy=False))


def settle(stages, seen, target, Q, controller, *, steps):
    """The last state of `run`."""
    (last,) = collections.deque(run(stages, seen, target, Q, controller, steps=steps), maxlen=1)
    return last


def move_controller(state, target, controller):
    """One Euler step of Eq. 3: -> the control that acts on the network now, (N, out)."""
    before = state.u
    state.error = target - state.r[-1]
    leaking = state.u_int if controller.leak == "integral" else before
    state.u_int = state.u_int + controller.dt * (state.error - controller.alpha * leaking)
    state.u = state.u_int + controller.k_p * state.error
    return state.u if controller.proactive else before


# ----------------------------------------------------------------------------------------------- the steady state

def loop(stages, seen, Q):
    """J Q of every sample, with J at the given states: (N, out, out)."""
    J = np.concatenate(pre_jacobians(stages, seen), axis=2)                     # (N, out, units)
    return J @ np.concatenate(Q)                                                # x (units, out) -> (N, out, out)


def linear_control(stages, seen, delta, Q, damping):
    """Eq. 5: the control (N, out) at the steady state to first order, for all samples in one solve.

    A ValueError names the sample whose J Q + α̃ I has no inverse. `damping` is `Controller.damping`.
    """
    JQ = loop(stages, seen, Q)
    system = JQ + damping * np.eye(JQ.shape[-1], dtype=JQ.dtype)                # (N, out, out)
    try:
        u = np.linalg.solve(system, delta[..., None])[..., 0]                   # (N, out): one call, every sample
    except np.linalg.LinAlgError:
        u = np.full_like(delta, np.nan)                                         # the next lines raise
    lengths = [norm(array, axis=1) for array in (u, delta)]
    if not (norm(system, axis=(1, 2)) * lengths[0] * np.finfo(u.dtype).eps * 10 <= lengths[1]).all():
        refuse_singular(system, delta, damping)                                 # only rounding made it invertible
    return u


def refuse_singular(system, delta, damping):
    """Raise, naming the sample whose J Q + α̃ I has no inverse; where numbers are not finite, return."""
    if not (np.isfinite(system).all() and np.isfinite(delta).all()):
        return
    smallest = np.linalg.svd(system, compute_uv=False)[:, -1]                   # (N,)
    worst = int(smallest.argmin())
    raise ValueError(f"Q: J Q + {damping:g} I is singular at sample {worst} (its smallest singular value is "
                     f"{smallest[worst]:.1e}): no control moves its output everywhere. Make alpha larger, or learn the "
                     f"feedback weights first")


def push(stages, seen, shove):
    """One forward sweep with a push at every layer, v_i = v_i^ff + Q_i u: -> (v, v_ff, r), lists as in `State`.

    `shove` are the pushes Q_i u, a list of (N, n_i).
    """
    v, v_ff, r = [], [], [seen.post[0]]
    for (layer, unit), voltage, below, extra in zip(stages, seen.pre, seen.post, shove):
        v_ff.append(feedforward(layer, voltage, below, r[-1]))
        v.append(v_ff[-1] + extra)
        r.append(unit.function(v[-1]))
    return v, v_ff, r


def steady_state(stages, seen, delta, Q, damping):
    """The steady state to first order, by Eq. 5 and one forward sweep: -> `Controlled`.

    Exact for linear networks; otherwise its error is O(λ²).
    """
    u = linear_control(stages, seen, delta, Q, damping)
    return Controlled(u, *push(stages, seen, [u @ q.T for q in Q]))     # (N, out) x (out, n_i) -> (N, n_i)


def fixed_point(stages, seen, target, Q, damping, *, tolerance=1e-14, longest=50):
    """The steady state of Eq. 4 by Newton's method, exact for any units: -> `Controlled`.

    Every round corrects the control by Eq. 5 at the present state. A simulation that settles ends here. If `longest`
    rounds are not enough, UnstableControllerError: a target far from r⁻ may have no steady state.
    """
    u = np.zeros_like(target)
    for _ in range(longest):
        v, v_ff, r = push(stages, seen, [u @ q.T for q in Q])
        missing = target - r[-1] - damping * u                                  # (N, out): 0 at the fixed point
        if np.abs(missing).max() <= tolerance * max(1.0, float(np.abs(target).max())):
            return Controlled(u, v, v_ff, r)
        u = u + linear_control(stages, seen._replace(pre=v, post=r), missing, Q, damping)
    raise UnstableControllerError(f"the steady state was not found in {longest} rounds: {np.abs(missing).max():.1e} is "
                                  f"missing of the target. Make the target step smaller")
