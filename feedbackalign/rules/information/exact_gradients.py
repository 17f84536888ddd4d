"""The exact gradients of a network of settled layers, to compare the rule with.

The loss is L = mean ½ ‖r_K − y‖² at the end of a free phase. Two ways down, both with transposes that no neuron has:

implicit     at a fixed point, for antisparse sets. With m_k = ∂r/∂u and a_k the adjoint of layer k, iterate from 0

                 a_k = m_k ∘ ½ [a_{k+1} W_{k+1} + a_{k−1} Wbᵀ_k + 2γε a_k B_k]                            hidden
                 a_K = m_K ∘ [a_{K−1} Wbᵀ_K + γε a_K B_K + ε (r_K − y)] / (1 + ε ℓ)                       top

             until nothing moves; then ∂L/∂W_k = a_kᵀ r_{k−1} / (εN), ∂L/∂b_k = Σ a_k / (εN).
bptt(T)      back through all T sweeps of the free phase, for every set: a sparse layer's dual is far from settled
             after some sweeps, so it has no fixed point to speak of.

Both equal central differences; bptt(T) of antisparse sets approaches the implicit gradient as T grows.
"""

import dataclasses

import numpy as np

from feedbackalign.rules.information.dynamics import at_rest, below, settle
from feedbackalign.rules.information.feasible_sets import slopes_of

SETTLED = 1e-12             # the residual below which a free phase is a fixed point
SWEEPS = 5000               # that it may take


def settle_exactly(neurons, populations, x, longest=SWEEPS):
    """The fixed point of the free phase -> activities, residual; the step is half of what u takes at once."""
    step = 0.5 / max(neurons.conductance(is_top) for is_top in (False, True))
    steady = dataclasses.replace(neurons, step_rule="constant", step_size=step)
    return settle(steady, populations, x, at_rest(populations, len(x)), sweeps=longest, until=SETTLED)


def implicit_gradients(neurons, populations, x, activities, errors, until=1e-14):
    """Gradients of the mean loss at a fixed point: -> [{"weight": array, "bias": array}, …], remainder.

    Parameters
    ----------
    neurons, populations, x
        As in `dynamics.settle`, float64.
    activities : list of Activity
        Settled.
    errors : array (N, out)
        r_K − y.
    until : float
        The remainder, the largest move of an adjoint in the last iteration, ends the iteration at this.
    """
    scale = neurons.gamma * neurons.epsilon
    slopes = [slopes_of(layer.voltages, layer.dual, population.feasible)
              for layer, population in zip(activities, populations)]
    adjoints, remainder = [np.zeros_like(layer.rates) for layer in activities], float("inf")
    for _ in range(SWEEPS):
        remainder = 0.0
        for k in reversed(range(len(populations))):
            population = populations[k]
            pull = adjoints[k - 1] @ populations[k - 1].backward.T if k else 0.0        # (N, n_k)
            if population.is_top:
                pull = pull + neurons.epsilon * errors
            else:
                pull = pull + adjoints[k + 1] @ populations[k + 1].forward              # (N, n_k)
            if population.lateral is not None:
                pull = pull + (1 if population.is_top else 2) * scale * (adjoints[k] @ population.lateral)
            new = slopes[k] * pull / (1 + neurons.epsilon * neurons.output_leak if population.is_top else 2)
            remainder = max(remainder, float(np.abs(new - adjoints[k]).max()))
            adjoints[k] = new
        if not remainder > until:                                               # NaN ends it too
            break
    N = len(x)
    gradients = [_of_synapses(population, adjoints[k], below(k, x, activities), neurons.epsilon * N)
                 for k, population in enumerate(populations)]
    return gradients, remainder


def unrolled_gradients(neurons, populations, x, targets, sweeps):
    """Gradients of the mean loss after so many sweeps from rest, back through all of them; the same form.

    Parameters
    ----------
    neurons, populations, x, targets
        As in `dynamics.settle`, float64.
    sweeps : int
        T. All activities of the T sweeps are held at once.
    """
    N, depth = len(x), len(populations)
    history = [(None, None, at_rest(populations, N))]                           # (sweep, layer that moved, activities)
    activities, _ = settle(neurons, populations, x, history[0][2], sweeps=sweeps,
                           watch=lambda sweep, k, now: history.append((sweep, k, list(now))))
    gradients = [_of_synapses(population, np.zeros_like(layer.rates), below(k, x, activities), 1.0)
                 for k, (population, layer) in enumerate(zip(populations, activities))]
    of_u = [np.zeros_like(layer.voltages) for layer in activities]
    of_r = [np.zeros_like(layer.rates) for layer in activities]
    of_a, of_q = ([None if layer.dual is None else np.zeros(N) for layer in activities] for _ in range(2))
    of_r[-1] = (activities[-1].rates - targets) / N
    for (_, _, old), (sweep, k, new) in reversed(list(zip(history, history[1:]))):
        population, eta = populations[k], neurons.step(sweep)
        slopes = slopes_of(new[k].voltages, old[k].dual, population.feasible)
        if new[k].dual is not None:                                             # a ← a + η_q (Σ|r| − 1 + q − a)
            after = of_a[k] + of_q[k] * (new[k].companion > 0)                  # q ← max(a, 0)
            of_a[k], of_q[k] = (1 - population.dual_rate) * after, population.dual_rate * after
            of_r[k] = of_r[k] + population.dual_rate * after[:, None] * np.sign(new[k].rates)
        if population.feasible == "signed-sparse":                              # r ← sign(u) max(|u| − q, 0)
            of_q[k] = of_q[k] - (of_r[k] * slopes * np.sign(new[k].voltages)).sum(axis=1)
        after = of_u[k] + of_r[k] * slopes                                      # r ← P(u)
        of_du = eta * after                                                     # u ← u + η du
        of_u[k] = after - neurons.conductance(population.is_top) * of_du
        of_r[k] = population.beside(of_du, neurons)                             # of the old rates, which du has seen
        if population.feasible == "sparse":
            of_q[k] = of_q[k] - of_du.sum(axis=1)
        if k:
            of_r[k - 1] = of_r[k - 1] + of_du @ population.forward / neurons.epsilon
        if k + 1 < depth:
            of_r[k + 1] = of_r[k + 1] + of_du @ population.backward.T / neurons.epsilon
        share = _of_synapses(population, of_du, below(k, x, new), neurons.epsilon)
        gradients[k] = {key: gradients[k][key] + share[key] for key in share}
    return gradients


def _of_synapses(population, adjoint, below, divisor):
    """adjoint (N, n) times what is below (N, …) -> {"weight": (n, below), "bias": (n,) where there is one}."""
    gradients = {"weight": adjoint.T @ below / divisor}
    return gradients if population.bias is None else gradients | {"bias": adjoint.sum(axis=0) / divisor}
