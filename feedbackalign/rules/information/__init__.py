"""Layers that tell each other as much as they can: Bozkurt, Pehlevan, Erdogan 2023.

    information                 correlative information between two layers, and the predictors that reach it
    feasible_sets               the four sets in which a layer's rates may lie
    dynamics                    neurons of three compartments, and how they settle
    lateral                     the three updates of the lateral weights
    exact_gradients             the exact gradients of the settled network, to compare with
    corinfomax                  the rule
    truths                      what is exactly true of it
"""
