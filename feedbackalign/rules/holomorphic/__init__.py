"""Nudges around a circle in the complex plane: Laborieux & Zenke 2022 and 2023.

    nudging                             the state's derivative by a nudge: Cauchy sum, tangent, oscillation
    recurrent_backprop                  the exact errors where the feedback weights are others than W
    homeostasis                         the loss that makes a Jacobian symmetric, and its gradients
    holomorphic_equilibrium_propagation the rule
    jacobian_homeostasis                the rule that also draws W and B together
    truths                              what is exactly true of both
"""
