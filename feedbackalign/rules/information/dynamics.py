"""Neurons of three compartments: what comes from below, what comes from above and beside, and the soma between them.

Of layer k, with rates r, voltages u, and the layers below and above it:

    basal      v = W r_below + b                           apical     w = Wbᵀ r_above           (hidden layers)
    Eq. 1      du = −g u + (v − u)/ε + (w − u)/ε + 2γ B r + g r − q                     hidden
    Eq. 2      du = −g u + (v − u)/ε − ℓ u + γ B r + g r − q − β (r − y)                top
    Eq. 3      u ← u + η du,   r ← P(u),   and one step of the dual q where the set has one

P is the projection of `feasible_sets` (q is in P, and not in du, for signed-sparse). γ = (1 − λ)/λ, λ the forgetting
factor of the correlations; B, the lateral weights, follow their inverse. ℓ, the output's own leak, is in the authors'
program and not in the gradient of their objective; ℓ = 0 gives that gradient.

Layers move one after the other from the bottom to the top, each sees the new rates below it and the old ones above. A
free phase starts at rest with β = 0. A nudged phase starts at the rates of another phase, **with u set to r**, and the
steps are counted anew. Samples do not meet.

A layer's weights are held as everywhere in the package: W (n, below), Wb (above, n), in the shape of the W above it.
"""

import dataclasses
import typing

import numpy as np

from feedbackalign.ops.quiet import quiet
from feedbackalign.rules.information.feasible_sets import WITH_DUAL, next_dual, rates_of
from feedbackalign.validation import require_factor, require_known, require_number, require_step, store

STEP_RULES = ("constant", "slow", "loop")


@dataclasses.dataclass(frozen=True)
class Neurons:
    """The constants of the neurons, and their steps η.

    Parameters
    ----------
    leak : float of at least 0
        g, the conductance of the soma's leak. It moves no fixed point.
    epsilon : float above 0
        ε; basal and apical dendrites have the conductance 1/ε.
    forgetting : float in (0, 1)
        λ, how much of a correlation is left after a batch.
    output_leak : float of at least 0
        ℓ, of the top layer.
    step_size : float above 0
        η at the first sweep.
    step_rule : "constant", "slow" or "loop"
        η; max(η/(slow_by t + 1), smallest); max(η/(t + 1), smallest), at sweep t = 0, 1, …
    slow_by : float of at least 0
        How fast η falls where the rule is "slow".
    smallest_step : float above 0
        What η never falls below, but where it is constant.

    >>> Neurons(step_size=0.1, step_rule="loop", smallest_step=0.02).step(9)
    0.02
    """

    leak: float = 0.5
    epsilon: float = 0.15
    forgetting: float = 0.99999
    output_leak: float = 1.0
    step_size: float = 0.05
    step_rule: str = "constant"
    slow_by: float = 0.01
    smallest_step: float = 0.001

    def __post_init__(self):
        require_known(self.step_rule, STEP_RULES, "step_rule")
        store(self,
              leak=require_factor(self.leak, "leak", np.float32),
              epsilon=require_step(self.epsilon, "epsilon", np.float32, divided=False),
              forgetting=require_number(self.forgetting, "forgetting", low=0, high=1, low_open=True, high_open=True),
              output_leak=require_factor(self.output_leak, "output_leak", np.float32),
              step_size=require_step(self.step_size, "step_size", np.float32, divided=False),
              slow_by=require_factor(self.slow_by, "slow_by", np.float32),
              smallest_step=require_factor(self.smallest_step, "smallest_step", np.float32, low_open=True))

    @property
    def gamma(self):
        """γ = (1 − λ)/λ, how strongly the lateral weights act."""
        return (1 - self.forgetting) / self.forgetting

    def step(self, sweep):
        """η at this sweep, counted from 0."""
        if self.step_rule == "constant":
            return self.step_size
        slower = self.slow_by if self.step_rule == "slow" else 1.0
        return max(self.step_size / (slower * sweep + 1), self.smallest_step)

    def conductance(self, is_top):
        """What −u is multiplied with in Eq. 1 or 2. A step above 2 / conductance can not settle."""
        return self.leak + 1 / self.epsilon + (self.output_leak if is_top else 1 / self.epsilon)


