"""Jacobian homeostasis: a loss of the recurrent weights alone, zero exactly where they are symmetric.

    L = E[‖J ε‖² − εᵀ J J ε] = ‖J‖² − Tr(J²) = ½ ‖W − Wᵀ‖²        J = W − I, ε ~ N(0, I) noise injected into every unit
    exact         Eq. 1   ∂L/∂W = 2 (W − Wᵀ)
    full probes   Eq. 2         = E[2 (J ε) εᵀ − ε (J ε)ᵀ − (Jᵀ ε) εᵀ]
    local probes  Eq. 3         = E[2 (r εᵀ − ε rᵀ)],  r = J ε

each on the synapses that exist. Eq. 3 is Hebbian (post response × pre noise) minus anti-Hebbian (post noise × pre
response): all of it is found at the two ends of a synapse. Eq. 2 needs Jᵀ. A synapse without a partner
in the other direction is driven to zero by all three.

The first part takes any recurrent matrix (row = post, column = pre) and a mask. The second takes a chain of layers with
weights W from below and B, in W's shape, from above, L = Σ ‖W − B‖² over its blocks; of a convolution with pooling P
the block is P' C(kernel) and L = Σ ‖P'(C(W) s) C(W) − P'(C(B) s) C(B)‖². The slopes P' of softmax pooling move with the
state s below, which is held constant, and with the kernels, which is counted. There a layer also acts on itself; that
block of J is symmetric, adds nothing to L, and is left out.

Laborieux & Zenke, "Improving equilibrium propagation without weight symmetry through Jacobian homeostasis",
arXiv 2309.02214 (ICLR 2024). The authors take Eq. 2 by automatic differentiation; Eq. 3 is derived here, from
E[(Jᵀ ε) εᵀ] = E[ε (J ε)ᵀ]. They divide by the number of neurons, which is left to the caller.
"""

from feedbackalign.rules.equilibrium.exact_gradients import between_layers, forward_weights, slope_product
from feedbackalign.validation import describe, is_plain, require_floats

# ------------------------------------------------------------------------------------------- any recurrent matrix


def require_recurrent(W, mask=None):
    """Refuse anything but a square matrix and a boolean mask of its shape."""
    require_floats(W, "W", shape=(None, None))
    if W.shape[0] != W.shape[1]:
        raise ValueError(f"W: expected as many rows (post) as columns (pre), got {describe(W)}")
    if mask is not None and (not is_plain(mask) or mask.dtype != bool or mask.shape != W.shape):
        raise ValueError(f"mask: expected a boolean array of shape {W.shape}, got {describe(mask)}")


def require_probes(probes, W):
    """Refuse probes that do not fit: (P, n), one per row."""
    return require_floats(probes, "probes", shape=(None, len(W)))


def on_synapses(gradient, mask):
    """Zero where no synapse exists."""
    return gradient if mask is None else gradient * mask


def homeostatic_loss(W):
    """L = ‖J‖² − Tr(J²) = ½ ‖W − Wᵀ‖², a float of at least 0.

    Parameters
    ----------
    W : array (n, n)
        Row = post, column = pre; 0 where no synapse exists. The diagonal does not matter.

    Examples
    --------
    >>> import numpy as np
    >>> homeostatic_loss(np.array([[0.0, 3.0], [1.0, 0.0]]))
    4.0
    """
    require_recurrent(W)
    return 0.5 * float(((W - W.T) ** 2).sum())


def homeostatic_gradient(W, mask=None):
    """Eq. 1, ∂L/∂W = 2 (W − Wᵀ) on the synapses of the mask: (n, n) -> (n, n).

    >>> import numpy as np
    >>> homeostatic_gradient(np.array([[0.0, 3.0], [1.0, 0.0]]))
    array([[ 0.,  4.],
           [-4.,  0.]])
    """
    require_recurrent(W, mask)
    return on_synapses(2.0 * (W - W.T), mask)


def response(W, probes):
    """r = J ε = W ε − ε, one probe per row: (P, n) x (n, n) -> (P, n)."""
    return probes @ W.T - probes


def probed_losses(W, probes):
    """‖r‖² − εᵀ J r of every probe: (n, n), (P, n) -> (P,).

    Their mean over Gaussian probes estimates L; their *sum* over the n unit vectors is L. Of a symmetric W every single
    one is 0.

    >>> import numpy as np
    >>> W = np.array([[0.0, 3.0], [1.0, 0.0]])
    >>> float(probed_losses(W, np.eye(2)).sum())
    4.0
    """
    require_recurrent(W)
    r = response(W, require_probes(probes, W))                                  # (P, n)
    return (r * r).sum(axis=1) - (probes * response(W, r)).sum(axis=1)


def full_probe_gradient(W, probes, mask=None):
    """Eq. 2, the gradient of the mean of `probed_losses`: (n, n), (P, n) -> (n, n). It reads Jᵀ."""
    require_recurrent(W, mask)
    r, back = response(W, require_probes(probes, W)), response(W.T, probes)     # (P, n): J ε, Jᵀ ε
    return on_synapses((2.0 * r.T @ probes - probes.T @ r - back.T @ probes) / len(probes), mask)


