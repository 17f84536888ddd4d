"""What holds for every rule of the table, and for all that send an error. A new line there is tested by itself.

What every rule holds between steps, its state, its arrays and its masks, has a file of its own: test_every_rules_state.
"""

import copy
import inspect
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbackalign import alignment, rules
from feedbackalign.ops import initialisers
from feedbackalign.optimizer import SGD
from feedbackalign.training.loop import train_step
from tests.rules.tools import (ERROR_SENDERS, assert_close, backprop, conv_batch, dense_batch, distance, drawn_for,
                               every_case, family_of, frozen, make, residual_case, train)
from tests.strategies import linear_networks_with_batch, networks_with_batch

NAMES = list(rules.TABLE)
SPARSE = [name for name in NAMES if "density" in rules.options_of(name)]
every_rule = pytest.mark.parametrize("name", NAMES)
every_error_sender = pytest.mark.parametrize("name", ERROR_SENDERS)
every_rule_and_kind = every_case(NAMES)
every_error_sender_and_kind = every_case(ERROR_SENDERS)


# --------------------------------------------------------------------------------------------------- the gradients

@every_rule
@settings(max_examples=15)
@given(data=st.data())
def test_one_gradient_for_every_parameter_in_its_shape(name, data):
    net, x, labels, rng = data.draw(drawn_for(name))
    rule = rules.make(name, net, rng=rng)
    step = rule.gradients(x, labels)
    parameters = net.parameters() | rule.parameters()
    assert step.grads.keys() == parameters.keys()
    for key, gradient in step.grads.items():
        assert gradient.shape == parameters[key].shape and gradient.dtype == np.float64, key
        assert np.isfinite(gradient).all(), key
    assert isinstance(step.loss, float)
    np.testing.assert_allclose(step.loss, net.loss(rule.predict(x), labels), rtol=1e-14)


@every_rule_and_kind
def test_float32_stays_float32(name, case):
    net, x, labels = case(dtype=np.float32)
    rule, optimizer = make(name, net), SGD(lr=0.01, momentum=0.9, weight_decay=0.01)
    for _ in range(2):                                              # the second step may take another route
        step = train_step(rule, optimizer, x, labels)
        arrays = net.parameters() | rule.constants() | rule.plastic() | rule.parameters() | step.grads
        arrays |= {f"error {key}": error for key, error in step.errors.items()}
        wrong = {key: array.dtype for key, array in arrays.items() if array.dtype != np.float32}
        assert all(key.endswith(".echo") and dtype == np.float64 for key, dtype in wrong.items()), wrong
        for layer in net.weighted_layers():
            assert getattr(rule.feedback_weights(layer.name), "dtype", np.float32) == np.float32
    assert rule.predict(x).dtype == np.float32


@every_rule_and_kind
def test_the_same_stream_gives_the_same_bytes(name, case):
    net, x, labels = case()
    first, again = (make(name, copy.deepcopy(net), seed=5) for _ in range(2))
    for rule in (first, again):
        train(rule, x, labels, 3)
    assert frozen(first) == frozen(again)
    assert frozen(first.gradients(x, labels).grads) == frozen(again.gradients(x, labels).grads)


@every_rule
def test_gradients_move_no_parameter_and_keep_the_batch_as_it_is(name):
    net, x, labels = conv_batch(name)
    rule, batch = make(name, net), (x.copy(), labels.copy())
    held = frozen([net.parameters(), rule.parameters(), rule.constants(), rule.plastic()])
    rule.gradients(x, labels)
    assert frozen([net.parameters(), rule.parameters(), rule.constants(), rule.plastic()]) == held
    assert frozen([x, labels]) == frozen(list(batch))


@every_rule
@pytest.mark.parametrize("init", initialisers.NAMES)
def test_a_step_moves_every_parameter_that_the_rule_trains(name, init):
    """And no other, whatever order an initialiser leaves its numbers in memory."""
    net, x, labels = dense_batch(name, sizes=(8, 7, 6, 4), init=init, activation="tanh")
    rule = make(name, net)
    before = {key: array.copy() for key, array in (net.parameters() | rule.parameters()).items()}
    train_step(rule, SGD(lr=0.1, momentum=0.9), x, labels)
    for key, array in (net.parameters() | rule.parameters()).items():
        assert array.flags.c_contiguous
        assert key.endswith(".echo") or (array != before[key]).any() == (key in rule.learns()), key


