"""Networks that settle, as pure functions that the settling rules share.

    dynamics               a chain of layers, one step, a phase, the primitive function
    gradients              the exact gradients of a settled network, to compare with
    holomorphic_units      units and pooling on complex states
    holomorphic            the same dynamics on complex states
    nudging                the state's derivative by a nudge: Cauchy sum, tangent, oscillation
    recurrent_backprop     the exact errors of a chain with feedback weights of its own
    truths                 what is exactly true of the rules that settle, as numbers
    homeostasis            the loss that makes a Jacobian symmetric, and its gradients
"""