def local_probe_gradient(W, probes, mask=None):
    """Eq. 3, from noise and the answer to it at the two ends of every synapse: (n, n), (P, n) -> (n, n).

    Right in the mean over probes, and the noisier of the two estimates. Of a symmetric W a few probes do not give 0.
    """
    require_recurrent(W, mask)
    r = response(W, require_probes(probes, W))                                  # (P, n)
    return on_synapses(2.0 * (r.T @ probes - probes.T @ r) / len(probes), mask)


# ---------------------------------------------------------------------------------------------- a chain of layers

def neurons(chain):
    """n, all settling units."""
    return sum(state[0].size for state in chain.rest(1))


def chain_loss(chain, feedback):
    """L = Σ ‖W − B‖² over the blocks of a dense chain, a float.

    Parameters
    ----------
    chain : Chain
        Without convolutions; see `probed_chain_loss` for those.
    feedback : dict
        {layer: B in W's shape} for every settling layer but the lowest.
    """
    return float(sum(((stage.layer.weight - feedback[stage.name]) ** 2).sum() for stage in require_dense(chain)))


def chain_gradient(chain, feedback):
    """Eq. 1 block by block, dense chains: ∂L/∂W = 2 (W − B), ∂L/∂B = −2 (W − B). -> {"fc2.weight": …, "fc2.B": …}

    Plain gradient steps of rate η shrink W − B by (1 − 4η) each and leave W + B where it is.
    """
    gradients = {}
    for stage in require_dense(chain):
        pull = on_synapses(2.0 * (stage.layer.weight - feedback[stage.name]), stage.layer.mask)
        gradients |= {f"{stage.name}.weight": pull, f"{stage.name}.B": -pull}
    return gradients


def require_dense(chain):
    """The stages that have feedback; a convolution among them is refused."""
    for stage in chain.stages[1:]:
        if stage.layer.weight.ndim != 2:
            raise ValueError(f"{stage.name}: the closed form takes dense layers, got {stage.layer!r}; "
                             "convolutions take probes ('full' or 'local')")
    return chain.stages[1:]


def draw_probes(chain, count, rng):
    """Gaussian noise for every settling unit: a list of arrays (count, …), one per layer, float64."""
    return [rng.normal(size=state.shape) for state in chain.rest(count)]


def chain_response(chain, states, up, down, probes):
    """r = J ε of every layer: noise of the layer below through `up`, of the layer above through `down`, less its own.

    up = W, down = B gives J ε; up = B, down = W gives Jᵀ ε. Both are {layer: array}, the probes as from `draw_probes`.
    """
    return [drive - noise for drive, noise in zip(between_layers(chain, states, probes, up, down), probes)]


def probed_chain_loss(chain, states, feedback, probes):
    """‖r‖² − εᵀ J r of every probe, (P,); their mean estimates L, their sum over all unit vectors is L."""
    W = forward_weights(chain)
    r = chain_response(chain, states, W, feedback, probes)
    rr = chain_response(chain, states, W, feedback, r)
    return sum((a * a - e * b).reshape(len(a), -1).sum(axis=1) for a, e, b in zip(r, probes, rr))


def probed_chain_gradient(chain, states, feedback, probes, *, local=True):
    """Eq. 3 (local) or Eq. 2 for a chain, dense or convolutional.

    Parameters
    ----------
    chain : Chain
    states : list of arrays (P, …)
        The free state that each probe meets; only softmax pooling reads it.
    feedback : dict
        {layer: B in W's shape} for every settling layer but the lowest.
    probes : list of arrays (P, …)
        Of `draw_probes`.
    local : bool
        Eq. 2, which reads Jᵀ, if False.

    Returns
    -------
    dict
        {"fc2.weight": …, "fc2.B": …}, mean over the probes. Right in expectation; locally, W and B move in opposite
        directions by the same amount, since they see the same two factors (and, with softmax pooling, slopes of their
        own).
    """
    W = forward_weights(chain)
    r = chain_response(chain, states, W, feedback, probes)
    if local:
        terms = [(2.0, r, probes), (-2.0, probes, r)]                           # factor, post, pre
    else:
        back = chain_response(chain, states, feedback, W, probes)               # Jᵀ ε
        terms = [(2.0, r, probes), (-1.0, probes, r), (-1.0, back, probes)]
    gradients = {}
    for n, stage in enumerate(chain.stages[1:], start=1):
        def product(weights, out, into, n=n, stage=stage):
            """What activity at the stage's output and at its input makes of the synapses: W's shape."""
            return slope_product(stage, out, into, states[n - 1], weights) / len(out)

        B, mask = feedback[stage.name], stage.layer.mask
        upward = sum(factor * product(W[stage.name], post[n], pre[n - 1]) for factor, post, pre in terms)
        downward = sum(factor * product(B, pre[n], post[n - 1]) for factor, post, pre in terms)
        gradients |= {f"{stage.name}.weight": on_synapses(upward, mask), f"{stage.name}.B": on_synapses(downward, mask)}
    return gradients
