"""What is exactly true of a flow of matrices, as numbers for `feedbackalign check`.

Every truth takes the rule's class and a Generator and yields (what, value or values, tolerance). Flows are drawn with
up to 8 units and 12 steps, any vector field and either map, unless a truth says otherwise.
"""

import numpy as np

from feedbackalign.alignment import relative_distance
from feedbackalign.layers.flows import FIELDS, MAPS, MatrixFlow, departure
from feedbackalign.ops.skew import skew_exp
from feedbackalign.ops.vector_fields import symmetric

NEVER_LARGER = ("abs", "relu", "tanh", "sin")                                   # |f(u)| ≤ |u|
CLOSE = 6e-6                                                                    # half a step of a central difference


def orthogonal(kind, rng):
    """Every matrix of a flow is orthogonal, and all have one determinant."""
    for flow, x, _ in drawn_flows(rng):
        flow.forward(x)
        yield f"{says(flow)}: largest entry of WᵀW − I", [departure(W) for W in flow.matrices], 1e-10
        signs = np.linalg.det(flow.matrices)
        yield f"{says(flow)}: change of det W", np.abs(signs - signs[0]), 1e-9


def isospectral(kind, rng):
    """In the iso flow the eigenvalues of H = WᵀQ_sW stay; tr(H N_s) does not fall where ‖hB‖₂ ≤ ½."""
    for flow, x, _ in drawn_flows(rng, fields=("iso",)):
        gentle(flow, x)
        H = flow.matrices.transpose(0, 2, 1) @ symmetric(flow.Q) @ flow.matrices            # (steps + 1, d, d)
        spectra = np.linalg.eigvalsh(H)
        yield f"{says(flow)}: change of H's eigenvalues", np.abs(spectra - spectra[0]), 1e-10
        overlap = np.einsum("kij,ji->k", H, symmetric(flow.N))
        yield f"{says(flow)}: largest fall of tr(H N_s)", overlap[:-1] - overlap[1:], 1e-12


def adjoint(kind, rng):
    """The way down is the derivative of the way up: parameters, W_0 as any matrix, and x; ‖hB‖₂ ≤ ½."""
    for flow, x, error in drawn_flows(rng, units=4, steps=4, activations=("tanh", "sin")):
        gentle(flow, x)
        down = flow.backward(error)
        given = {"x": down, "W0": flow.start_gradient, **flow.gradients}
        numbers = {name: central_differences(flow, x, error, array)
                   for name, array in {"x": x, "W0": flow.W0, **flow.parameters()}.items()}
        yield f"{says(flow)}: gradients against central differences", relative_distance(given, numbers), 1e-6


def bounded(kind, rng):
    """(1 − hσ)^(N−k) ≤ ‖λ_k‖ / ‖λ_N‖ ≤ (1 + hσ)^(N−k), for batches and for samples; and states grow no faster."""
    for flow, x, error in drawn_flows(rng, activations=NEVER_LARGER):
        flow.forward(x)
        flow.backward(error)
        for what, axis in (("batch", (1, 2)), ("sample", 2)):
            yield f"{says(flow)}: errors outside their band, per {what}", outside(flow, axis), 1e-12
        lengths = np.linalg.norm(flow.states, axis=2)                                       # (steps + 1, N)
        most = lengths[0] * (1 + flow.h) ** np.arange(flow.steps + 1)[:, None]
        yield f"{says(flow)}: states longer than (1 + h)^k ‖X_0‖", lengths / most - 1, 1e-12


def kept_lengths(kind, rng):
    """What orthogonal factors keep exactly: Π ← Π Eᵀ without a source, and x ← W x without a step of its own."""
    flow, x, _ = next(drawn_flows(rng))
    Pi = rng.normal(size=flow.W0.shape)
    before = np.linalg.norm(Pi), np.linalg.norm(x)
    for _ in range(200):
        M = rng.normal(size=flow.W0.shape)
        E, *_ = skew_exp(M - M.T)
        Pi, x = Pi @ E.T, x @ E.T
    yield "200 random turns: change of ‖Π‖", abs(np.linalg.norm(Pi) / before[0] - 1), 1e-12
    yield "200 random turns: change of ‖x‖", abs(np.linalg.norm(x) / before[1] - 1), 1e-12


ALL = (orthogonal, isospectral, adjoint, bounded, kept_lengths)


# ------------------------------------------------------------------------------------------------- flows to measure

def drawn_flows(rng, *, fields=tuple(FIELDS), units=8, steps=12, activations=("abs", "relu", "tanh", "sin")):
    """One flow of every field, the rest drawn: yields (flow, x (N, d), error (N, d)).

    >>> [flow.flow for flow, _, _ in drawn_flows(np.random.default_rng(0))]
    ['iso', 'gated', 'free-time']
    """
    for field in fields:
        d, N = int(rng.integers(2, units + 1)), int(rng.integers(1, 5))
        flow = MatrixFlow(d, int(rng.integers(2, steps + 1)), float(rng.uniform(0.3, 1.5)), flow=field, gates=2,
                          hidden=3, map=str(rng.choice(list(MAPS))), activation=str(rng.choice(activations)), rng=rng,
                          dtype=np.float64)
        yield flow, rng.normal(size=(N, d)), rng.normal(size=(N, d))


def gentle(flow, x):
    """Halve the field until every turn has ‖hB_k‖₂ ≤ ½; the flow has then seen x."""
    first = next(iter(flow.parameters().values()))                              # B is proportional to it
    flow.forward(x)
    while max(np.linalg.norm(flow.h * (M - M.T), 2) for M, *_ in flow.turns) > 0.5:
        first *= 0.5
        flow.forward(x)


def outside(flow, axis):
    """How far ‖λ_k‖ / ‖λ_N‖ lies above its highest, or below its lowest value, relatively; below 0 inside the band."""
    norms = np.linalg.norm(flow.errors, axis=axis)                              # (steps + 1,) or (steps + 1, N)
    ratios = norms[:-1] / norms[-1]
    low, high = (bound[:-1].reshape(-1, *[1] * (ratios.ndim - 1)) for bound in flow.band())
    return np.maximum(ratios / high, low / ratios) - 1


def central_differences(flow, x, error, array):
    """The slope of ⟨error, flow(x)⟩ at every entry of an array that takes part, which is put back."""
    slopes = np.empty_like(array)
    for index in np.ndindex(*array.shape):
        here, ends = array[index], []
        for there in (here + CLOSE, here - CLOSE):
            array[index] = there
            ends.append(float((error * flow.forward(x)).sum()))
        array[index] = here
        slopes[index] = (ends[0] - ends[1]) / (2 * CLOSE)
    return slopes


def says(flow):
    """A flow in words, for the report."""
    return f"{flow.flow} flow, {flow.map}, {flow.unit.kind}"
