"""Weights that stay orthogonal: the flow is a layer (`layers.flows`), and backprop through it is well conditioned.

    ode_to_ode          the rule: backprop, and a step of its own for the orthogonal matrix in which a flow starts
    controls            the same flow with one property taken away: not skew, and not a flow at all
    truths              what is exactly true of the flow, for `feedbackalign check`
"""
