"""Every experiment's figure fits its slide, and the same rows give the same bytes."""

import pytest

from feedbackalign import figures
from tests.figures.experiments import (test_accuracy_and_path, test_autoencoder_feedback, test_decay, test_depth,
                                       test_detection_power, test_estimators, test_first_layer, test_gradient_band,
                                       test_homeostasis, test_input_scale, test_null_space, test_predictors,
                                       test_sparse, test_spike_kernels, test_step_tolerance, test_target_angles,
                                       test_topology)
from tests.figures.records import CONVOLUTIONAL, assert_fits_its_slide

# How the rows of each experiment are made: by formula, or by a short measurement.
ROWS = {
    "mlp": test_accuracy_and_path.rows, "resnet": lambda: test_accuracy_and_path.rows(layers=CONVOLUTIONAL),
    "sparse": test_sparse.rows, "depth": test_depth.rows, "homeostasis": test_homeostasis.rows,
    "target_angles": test_target_angles.rows, "first_layer": test_first_layer.rows, "null_space": test_null_space.rows,
    "estimators": test_estimators.rows,
    "autoencoder_feedback": test_autoencoder_feedback.made,
    "decay": test_decay.two_runs, "gradient_band": test_gradient_band.rows,
    "nudge_bias": lambda: figures.nudge_bias_rows([1e-4, 1e-3, 1e-2]),
    "cauchy_error": lambda: figures.cauchy_error_rows(seeds=1, points=(1, 2, 4, 8), samples=4),
    "expansion": lambda: figures.expansion_rows(draws=2),
    "compartments": lambda: figures.compartments_rows(epochs=0), "predictors": test_predictors.rows,
    "input_scale": test_input_scale.rows, "step_tolerance": test_step_tolerance.rows,
    "filtration": figures.filtration_rows, "topology": test_topology.rows,
    "detection_power": test_detection_power.rows,
    "spike_kernels": test_spike_kernels.rows, "spike_times": lambda: figures.spike_times_rows(epochs=0),
    "controller_at_work": lambda: figures.controller_at_work_rows(pretraining=100),
}


def test_no_experiment_is_left_out():
    assert set(ROWS) == set(figures.TRAINED | figures.EXPERIMENTS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_a_figure_fits_its_slide_and_is_the_same_twice(name, tmp_path):
    rows, (_, draw) = ROWS[name](), (figures.TRAINED | figures.EXPERIMENTS)[name]
    assert_fits_its_slide(draw(rows))
    first, again = (figures.save(draw(rows), tmp_path / file).read_bytes() for file in ("a.png", "b.png"))
    assert first == again and first.startswith(b"\x89PNG")
    figures.save(draw(rows), tmp_path / "a.svg")


@pytest.mark.slow
@pytest.mark.parametrize("how", [{"seeds": 1}, {"epochs": 1}, {"layers": CONVOLUTIONAL, "seeds": 2}])
def test_accuracy_beside_paths_fits_its_slide(how):
    assert_fits_its_slide(figures.resnet(test_accuracy_and_path.rows(**how)))
