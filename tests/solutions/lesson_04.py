"""Lesson 4, direct feedback alignment."""

import numpy as np

import feedbackalign as fa


def direct_errors(output_error, feedback, preactivations):
    return [output_error @ B * (v > 0) for B, v in zip(feedback, preactivations)]


def direct_errors_by_layers(output_error, feedback, preactivations):
    errors = []
    for B, v in zip(feedback, preactivations):
        relu = fa.layers.ReLU()
        relu.forward(v)
        errors.append(relu.backward(np.einsum("nc,cu->nu", output_error, B)))
    return tuple(errors)


def matching_feedback(weights):
    answer = []
    for place in range(len(weights)):
        product = np.eye(weights[place].shape[1])
        for W in weights[place:]:
            product = W @ product
        answer.append(product)
    return answer


def matching_feedback_by_the_package(weights):
    sizes = [weights[0].shape[1], *(len(W) for W in weights)]
    net = fa.networks.mlp(sizes, activation="identity", rng=np.random.default_rng(0), dtype=np.float64)
    for layer, W in zip(net.weighted_layers(), weights):
        layer.weight[...] = W
    rule = fa.rules.make("dfa", net, rng=np.random.default_rng(1))
    rule.match_to_backprop()
    return [rule.B[layer.name] for layer in net.weighted_layers()]
