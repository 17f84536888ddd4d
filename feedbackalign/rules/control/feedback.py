"""How the feedback weights start, and where they stay if they do not learn.

    drawn       hidden Q_i random, small enough for a controller that is stable for every input; Q_L = I
    fixed       Q_i = (W_L … W_{i+1})ᵀ, Q_L = I: Jᵀ of the network without its units
"""

import numpy as np

START = 0.5                 # bound on Σ ‖J_i Q_i‖ of the hidden layers; the output layer's own J_L Q_L is I


def fixed_feedback(stages):
    """Q_i = (W_L … W_{i+1})ᵀ, Q_L = I, from the bottom up: a list of (n_i, out).

    >>> from feedbackalign.networks.jacobians import dense_chain
    >>> from feedbackalign.networks import mlp
    >>> stages = dense_chain(mlp([4, 3, 2], rng=np.random.default_rng(0)))
    >>> Q1, Q2 = fixed_feedback(stages)
    >>> bool((Q1 == stages[1].layer.weight.T).all()), Q2.shape
    (True, (2, 2))
    """
    found = [np.eye(len(stages[-1].layer.weight), dtype=stages[-1].layer.weight.dtype)]
    for stage in stages[:0:-1]:
        found.append(stage.layer.weight.T @ found[-1])                          # (n_i, n_{i+1}) x (n_{i+1}, out)
    return found[::-1]


def drawn_feedback(stages, rng):
    """Hidden Q_i at Xavier's scale or smaller, Q_L = I, from the bottom up: a list of (n_i, out).

    No slope of a unit exceeds 1, so ‖J_i Q_i‖ ≤ ‖W_L‖ … ‖W_{i+1}‖ ‖Q_i‖ (largest singular values). If the sum of these
    over the hidden layers is at most 1/2, every eigenvalue of J Q = I + Σ J_i Q_i lies within 1/2 of 1 for every input,
    and a slow controller is stable.

    >>> from feedbackalign.networks.jacobians import dense_chain
    >>> from feedbackalign.networks import mlp
    >>> stages = dense_chain(mlp([4, 3, 2], rng=np.random.default_rng(0)))
    >>> [Q.shape for Q in drawn_feedback(stages, np.random.default_rng(1))]
    [(3, 2), (2, 2)]
    """
    top = stages[-1].layer.weight
    out, allowed, amplified, found = len(top), START / max(1, len(stages) - 1), 1.0, []
    for stage, above in zip(stages[-2::-1], stages[:0:-1]):
        amplified *= float(np.linalg.norm(above.layer.weight, 2))
        n = len(stage.layer.weight)
        Q = rng.normal(size=(n, out)) * (2.0 / (n + out)) ** 0.5                # Xavier
        Q *= min(1.0, allowed / max(amplified * float(np.linalg.norm(Q, 2)), float(np.finfo(np.float64).tiny)))
        found.append(Q.astype(top.dtype))
    return [*found[::-1], np.eye(out, dtype=top.dtype)]