# ------------------------------------------------------------------------------------------------------ measuring

MEASURES = {
    "references": lambda rule, x, labels: rule.references(x, labels),
    "predict": lambda rule, x, labels: rule.predict(x),
    "trace": lambda rule, x, labels: rule.trace(x, labels),
    "state": lambda rule, x, labels: rule.state(),
    "notes": lambda rule, x, labels: rule.notes(),
    "update_angles": lambda rule, x, labels: alignment.update_angles(rule, x, labels),
    "delta_angles": lambda rule, x, labels: alignment.delta_angles(rule, x, labels),
    "weight_angles": lambda rule, x, labels: alignment.weight_angles(rule),
    "norm_ratios": lambda rule, x, labels: alignment.norm_ratios(rule),
    "reciprocity": lambda rule, x, labels: alignment.reciprocity(rule),
}


@every_rule_and_kind
@pytest.mark.parametrize("steps", [pytest.param(0, marks=pytest.mark.slow), 2])
def test_measuring_changes_nothing(name, case, steps):
    net, x, labels = case(dtype=np.float32)
    probe = 0.9 * x[::-1].astype(np.float64)                        # another batch than the one in the memories
    rule = make(name, net)
    train(rule, x, labels, steps)
    rule.gradients(x, labels)
    before = frozen(rule)
    for measure, look in MEASURES.items():
        first, again = look(rule, probe, labels), look(rule, probe, labels)
        assert frozen(rule) == before, measure
        assert repr(first) == repr(again), measure


@every_rule
def test_what_a_measure_returns_may_be_written_to(name):
    net, x, labels = dense_batch(name)
    rule = make(name, net)
    rule.gradients(x, labels)
    before = frozen(rule)
    for array in [rule.predict(x), *rule.state().values(), *next(iter(rule.references(x, labels).values())).values()]:
        if array.dtype.kind == "f":
            array[...] = 7
    assert frozen(rule) == before


@every_rule
def test_the_first_reference_is_the_own_claim_and_covers_the_network(name):
    net, x, labels = dense_batch(name, dtype=np.float32)
    rule = make(name, net)
    for reference in rule.references(x, labels).values():
        assert list(reference)[:len(net.parameters())] == list(net.parameters())
        assert reference.keys() <= (net.parameters() | rule.parameters()).keys()
        assert all(gradient.dtype == np.float64 for gradient in reference.values())
    first = next(iter(rule.references(x, labels).values()))
    assert alignment.update_angles(rule, x, labels).keys() == first.keys()


# ------------------------------------------------------------------------------------------- bp, and matching it

MATCHED = [name for name in NAMES if rules.find(name).matches_backprop != "never"]


@pytest.mark.parametrize("name", MATCHED)
@given(data=st.data())
def test_a_matched_rule_is_backprop(name, data):
    """The rule says itself where it can be matched; there every gradient of W and b is backprop's."""
    where = rules.find(name).matches_backprop
    assert where in ("always", "any network", "linear network")
    net, x, labels, rng = data.draw(linear_networks_with_batch() if where == "linear network" else drawn_for(name))
    rule = rules.make(name, net, rng=rng)
    rule.match_to_backprop()
    assert_close(rule.gradients(x, labels).grads, backprop(net, x, labels))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in MATCHED])
def test_a_rule_that_nothing_matches_says_so(name):
    with pytest.raises(NotImplementedError, match="nothing makes this rule equal to backprop"):
        make(name, dense_batch(name)[0]).match_to_backprop()


@pytest.mark.parametrize("name", ["fa", "kp", "wm"])
@given(case=networks_with_batch())
def test_with_b_equal_to_w_it_is_backprop(name, case):
    net, x, labels, _ = case
    rule = make(name, net)
    for layer in net.weighted_layers():
        rule.set_feedback(layer.name, B=layer.weight)
    assert_close(rule.gradients(x, labels).grads, backprop(net, x, labels))


@every_error_sender
def test_a_matched_rule_is_backprop_through_residual_blocks_too(name):
    """The error goes down both branches and is added."""
    if family_of(name) == "any" and rules.find(name).matches_backprop in ("always", "any network"):
        net, x, labels = residual_case()
        rule = make(name, net)
        rule.match_to_backprop()
        step = rule.gradients(x, labels)
        assert_close(step.grads, backprop(net, x, labels))
        assert step.errors.keys() == {layer.name for layer in net.weighted_layers()}


