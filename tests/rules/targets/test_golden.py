"""Every target rule on one network given by formulas: ten digits of targets, updates and feedback losses."""

import numpy as np
import pytest

from feedbackalign import rules
from feedbackalign.layers import Identity, Tanh
from feedbackalign.networks.jacobians import dense_chain, forward, post_jacobians
from feedbackalign.rules.targets.reconstruction import Feedback, reconstruction, sent_down, sent_up
from feedbackalign.rules.targets.target_propagation import TargetPropagation
from tests.golden_networks import SIZES, golden_feedback, golden_network, golden_noise
from tests.rules.tools import backprop, make

DIGITS = 5.1e-11                                            # half a unit of the tenth digit, and a little
LAMBDA = 0.1


def golden(name, **options):
    """(rule with the golden feedback, x, y) at λ = 0.1."""
    net, x, y = golden_network()
    taken = rules.options_of(name)
    rule = make(name, net, **options, **({"target_step": LAMBDA} if "target_step" in taken else {}))
    for number in (1, 2):
        if isinstance(rule, TargetPropagation):
            rule.set_feedback(f"fc{number}", Q=golden_feedback(number, SIZES[number], SIZES[number + 1], 0.7),
                              c=0.1 * np.sin(np.arange(SIZES[number]) + number))
        elif rule.Q:
            rule.set_feedback(f"fc{number}", Q=golden_feedback(number, SIZES[number], 2, 0.7))
    return rule, x, y


def moves(rule, x, y):
    """ĥ_i − h_i of the two hidden layers, at λ = 0.1."""
    seen = forward(rule.stages, x)
    return [move[0] for move in rule.moves(seen, -LAMBDA * rule.network.sample_errors(seen.output, y))]


def test_the_network_answers():
    net, x, y = golden_network()
    output = net.forward(x)
    np.testing.assert_allclose(output[0], [0.3842630358, 0.4782752094], atol=DIGITS)
    np.testing.assert_allclose(net.sample_errors(output, y)[0], [0.3842630358, -0.3631957754], atol=DIGITS)


def test_backprop_as_a_target_rule():
    net, x, y = golden_network()
    stages = dense_chain(net)
    seen = forward(stages, x)
    down = [-net.sample_errors(seen.output, y) @ J[0] for J in post_jacobians(stages, seen)]
    np.testing.assert_allclose(down[0][0], [0.1401225090, -0.0836552036, -0.0704968123, 0.1423292545], atol=DIGITS)
    np.testing.assert_allclose(down[1][0], [-0.1233160119, 0.2870304249, -0.1155775948], atol=DIGITS)


@pytest.mark.parametrize(("name", "options", "first", "second"), [
    ("gnt", {"gamma": 0.0}, [0.0752751570, -0.0463559518, -0.0366933916, 0.0768956295],
     [-0.0328132844, 0.0722891452, -0.0273525138]),
    ("gnt", {"gamma": 0.1}, [0.0489160600, -0.0300658770, -0.0238924209, 0.0499513877],
     [-0.0261243850, 0.0577321641, -0.0219257299]),
    ("ddtp-linear", {}, [0.0160492324, -0.0075873007, -0.0242481046, -0.0186153129],
     [-0.0075873007, -0.0242481046, -0.0186153129]),
    ("dtp", {}, [0.0037779708, 0.0240964546, 0.0189375063, -0.0008376350],
     [-0.0063912380, -0.0237742650, -0.0173371216]),
], ids=["gnt-0", "gnt-0.1", "ddtp-linear", "dtp"])
def test_moves(name, options, first, second):
    found = moves(*golden(name, **options))
    np.testing.assert_allclose(found[0], first, atol=DIGITS)
    np.testing.assert_allclose(found[1], second, atol=DIGITS)


def test_targets_of_plain_target_propagation():
    first, second, top = golden("tp")[0].targets_of(*golden("tp")[1:])
    np.testing.assert_allclose(first[0], [0.4632465517, 0.2961101557, -0.1699177128, -0.4547422684], atol=DIGITS)
    np.testing.assert_allclose(second[0], [-0.4002272738, -0.1514953487, 0.2533066342], atol=DIGITS)
    np.testing.assert_allclose(top[0], [0.3842630358 - 0.03842630358, 0.4782752094 + 0.03631957754], atol=DIGITS)


