"""SGD at speed for large parameters: a block of entries passes through the whole update while it is in the cache.

`optimizer.steps.sgd` is the definition. There each line passes over the whole array, and large intermediate results
leave the cache between two lines. Every entry goes through the same operations in the same order here: the results are
equal to the last bit.
"""

import numpy as np

BLOCK = 32768           # entries updated at a time: the few arrays that an update touches stay in the cache


def sgd_in_blocks(theta, g, v, lr, momentum, decay):
    """One step of θ, in place, with the arguments and the result of `optimizer.steps.sgd`; an array v is written over.

    >>> theta = np.array([1.0])
    >>> sgd_in_blocks(theta, np.array([0.5]), 0.0, lr=0.5, momentum=0.9, decay=0.0)
    array([0.5])
    >>> theta
    array([0.75])
    """
    if momentum and not isinstance(v, np.ndarray):
        v = np.full(theta.shape, v, dtype=theta.dtype)
    ordered = np.ascontiguousarray(theta)                                       # in C order, so that flat is a view
    flat_theta, flat_g, flat_v = ordered.reshape(-1), np.reshape(g, -1), np.ascontiguousarray(v).reshape(-1)
    scratch = np.empty(BLOCK, dtype=theta.dtype)
    for start in range(0, theta.size, BLOCK):
        block = slice(start, start + BLOCK)
        part = flat_theta[block]
        push = np.multiply(part, decay, out=scratch[:part.size])
        push += flat_g[block]                                                   # g + λ θ
        if momentum:
            part_v = flat_v[block]
            part_v *= momentum
            part_v += push                                                      # v ← μ v + (g + λ θ)
            np.multiply(part_v, lr, out=push)
        else:
            push *= lr
        part -= push                                                            # θ ← θ − η v
    if not np.may_share_memory(ordered, theta):
        theta[...] = ordered.reshape(theta.shape)
    return flat_v.reshape(theta.shape) if momentum else v
