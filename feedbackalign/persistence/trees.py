"""A weight matrix as a graph whose edges arrive from the strongest to the weakest: when do its parts grow together?

    vertices    every input and every output unit of the layer, there from the start: N = inputs + outputs
    edges       one for each weight, of strength |w|
    merging     an edge between two parts that were apart makes them one; there are N − 1 such edges

The strengths of those N − 1 edges are all that zero-dimensional persistent homology sees of the matrix. They are the
edges of a maximum spanning tree. Ties may give another tree, but never other strengths.

`mst_weights` is Prim's algorithm, which sorts nothing and is quick on dense graphs; `spanning_tree` is Kruskal's, which
is the story above told line by line. Rieck et al. 2019 (arXiv 1812.09764) apply this to weights.
"""

import numpy as np

from feedbackalign.validation import describe, require_numbers


def as_matrix(W, what="W"):
    """The weights of one dense layer in float64, (out, in); anything but a finite matrix is refused."""
    A = require_numbers(W, what)
    if A.ndim != 2:
        raise ValueError(f"{what}: expected the weights of one dense layer, (out, in), got {describe(A)}")
    return A


def mst_weights(W):
    """Strengths of the edges of a maximum spanning tree, in Prim's way: (out, in) -> (out + in − 1,), descending.

    The signs of W do not matter, and nothing is divided. The tree grows from one vertex: the strongest edge out of it
    is always the next.

    >>> mst_weights([[0.9, -0.5], [-0.1, 0.7], [0.3, 0.2]])
    array([0.9, 0.7, 0.5, 0.3])
    """
    edges = np.abs(as_matrix(W))                                        # (out, in)
    edges_of_input = np.ascontiguousarray(edges.T)                      # (in, out): both are read along their rows
    out, inputs = edges.shape
    strongest = np.full(out + inputs, -1.0)                             # edge from the tree to each: outputs, inputs
    in_tree = np.zeros(out + inputs, dtype=bool)
    found = np.empty(out + inputs - 1)
    vertex = 0
    for place in range(len(found)):
        in_tree[vertex] = True
        if vertex < out:
            np.maximum(strongest[out:], edges[vertex], out=strongest[out:])
        else:
            np.maximum(strongest[:out], edges_of_input[vertex - out], out=strongest[:out])
        outside = np.where(in_tree, -1.0, strongest)
        vertex = outside.argmax()
        found[place] = outside[vertex]
    return -np.sort(-found)


def mst_weights_kruskal(W):
    """The same numbers as `mst_weights`, in Kruskal's way.

    >>> mst_weights_kruskal([[0.9, -0.5], [-0.1, 0.7], [0.3, 0.2]])
    array([0.9, 0.7, 0.5, 0.3])
    """
    return np.array([strength for strength, _, _ in spanning_tree(W)])


def spanning_tree(W):
    """The edges that merge two parts, from the strongest on: (out, in) -> [(strength, output unit, input unit), …].

    Every unit knows one unit of its own part, and the root of a part knows itself.

    >>> spanning_tree([[0.9, -0.5], [-0.1, 0.7]])
    [(0.9, 0, 0), (0.7, 1, 1), (0.5, 0, 1)]
    """
    edges = np.abs(as_matrix(W))                                        # (out, in)
    out, inputs = edges.shape
    parent = list(range(out + inputs))                                  # outputs first, then inputs

    def root(vertex):
        while parent[vertex] != vertex:
            parent[vertex] = parent[parent[vertex]]                     # halve the way for the next time
            vertex = parent[vertex]
        return vertex

    tree = []
    for edge in np.argsort(-edges, axis=None, kind="stable"):
        row, column = divmod(int(edge), inputs)
        one, other = root(row), root(out + column)
        if one != other:
            parent[other] = one
            tree.append((float(edges[row, column]), row, column))
            if len(tree) == out + inputs - 1:
                break
    return tree
