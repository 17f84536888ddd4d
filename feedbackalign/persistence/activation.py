"""The same graphs for one sample: edges weighted by what flows through them, and the witnesses read off them.

    Eq. 1   G_k[o, i] = a_{k−1}[i] · W_k[o, i]         a_0 = x; the activity that arrives, times the weight

A *witness* is a list of numbers that says how a network saw a sample, to be compared with those of the training set:

    softmax, logits         the output
    dgp                     sorted tree edges of the best paths (`paths`) through all |G_k|
    dgp_var                 the same, each G_k of the sample standardised first: (G − mean) / (std + 1e-8), ddof 1
    dgp_maxima              the row and column maxima of dgp's matrix, in place of its tree
    uncertainty             topological uncertainty: the sorted tree edges of |G_k|, layer by layer
    uncertainty_var         the same of standardised G_k, ddof 0
    last_layer              the topmost G_k itself

Girrbach et al. 2023 (arXiv 2307.10865). The two deviations differ in ddof, as in the authors' program; one in the
other's place moves a witness by some hundredths. Biases take part in the forward pass, and in no graph.
"""

import numpy as np

from feedbackalign.networks.chains import dense_chain
from feedbackalign.ops.losses import softmax
from feedbackalign.ops.norms import deviation
from feedbackalign.persistence.paths import as_chain, maxmin
from feedbackalign.persistence.trees import mst_weights
from feedbackalign.validation import (describe, require_bool, require_finite, require_known,
                                      require_list, require_numbers)

CHUNK = 100                 # samples whose graphs are held at a time
GUARD = 1e-8                # an input of zeros has a graph of zeros, and no deviation


def activation_graphs(weights, activations):
    """Equation 1, layer by layer.

    Parameters
    ----------
    weights : list of arrays (out, in)
        Bottom to top.
    activations : list of arrays (N, in)
        What arrives at each layer; the first is x.

    Returns
    -------
    list of arrays (N, out, in)

    >>> [graphs] = activation_graphs([np.array([[1.0, -2.0]])], [np.array([[3.0, 4.0]])])
    >>> graphs
    array([[[ 3., -8.]]])
    """
    weights = as_chain(weights)
    activations = require_list(activations, "activations")
    if len(activations) != len(weights):
        raise ValueError(f"activations: expected {len(weights)} arrays (N, in), what arrives at each layer, got "
                         f"{len(activations)}")
    graphs = []
    for place, (W, a) in enumerate(zip(weights, activations)):
        a = require_numbers(a, f"activations[{place}]", shape=((np.shape(activations[0]) or (0,))[0], W.shape[1]))
        graphs.append(a[:, None, :] * W)                                # (N, 1, in), (out, in) -> (N, out, in)
    return graphs


def require_graphs(graphs):
    """Refuse anything but a list of arrays (N, out, in) of one N; -> the list, in float64."""
    graphs = require_list(graphs, "graphs", lambda G, what: require_numbers(G, what, shape=(None, None, None)))
    for below, above in zip(graphs, graphs[1:]):
        if (len(above), above.shape[2]) != below.shape[:2]:
            raise ValueError(f"graphs: expected shape {(len(below), '…', below.shape[1])} above {below.shape}, got "
                             f"{describe(above)}")
    return graphs


def dgp_witness(graphs, standardise=False):
    """Sorted tree edges of every sample's best paths: [(N, out, in), …] -> (N, inputs + outputs − 1), descending.

    >>> dgp_witness([np.array([[[3.0, -8.0]]])])
    array([[8., 3.]])
    """
    return np.array([mst_weights(S) for S in _summaries(graphs, standardise)])


def maxima_witness(graphs, standardise=False):
    """Row and column maxima of the same matrices: [(N, out, in), …] -> (N, inputs + outputs), descending."""
    maxima = [np.concatenate([S.max(axis=0), S.max(axis=1)]) for S in _summaries(graphs, standardise)]
    return -np.sort(-np.array(maxima), axis=1)


def topological_uncertainty(graphs, standardise=False):
    """Sorted tree edges of every sample, layer by layer: [(N, out, in), …] -> [(N, out + in − 1), …], descending.

    >>> topological_uncertainty([np.array([[[3.0, -8.0]]])])
    [array([[8., 3.]])]
    """
    graphs = require_graphs(graphs)
    if require_bool(standardise, "standardise"):
        graphs = [standardised_graphs(G, ddof=0) for G in graphs]
    return [np.array([mst_weights(sample) for sample in G]) for G in graphs]


def standardised_graphs(G, ddof):
    """Every sample's graph with mean 0 and deviation 1: (N, out, in) -> (N, out, in). One edge alone has mean only."""
    ddof = ddof if G[0].size > 1 else 0
    centred = G - G.mean(axis=(1, 2), keepdims=True)
    return centred / (deviation(G, axis=(1, 2), ddof=ddof) + GUARD)


def _summaries(graphs, standardise):
    """Every sample's matrix of best paths, (inputs, outputs), by absolute strengths."""
    graphs = require_graphs(graphs)
    if require_bool(standardise, "standardise"):
        graphs = [standardised_graphs(G, ddof=1) for G in graphs]
    for layers in zip(*graphs):
        S = np.abs(layers[-1]).T                                        # (out, in) -> (in, out)
        for G in layers[-2::-1]:
            S = maxmin(np.abs(G).T, S)
        yield S


WITNESSES = {               # (graphs, outputs of the network) -> [(N, length), …], one array but for uncertainties
    "softmax": lambda graphs, output: [softmax(output)],
    "logits": lambda graphs, output: [output],
    "dgp": lambda graphs, output: [dgp_witness(graphs)],
    "dgp_var": lambda graphs, output: [dgp_witness(graphs, standardise=True)],
    "dgp_maxima": lambda graphs, output: [maxima_witness(graphs)],
    "uncertainty": lambda graphs, output: topological_uncertainty(graphs),
    "uncertainty_var": lambda graphs, output: topological_uncertainty(graphs, standardise=True),
    "last_layer": lambda graphs, output: [graphs[-1].reshape(len(output), -1)],       # (N, out, in) -> (N, out·in)
}


def witnesses(network, x, kinds):
    """Witnesses of many samples, a chunk at a time: {kind: [(N, length), …]}, one array but for the uncertainties.

    Parameters
    ----------
    network : Network
        Of dense layers in a row.
    x : array (N, in)
    kinds : list of str
        Names of `WITNESSES`.

    >>> import feedbackalign as fa
    >>> net = fa.networks.mlp([4, 3, 2], rng=np.random.default_rng(0))
    >>> [W] = witnesses(net, np.ones((5, 4)), ["dgp_var"])["dgp_var"]
    >>> W.shape
    (5, 5)
    """
    made = {kind: WITNESSES[kind]
            for kind in require_list(kinds, "kinds", lambda kind, what: require_known(kind, WITNESSES, "witness"))}
    require_finite(x, "x")
    if x.ndim == 0 or x.size == 0:
        raise ValueError(f"x: expected at least one sample, got {describe(x)}")
    layers = [stage.layer for stage in dense_chain(network)]
    pieces = {kind: [] for kind in made}
    for start in range(0, len(x), CHUNK):
        with network.undisturbed():
            output = network.forward(x[start:start + CHUNK], training=False).astype(np.float64)        # (N, out)
            graphs = activation_graphs([layer.weight for layer in layers],
                                       [layer.input.reshape(len(output), -1) for layer in layers])
        for kind, make in made.items():
            pieces[kind].append(make(graphs, output))
    return {kind: [np.concatenate(parts) for parts in zip(*found)] for kind, found in pieces.items()}
