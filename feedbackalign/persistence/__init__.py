"""The topology of weights: neural persistence, deep graph persistence, and what they can and cannot tell.

    trees           a layer as a graph whose strongest edges come first: its maximum spanning tree
    neural          neural persistence of layers and networks
    bounds          what of it is arrangement, and what only the sizes of the weights
    paths           deep graph persistence: whole paths from inputs to outputs
    activation      the graphs of single samples, and the witnesses read off them
    shift           a test on witnesses: has the data changed?
    stopping        early stopping by neural persistence
    record          what the row of an epoch says

Weights are (out, in), as layers hold them; `summary_matrix` alone is (inputs, outputs). All is computed in float64.
"""

from feedbackalign.persistence.activation import (WITNESSES, activation_graphs, dgp_witness, maxima_witness,
                                                  topological_uncertainty, witnesses)
from feedbackalign.persistence.bounds import high_arrangement, low_arrangement, persistence_bounds, shuffle_gap
from feedbackalign.persistence.neural import network_persistence, neural_persistence
from feedbackalign.persistence.paths import deep_graph_persistence, maxmin, summary_matrix
from feedbackalign.persistence.record import persistence_row
from feedbackalign.persistence.shift import detect_shift, ks_two_sample
from feedbackalign.persistence.stopping import EarlyStopping
from feedbackalign.persistence.trees import mst_weights, mst_weights_kruskal, spanning_tree

__all__ = ["EarlyStopping", "WITNESSES", "activation_graphs", "deep_graph_persistence", "detect_shift", "dgp_witness",
           "high_arrangement", "ks_two_sample", "low_arrangement", "maxima_witness", "maxmin", "mst_weights",
           "mst_weights_kruskal", "network_persistence", "neural_persistence", "persistence_bounds",
           "persistence_row", "shuffle_gap", "spanning_tree", "summary_matrix", "topological_uncertainty", "witnesses"]
