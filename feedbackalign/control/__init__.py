"""Deep feedback control: a controller pushes every layer at once until the output is where it should be.

    dynamics        network and controller step by step, and the state that they settle in
    learning        what a synapse learns from the push
    feedback        where the feedback weights start
    sleep           how the feedback weights learn from noise that the controller fights
    diagnostics     is the controller stable, has it settled, and do the two conditions of the theory hold
    truths          what is exactly true, as numbers
"""