class Population(typing.NamedTuple):
    """One layer of n neurons: all synapses onto them, and the set of their rates."""

    forward: np.ndarray                 # W (n, below)
    bias: np.ndarray                    # (n,), or None
    backward: np.ndarray                # Wb (above, n); None at the top
    lateral: np.ndarray                 # B (n, n), or None
    feasible: str                       # one of feasible_sets.SETS
    dual_rate: float                    # η_q of a sparse set

    @property
    def is_top(self):
        return self.backward is None

    def basal(self, below):
        """What comes from below: (N, below) -> (N, n)."""
        v = below @ self.forward.T                                              # (N, below) x (below, n) -> (N, n)
        return v if self.bias is None else v + self.bias

    def apical(self, above):
        """What comes from above: (N, above) -> (N, n)."""
        return above @ self.backward                                            # (N, above) x (above, n) -> (N, n)

    def beside(self, rates, neurons):
        """What comes from the neurons of the layer itself, with the leak that it cancels: (N, n) -> (N, n)."""
        if self.lateral is None:
            return neurons.leak * rates
        times = 1.0 if self.is_top else 2.0                                     # once for each neighbouring layer
        return times * neurons.gamma * (rates @ self.lateral) + neurons.leak * rates    # B is symmetric


class Activity(typing.NamedTuple):
    """What one layer does for a batch: u and r (N, n); the dual and its companion (N,), or None."""

    voltages: np.ndarray
    rates: np.ndarray
    companion: np.ndarray
    dual: np.ndarray


def at_rest(populations, N):
    """All at zero, for a batch of N: one `Activity` a layer."""
    activities = []
    for population in populations:
        zeros = np.zeros((N, len(population.forward)), dtype=population.forward.dtype)
        dual = zeros[:, 0] if population.feasible in WITH_DUAL else None
        activities.append(Activity(zeros, zeros, dual, dual))
    return activities


def restarted(activities):
    """The start of a nudged phase: the same rates and duals, with u set to r and the companion to the dual."""
    return [Activity(layer.rates, layer.rates, layer.dual, layer.dual) for layer in activities]


def settle(neurons, populations, x, start, *, sweeps, beta=0.0, targets=None, until=0.0, watch=None):
    """Let all layers move for some sweeps, Eq. 1-3.

    Parameters
    ----------
    neurons : Neurons
    populations : list of Population
        From the bottom to the top.
    x : array (N, in)
        The clamped input.
    start : list of Activity
        Not changed.
    sweeps : int
    beta, targets : float, array (N, out)
        The nudge towards the targets; none at β = 0.
    until : float
        Stop before `sweeps` once no rate moved by more than this in a sweep.
    watch : callable, optional
        Called with (sweep, layer, activities) after every move of a layer.

    Returns
    -------
    activities, residual
        The residual is the largest move of a rate in the last sweep.

    Raises
    ------
    FloatingPointError
        If a rate is no longer finite, naming phase, sweep and layer.
    """
    drive, now, residual = populations[0].basal(x), list(start), float("inf")
    with quiet():                                                               # reported below, by name
        for sweep in range(sweeps):
            moves = []
            for k in range(len(populations)):
                old = now[k].rates
                now[k] = next_activity(neurons, populations, now, k, drive, neurons.step(sweep), beta, targets)
                moves.append(np.abs(now[k].rates - old).max())
                if watch:
                    watch(sweep, k, now)
            residual = float(np.max(moves))                                     # NaN if any of them is
            if not np.isfinite(residual):
                layer = int(np.argmin(np.isfinite(moves))) + 1
                raise FloatingPointError(f"the {'nudged' if beta else 'free'} phase is no longer finite at sweep "
                                         f"{sweep + 1}, layer fc{layer}")
            if residual <= until:
                break
    return now, residual


def next_activity(neurons, populations, now, k, drive, eta, beta, targets):
    """One move of layer k, Eq. 1-3; `drive` is the input's."""
    population, (u, r, companion, dual) = populations[k], now[k]
    v = drive if k == 0 else population.basal(now[k - 1].rates)
    du = v / neurons.epsilon - neurons.conductance(population.is_top) * u + population.beside(r, neurons)
    if not population.is_top:
        du += population.apical(now[k + 1].rates) / neurons.epsilon
    elif beta:
        du -= beta * (r - targets)
    if population.feasible == "sparse":
        du -= dual[:, None]                                                     # inhibits all neurons alike
    u = u + eta * du
    r = rates_of(u, dual, population.feasible)
    if dual is not None:
        companion, dual = next_dual(companion, dual, r, population.dual_rate)
    return Activity(u, r, companion, dual)


def forward_error(populations, k, x, activities):
    """e→ = r − (W r_below + b), what the layer below does not tell: (N, n)."""
    return activities[k].rates - populations[k].basal(below(k, x, activities))


def backward_error(populations, k, activities):
    """e← = r − Wbᵀ r_above, what the layer above does not tell: (N, n)."""
    return activities[k].rates - populations[k].apical(activities[k + 1].rates)


def below(k, x, activities):
    """What layer k sees below it: the input, or the rates of the layer below."""
    return x if k == 0 else activities[k - 1].rates