@every_error_sender
@settings(max_examples=15)
@given(data=st.data())
def test_the_top_layer_follows_the_gradient_exactly(name, data):
    if not rules.find(name).top_layer_is_exact:
        return
    net, x, labels, rng = data.draw(drawn_for(name))
    rule = rules.make(name, net, rng=rng)
    top = net.weighted_layers()[-1].name
    angles = alignment.update_angles(rule, x, labels) | {top: alignment.delta_angles(rule, x, labels)[top]}
    for key, degrees in angles.items():
        if key.startswith(top):
            assert degrees == 0 or np.isnan(degrees), key                   # nan: a gradient that is zero


@every_error_sender_and_kind
def test_the_trace_goes_from_top_to_bottom_and_agrees_with_the_measures(name, case):
    net, x, labels = case()
    rule = make(name, net)
    for steps in (0, 2):
        train(rule, x, labels, steps)
        rows = rule.trace(x, labels)
        assert [row["layer"] for row in rows] == [layer.name for layer in reversed(net.weighted_layers())]
        assert rows[-1]["route"] == "feeds no layer"
        assert rows[0]["update_angle"] == 0 or not rule.top_layer_is_exact
        angles, deltas = alignment.update_angles(rule, x, labels), alignment.delta_angles(rule, x, labels)
        for row in rows:
            layer = net.layer(row["layer"])
            assert row["weight"] == layer.weight.shape and row["input"][0] == row["output"][0] == len(x)
            np.testing.assert_allclose(row["update_angle"], angles[f"{layer.name}.weight"], atol=1e-12)
            np.testing.assert_allclose(row["delta_angle"], deltas[layer.name], atol=1e-12)


@every_error_sender_and_kind
def test_a_phase_and_its_references_from_one_pass_are_those_of_two(name, case):
    net, x, labels = case(dtype=np.float32)
    rule = make(name, net)
    train(rule, x, labels, 2)
    step, references = rule.beside_references(x, labels)
    alone = rule.references(x, labels)
    assert list(references) == list(alone) and frozen(step.grads) == frozen(
        alignment.in_float64(rule).gradients(x, labels).grads)
    for name, exact in alone.items():
        assert_close(references[name], exact, 1e-13)


@every_error_sender
def test_gradients_are_three_public_calls_in_a_row(name):
    net, x, labels = conv_batch(name)
    rule = make(name, net)
    step = rule.gradients(x, labels)
    output = net.forward(x)
    loss, error = net.loss_and_error(output, labels)
    by_hand = rule.backward(error)
    assert by_hand.loss is None and step.loss == loss
    assert frozen(step.grads) == frozen(by_hand.grads) and frozen(step.errors) == frozen(by_hand.errors)
    for layer in net.weighted_layers():
        assert np.array_equal(layer.error, step.errors[layer.name])
        assert np.array_equal(layer.gradients["weight"], step.grads[f"{layer.name}.weight"])


@every_error_sender
@settings(max_examples=10)
@given(data=st.data())
def test_every_error_is_what_the_layer_above_sent(name, data):
    """The three steps at a layer, taken by hand: local gradient, send back, exact derivatives in between."""
    net, x, labels, rng = data.draw(drawn_for(name))
    rule = rules.make(name, net, rng=rng)
    step = rule.gradients(x, labels)
    error = net.loss_error(net.forward(x), labels)
    for layer in reversed(net.layers):
        if layer.is_weighted:
            assert np.array_equal(step.errors[layer.name], error), layer.name
            for key, local in rule.local_gradients(layer, error).items():
                assert np.array_equal(step.grads[f"{layer.name}.{key}"], local), (layer.name, key)
            if layer is net.weighted_layers()[0]:
                break
            error = rule.send_back(layer, error)
            assert error.shape == layer.input.shape
        else:
            error = layer.backward(error)


# ------------------------------------------------------------------------------------------------------- bad input

