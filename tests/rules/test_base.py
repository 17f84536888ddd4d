"""The face of a rule: its defaults suit a rule without arrays, and what a subclass must write is said."""

import numpy as np
import pytest

from feedbackalign import alignment, rules
from feedbackalign.optimizer import SGD
from feedbackalign.rules.base import Step
from feedbackalign.rules.sending import shape_text, sparse
from feedbackalign.training.loop import train_step
from tests.rules.tools import conv_batch, backprop, conv_case, dense_case, frozen, make


class Downhill(rules.Rule):
    """The smallest rule there is: gradients out of nowhere."""

    def gradients(self, x, targets):
        output = self.network.forward(x)
        return Step(loss=self.network.loss(output, targets),
                    grads={name: np.ones_like(array) for name, array in self.network.parameters().items()})


def test_a_rule_is_one_method():
    net, x, labels = dense_case()
    rule = rules.make(Downhill, net)
    before = {name: array.copy() for name, array in net.parameters().items()}
    step = train_step(rule, SGD(lr=0.5), x, labels)
    for name, array in net.parameters().items():
        np.testing.assert_allclose(array, before[name] - 0.5, rtol=1e-14)
    assert step.errors == {} and rule.state() == {} and rule.notes() == {} and rule.trace(x, labels) == []
    assert rule.constants() == rule.parameters() == rule.plastic() == rule.masks() == rule.streams() == {}
    assert alignment.weight_angles(rule) == {} == alignment.delta_angles(rule, x, labels)
    assert alignment.update_angles(rule, x, labels).keys() == net.parameters().keys()
    for hook in (rule.before_training, rule.after_epoch):
        assert hook([]) is None


def test_a_rule_that_learns_one_layer_moves_no_other_even_by_decay():
    class TopOnly(Downhill):
        def learns(self):
            return [name for name in super().learns() if name.startswith("fc3.")]

    net, x, labels = dense_case()
    before, optimizer = {name: array.copy() for name, array in net.parameters().items()}, SGD(0.5, weight_decay=0.1)
    train_step(rules.make(TopOnly, net), optimizer, x, labels)
    moved = {name for name, array in net.parameters().items() if not np.array_equal(array, before[name])}
    assert moved == {"fc3.weight", "fc3.bias"}


def test_what_a_subclass_must_write_is_said():
    net, x, labels = dense_case()
    with pytest.raises(NotImplementedError, match="Rule does not say how it finds gradients: write gradients()"):
        rules.Rule(net).gradients(x, labels)
    with pytest.raises(NotImplementedError, match="does not say how an error travels: write send_back()"):
        rules.ErrorSendingRule(net).gradients(x, labels)


def test_the_reference_is_the_exact_gradient_in_float64():
    net, x, labels = conv_case(dtype=np.float32)
    reference = rules.Rule(net).references(x, labels)["backprop"]
    exact = backprop(net.astype(np.float64), x, labels)
    assert frozen(reference) == frozen(exact)


def test_predict_is_the_forward_pass():
    net, x, _ = conv_case()
    assert np.array_equal(rules.Rule(net).predict(x), net.forward(x, training=False))


def test_the_lowest_layer_learns_and_tells_nobody():
    net, x, labels = dense_case()
    asked = []

    class Listening(rules.find("fa")):
        def send_back(self, layer, error):
            asked.append(layer.name)
            return super().send_back(layer, error)

    rules.make(Listening, net, rng=np.random.default_rng(0)).gradients(x, labels)
    assert asked == ["fc3", "fc2"]
    rule = make("fa", net)
    before = frozen(rule.gradients(x, labels).grads)
    rule.set_feedback("fc1", B=np.ones((5, 6)))                     # exists, and routes no error
    assert frozen(rule.gradients(x, labels).grads) == before


def test_a_converted_rule_is_float64_through_and_through():
    for name in rules.TABLE:
        net, x, labels = conv_batch(name, dtype=np.float32)
        rule = make(name, net)
        rule.astype(np.float64)
        arrays = [*net.parameters().values(), *rule.constants().values(), *rule.parameters().values(),
                  *rule.plastic().values(), *rule.gradients(x, labels).grads.values()]
        assert {array.dtype for array in arrays} == {np.dtype(np.float64)}


def test_sparse_keeps_a_share_and_leaves_the_rest_as_drawn():
    weights = np.random.default_rng(0).normal(size=(200, 100))
    kept, mask = sparse(weights, 0.3, np.random.default_rng(1))
    assert abs(mask.mean() - 0.3) < 0.02 and mask.dtype == bool
    assert np.array_equal(kept[mask], weights[mask]) and not kept[~mask].any()
    assert sparse(weights, 1, np.random.default_rng(1)) == (weights, None)


def test_shape_text():
    assert shape_text(64, 10) == "(64,10)" and shape_text(3) == "(3)"
