"""Targets instead of errors: Meulemans et al. 2020.

    target_rule                     what the rules of the family share
    target_propagation              targets layer by layer, through learned inverses
    direct_target_propagation       targets straight from the output
    gauss_newton_targets            the ideal: targets by the pseudoinverse
    reconstruction                  the losses from which the feedback learns
    truths                          what is exactly true of the family
"""
