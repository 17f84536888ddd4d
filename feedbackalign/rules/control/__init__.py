"""A controller instead of a backward pass: deep feedback control, Meulemans et al. 2021.

    dynamics        the network under control, simulated and in equilibrium
    learning        what a controlled network changes in W
    sleep           how the feedback learns from noise
    feedback        feedback weights that are given, and in their exact form
    diagnostics     what can be measured of the controller
    truths          what is exactly true
"""