@every_rule
@pytest.mark.parametrize(("spoil", "error", "says"), [
    (lambda x, labels: (x, labels + 3), ValueError, "targets: expected labels from 0 to 2"),
    (lambda x, labels: (x, -1 - labels), ValueError, "targets: expected labels from 0 to 2"),
    (lambda x, labels: (x, labels.astype(float)), (TypeError, ValueError),      # under squared error: numbers (N, out)
     r"targets: expected an integer array|targets: expected shape \(7, 3\)"),
    (lambda x, labels: (x, labels[:-1]), ValueError, "targets: expected shape"),
    (lambda x, labels: (np.where(x == x[0, 0], np.nan, x), labels), ValueError, "x: expected finite numbers"),
    (lambda x, labels: (np.where(x == x[0, 0], np.inf, x), labels), ValueError, "x: expected finite numbers"),
    (lambda x, labels: (x.astype(int), labels), TypeError, "x: expected a float32 or float64 array"),
    (lambda x, labels: (x.tolist(), labels), TypeError, "x: expected a float32 or float64 array"),
    (lambda x, labels: (x[:, 1:], labels), ValueError, r"x: expected shape \(N, 6\)"),
    (lambda x, labels: (x[0], labels[:1]), ValueError, r"x: expected shape \(N, 6\)"),
    (lambda x, labels: (x[:0], labels[:0]), ValueError, "at least one sample"),
], ids=["label-high", "label-low", "label-float", "label-count", "nan", "inf", "int", "list", "width", "rank", "empty"])
def test_bad_batches_are_refused_and_change_no_parameter(name, spoil, error, says):
    net, x, labels = dense_batch(name)
    rule = make(name, net)
    held = frozen([net.parameters(), rule.state()])
    with pytest.raises(error, match=says):
        rule.gradients(*spoil(x, labels))
    if name not in ("wp", "np"):                                    # those may have drawn their noise already
        assert frozen([net.parameters(), rule.state()]) == held
    assert frozen(net.parameters()) == held[0]
    assert all(layer.noise is None for layer in net.weighted_layers())


@every_rule
def test_a_missing_stream_is_refused_with_an_example(name):
    net, x, labels = dense_batch(name)
    if inspect.signature(rules.find(name)).parameters["rng"].default is None:      # it draws nothing
        assert rules.make(name, net).gradients(x, labels).loss > 0
        return
    for rng in (None, 0, np.random.RandomState(0)):
        with pytest.raises(TypeError, match=r"expected rng=numpy\.random\.Generator, for example .*default_rng\(0\)"):
            rules.make(name, net, rng=rng)


@pytest.mark.parametrize("name", SPARSE)
@pytest.mark.parametrize("density", [0, -0.1, 1.1, np.nan, "half", True])
def test_a_density_outside_its_range_is_refused(name, density):
    net, _, _ = dense_batch(name)
    with pytest.raises((ValueError, TypeError), match=r"density: expected a finite number in \(0, 1\]"):
        make(name, net, density=density)


# --------------------------------------------------------------------------------------------------- its own words

@every_rule
def test_every_rule_tells_its_idea_its_paper_and_what_it_transports(name):
    kind = rules.find(name)
    module = inspect.getmodule(next(base for base in kind.__mro__ if "paper" in vars(base)))
    assert re.search(r"(19|20)\d\d", kind.paper), "the paper has a year"
    assert re.search(r"^Transported\b", module.__doc__, re.M) and re.search(r"^Local\b", module.__doc__, re.M)
    first = kind.__doc__.splitlines()[0]
    assert 10 < len(first) <= 120 and first.endswith(".")
    assert "__doc__" in vars(kind), "its own line, not its parent's"
    assert kind.reads_forward_weights in ("no", "signs", "yes")
    assert kind.learning_rate_factor > 0 and kind.adam_learning_rate_factor > 0


@every_rule
def test_feedback_weights_stand_in_the_shape_of_W(name):
    net, x, labels = conv_batch(name)
    rule = make(name, net)
    for steps in (0, 2):
        train(rule, x, labels, steps)
        for layer in net.weighted_layers():
            for feedback in (rule.feedback_weights(layer.name), rule.direct_feedback(layer.name)):
                assert feedback is None or feedback.shape == layer.weight.shape


@every_error_sender
def test_the_error_goes_through_what_stands_in_the_place_of_W(name):
    net, x, labels = conv_batch(name)
    rule, optimizer = make(name, net), SGD(lr=0.05)
    for _ in range(2):
        error = net.loss_error(net.forward(x), labels)
        rule.backward(error)
        for layer in net.weighted_layers():
            feedback = rule.feedback_weights(layer.name)
            if feedback is not None:
                sent, through = rule.send_back(layer, layer.error), layer.transport(layer.error, feedback)
                assert distance(sent, through) <= 1e-12
        train_step(rule, optimizer, x, labels)
