"""Small weight matrices, with ties and zeros among them, and what a layer's graph looks like by brute force."""

import itertools

import numpy as np
from hypothesis import strategies as st

from tests.strategies import seeds


@st.composite
def matrices(draw, low=1, high=7, ties=True):
    """(W, rng): weights (out, in) in float64; where ties may come, so do zeros and constant matrices."""
    rng = np.random.default_rng(draw(seeds))
    shape = draw(st.tuples(st.integers(low, high), st.integers(low, high)))
    return drawn(rng, shape, draw(st.booleans()) if ties else False), rng


@st.composite
def chains(draw, low=2, high=6, layers=3):
    """(weights, rng): up to `layers` matrices (out, in), each taking what the one below gives, none constant."""
    rng = np.random.default_rng(draw(seeds))
    sizes = draw(st.lists(st.integers(low, high), min_size=2, max_size=layers + 1))
    return [rng.normal(size=(out, inputs)) for inputs, out in zip(sizes, sizes[1:])], rng


def drawn(rng, shape, ties):
    return rng.integers(-2, 3, size=shape) / 2.0 if ties else rng.normal(size=shape)


def all_spanning_trees(out, inputs):
    """Every spanning tree of the graph of a layer, each as the flat indices of its edges."""
    edges = list(itertools.product(range(out), range(inputs)))
    for chosen in itertools.combinations(range(len(edges)), out + inputs - 1):
        if parts(out, inputs, [edges[place] for place in chosen]) == 1:
            yield list(chosen)


def parts(out, inputs, edges):
    """Into how many parts the vertices of a layer fall with these edges [(row, column), …]: every edge paints anew."""
    colour = list(range(out + inputs))
    for row, column in edges:
        old, new = colour[out + column], colour[row]
        colour = [new if each == old else each for each in colour]
    return len(set(colour))


def persistence_by_hand(deaths, p=2):
    """NP~ of tree edges that are divided by the maximum already."""
    return (sum((1.0 - t)**p for t in deaths) / len(deaths))**(1.0 / p)
