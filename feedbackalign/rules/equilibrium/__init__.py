"""Networks that settle: equilibrium propagation, Scellier & Bengio 2017, Laborieux et al. 2020.

    dynamics                        one step, a phase, the primitive function; states may be complex
    exact_gradients                 the exact gradients of a settled network, to compare with
    settling_rule                   what all rules of settling networks share
    equilibrium_propagation         the rule, with tied weights
    vector_field                    the rule with feedback weights of its own
    truths                          what is exactly true of both
"""
