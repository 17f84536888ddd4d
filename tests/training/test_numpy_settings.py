"""Whatever `np.seterr` says: what trains, checks, measures and draws gives the same bytes, and leaves the settings."""

import json

import numpy as np
import pytest

import feedbackalign as fa
from feedbackalign import check, rules
from feedbackalign.figures import EXPERIMENTS

MODELS = {"ep": "settling", "ep-vf": "settling", "hep": "settling", "hep-homeo": "settling", "corinfomax": "corinfomax",
          "relpsp": "spiking", "ode-to-ode": "ode-to-ode"}
SMALL = {"spiking": {"hidden": (16,)}, "ode-to-ode": {"hidden": (8,)}, "corinfomax": {"hidden": (16,)}}
PATIENT = {"hep": {"activation": "sigmoid"}, "hep-homeo": {"activation": "sigmoid"}}


def strict(work):
    """What `work()` gives where every floating-point error raises, and that the settings are left as they were."""
    with np.errstate(all="raise"):
        before = np.geterr()
        result = work()
        assert np.geterr() == before
    return result


def as_usual(work):
    with np.errstate(all="ignore"):
        return work()


def a_run(name, **settings):
    model = MODELS.get(name, "mlp")
    short = (("pretraining", 3),) if "pretraining" in rules.options_of(name) else ()
    fast = {"epochs": 1, "batch_size": 500, "hidden": (16, 16)} | SMALL.get(model, {}) | PATIENT.get(name, {})
    return fa.Run(name, model=model, options=short, **fast | settings)


def untimed(rows):
    return json.dumps([{key: value for key, value in row.items() if "seconds" not in key} for row in rows])


@pytest.mark.slow
@pytest.mark.parametrize("name", rules.TABLE)
def test_every_rule_trains_on_its_model(name):
    assert untimed(strict(a_run(name).train)) == untimed(as_usual(a_run(name).train))


def tiny_steps(name):
    """A function that takes two steps on inputs whose products underflow, and evaluates."""
    rule, data, optimizer, _ = a_run(name).build()
    x, labels = data.batch(20)
    split = fa.data.Split(x * np.float32(1e-38), labels)

    def work():
        losses = [fa.training.train_step(rule, optimizer, split.x, labels).loss for _ in range(2)]
        return losses, fa.training.evaluate(rule, split)
    return work


@pytest.mark.parametrize("name", rules.TABLE)
def test_every_rule_takes_inputs_whose_products_underflow(name):
    losses, evaluated = strict(tiny_steps(name))
    assert (losses, evaluated) == as_usual(tiny_steps(name)) and np.isfinite(losses).all()


def test_rows_of_inputs_whose_products_underflow_in_float64_too():
    def rows():
        rng = np.random.default_rng(0)
        x, labels = 1e-200 * rng.normal(size=(12, 4)), rng.integers(3, size=12)
        network = fa.networks.mlp([4, 5, 3], activation="tanh", rng=rng, dtype=np.float64)
        network.layer("fc2").weight *= 1e-150
        rule, split = fa.rules.make("fa", network, rng=rng), fa.data.Split(x, labels)
        data = fa.data.Dataset("tiny", train=split, validation=None, test=split, classes=3)
        return untimed(fa.training.train(rule, data, fa.optimizer.SGD(0.1), epochs=1, batch_size=4))

    assert strict(rows) == as_usual(rows)


@pytest.mark.parametrize("lr", [0.05, 0.1, 0.5])
@pytest.mark.parametrize("standardise", [False, True])
def test_long_steps_end_as_they_would(lr, standardise):
    data = fa.data.digits().standardised() if standardise else fa.data.digits()

    def losses():
        network = fa.networks.mlp([64, 32, 10], rng=np.random.default_rng(0))
        rule, sgd = fa.rules.make("fa", network, rng=np.random.default_rng(1)), fa.optimizer.SGD(lr, momentum=0.9)
        return [fa.training.train_step(rule, sgd, *data.batch(100)).loss for _ in range(100)]

    assert np.array_equal(strict(losses), as_usual(losses), equal_nan=True)


def test_a_run_that_diverges_says_so_as_ever():
    for way in (strict, as_usual):
        with pytest.raises(fa.training.DivergedError, match="loss became"):
            way(a_run("fa", lr=1e6, epochs=3).train)


def test_evaluate_compare_and_angles():
    rule, data = a_run("fa").build()[:2]
    x, labels = data.batch(100)
    for array in rule.network.parameters().values():
        array *= 1e3                                                    # exponentials of such logits underflow
    for work in (lambda: fa.training.evaluate(rule, data.test), lambda: fa.alignment.update_angles(rule, x, labels),
                 lambda: fa.alignment.delta_angles(rule, x, labels),
                 lambda: untimed(fa.compare(["bp", "dfa"], seeds=1, epochs=1, hidden=(8,)))):
        assert strict(work) == as_usual(work)


def test_the_checks_and_between_them_the_callers_settings():
    with np.errstate(all="raise"):
        rows = check.run(["fa", "np"])
        first = next(rows)
        assert np.geterr()["under"] == "raise"
        assert all(row["passed"] for row in [first, *rows])
    layer, x = fa.layers.Tanh(), 1e3 * np.random.default_rng(0).normal(size=(4, 3))
    worst = strict(lambda: check.check_gradients(layer, x).worst)
    assert worst == as_usual(lambda: check.check_gradients(layer, x).worst)


@pytest.mark.parametrize("name", ["filtration", *(pytest.param(name, marks=pytest.mark.slow)
                                                  for name in ("nudge_bias", "expansion", "controller_at_work"))])
def test_figures_are_measured_and_drawn(name, tmp_path):
    small = {"nudge_bias": {"betas": (0.1,)}, "expansion": {"draws": 2}, "controller_at_work": {"steps": 20}}

    def picture():
        rows, draw = EXPERIMENTS[name]
        return fa.figures.save(draw(rows(**small.get(name, {}))), tmp_path / "figure.png").read_bytes()

    assert strict(picture) == as_usual(picture)