@pytest.mark.parametrize(("name", "options", "norm"), [
    ("gnt", {"gamma": 0.0}, 0.1002308289), ("gnt", {"gamma": 0.1}, 0.0651267490), ("ddtp-linear", {}, 0.0337419640),
    ("dtp", {}, 0.0300723189)], ids=["gnt-0", "gnt-0.1", "ddtp-linear", "dtp"])
def test_the_first_layers_update_has_the_scale_of_a_gradient(name, options, norm):
    """Divided by λ, and pointing uphill."""
    rule, x, y = golden(name, **options)
    gradient = rule.gradients(x, y).grads["fc1.weight"]
    np.testing.assert_allclose(np.linalg.norm(gradient), norm / LAMBDA, atol=DIGITS / LAMBDA)
    move = moves(rule, x, y)[0]
    slope = 1 - forward(rule.stages, x).post[1][0] ** 2
    np.testing.assert_allclose(gradient, -np.outer(slope * move, x[0]) / LAMBDA, rtol=1e-12)


def test_backprops_own_update():
    net, x, y = golden_network()
    np.testing.assert_allclose(np.linalg.norm(backprop(net, x, y)["fc1.weight"]), 0.1863199942, atol=DIGITS)


@pytest.mark.parametrize(("kind", "number", "loss", "row"), [
    ("direct", 1, 4.1519625896, [-1.7062218944, -2.2830062881]),
    ("direct", 2, 2.9860784205, [-1.4471068878, 0.9679435447]),
    ("chain", 1, 2.1798719991, [0.1682630531, 0.1186797279, -0.0840781254]),
    ("chain", 2, 3.0165229146, [-1.2263283004, 0.8160312721]),
    ("layer", 1, 281.0184112825, [-64.0760449897, 11.4863889623, 73.8936306075]),
    ("layer", 2, 5.8114674993, [-8.0056961233, -7.3247627076]),
])
def test_feedback_losses_and_gradients(kind, number, loss, row):
    """Summed over units, noise of formula and deviation 0.1: the loss, and the first row of its gradient."""
    net, x, _ = golden_network()
    stages, sigma = dense_chain(net), 0.1
    seen, place = forward(stages, x), number - 1
    h = seen.post[number]
    noisy = h + sigma * golden_noise(number, SIZES[number])
    output = sent_up(stages, place, noisy)
    direct = Feedback(golden_feedback(number, SIZES[number], 2, 0.7), None, Identity())
    chain = [Feedback(golden_feedback(k, SIZES[k], SIZES[k + 1], 0.7), 0.1 * np.sin(np.arange(SIZES[k]) + k), Tanh())
             for k in (1, 2)]
    above = stages[number]
    found, gradients = {
        "direct": lambda: reconstruction(direct, noisy, output, clean=h, clean_up=seen.output, weight=1 / sigma**2),
        "chain": lambda: reconstruction(chain[place], noisy, sent_down(chain, seen.post, number, output), clean=h,
                                        clean_up=seen.post[number + 1], weight=1 / sigma**2),
        "layer": lambda: reconstruction(chain[place], noisy, above.unit.function(
            noisy @ above.layer.weight.T + above.layer.bias), weight=1 / sigma**2),
    }[kind]()
    np.testing.assert_allclose(found, loss, atol=DIGITS)
    np.testing.assert_allclose(gradients["Q"][0], row, atol=2 * DIGITS)


@pytest.mark.parametrize(("name", "kind"), [("ddtp-linear", "direct"), ("dtp-drl", "chain"), ("dtp", "layer"),
                                            ("tp", "layer")])
def test_the_rules_train_with_these_losses(name, kind):
    """What a rule hands its optimiser is the loss tested above, by its own arguments."""
    rule, x, _ = golden(name, sigma=0.1)
    seen = forward(rule.stages, x)
    expected = {"direct": [4.1519625896, 2.9860784205], "chain": [2.1798719991, 3.0165229146],
                "layer": [281.0184112825, 5.8114674993]}[kind]
    for place, loss in enumerate(expected):
        noisy = seen.post[place + 1] + 0.1 * golden_noise(place + 1, SIZES[place + 1])
        np.testing.assert_allclose(rule.feedback_gradients(place, seen, noisy)[0], loss, atol=DIGITS)
