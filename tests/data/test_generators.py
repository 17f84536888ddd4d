"""Generators obey their seed, and each task is what its paper says it is."""

import numpy as np
import pytest

from feedbackalign.data import LOADERS, linear_teacher, mnist1d, spirals, teacher_student
from feedbackalign.data.generators import TEMPLATES, _resample, _smooth, normalised_templates, one_signal

GENERATORS = [linear_teacher, teacher_student, spirals, mnist1d]
SMALL = {"train": 30, "validation": 20, "test": 10}


def make(generator, seed=0, **changes):
    return generator(rng=np.random.default_rng(seed), **{**SMALL, **changes})


def arrays(data):
    return [array.tobytes() for split in (data.train, data.validation, data.test) for array in (split.x, split.targets)]


# ---- What holds for all ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("generator", GENERATORS)
def test_the_seed_decides(generator):
    assert arrays(make(generator)) == arrays(make(generator))
    assert arrays(make(generator))[0] != arrays(make(generator, seed=1))[0]


@pytest.mark.parametrize("generator", GENERATORS)
def test_sizes_dtypes_and_name(generator):
    data = make(generator)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [30, 20, 10]
    assert data.train.x.dtype == np.float32
    assert data.train.targets.dtype == (np.float32 if data.classes is None else np.int64)
    assert LOADERS[data.name] is generator


@pytest.mark.parametrize("generator", [linear_teacher, teacher_student, spirals])
def test_a_larger_test_split_leaves_the_others_alone(generator):
    assert arrays(make(generator))[:4] == arrays(make(generator, test=25))[:4]


@pytest.mark.parametrize("generator", GENERATORS)
def test_no_validation_samples_mean_no_validation_split(generator):
    assert make(generator, validation=0).validation is None


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("changes, error, message", [
    ({"train": 0}, ValueError, "train: .*got 0"), ({"test": 0}, ValueError, "test: .*got 0"),
    ({"validation": -1}, ValueError, "validation: .*got -1"), ({"train": 2.0}, TypeError, "train: .*got 2.0"),
])
def test_counts_are_checked(generator, changes, error, message):
    with pytest.raises(error, match=message):
        make(generator, **changes)


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_seed_is_no_generator(generator):
    with pytest.raises(TypeError, match="numpy.random.Generator.*got 0"):
        generator(rng=0)
    with pytest.raises(TypeError):
        generator()


# ---- Teachers --------------------------------------------------------------------------------------------------------

def test_the_linear_teacher_is_one_matrix_for_all_splits():
    data = linear_teacher(rng=np.random.default_rng(0))
    assert data.input_shape == (30,) and data.outputs == 10
    teacher = np.linalg.lstsq(data.train.x.astype(np.float64), data.train.targets, rcond=None)[0].T     # (10, 30)
    np.testing.assert_allclose(data.test.x @ teacher.T, data.test.targets, atol=1e-4)
    assert np.abs(teacher).max() <= 1 + 1e-5 and np.abs(teacher).max() > 0.97       # 300 entries uniform in [-1, 1]
    assert abs(teacher.mean()) < 4 * 3**-0.5 / 300**0.5 and abs(teacher.std() - 3**-0.5) < 0.06
    assert abs(data.train.x.mean()) < 0.02 and abs(data.train.x.std() - 1) < 0.02


def test_linear_teacher_of_other_widths():
    assert make(linear_teacher, inputs=3, outputs=2).train.targets.shape == (30, 2)
    with pytest.raises(ValueError, match="inputs: .*got 0"):
        make(linear_teacher, inputs=0)


@pytest.mark.parametrize("activation, formula", [("relu", lambda z: z * (z > 0)), ("tanh", np.tanh)])
def test_a_student_with_the_teachers_weights_is_perfect(activation, formula):
    sizes, gain, rng = [5, 7, 6, 2], 1.3, np.random.default_rng(3)
    data = make(teacher_student, seed=3, sizes=sizes, activation=activation, gain=gain)
    weights = [rng.normal(0, gain / np.sqrt(fan_in), size=(fan_out, fan_in)) for fan_in, fan_out in
               [(5, 7), (7, 6), (6, 2)]]
    x = rng.standard_normal((30, 5))
    np.testing.assert_array_equal(data.train.x, x.astype(np.float32))
    answers = [weights[2] @ formula(weights[1] @ formula(weights[0] @ sample)) for sample in x]
    np.testing.assert_allclose(data.train.targets, answers, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("changes, error, message", [
    ({"sizes": [3, 2]}, ValueError, r"sizes: expected at least 3.*got \[3, 2\]"),
    ({"sizes": [3, 0, 2]}, ValueError, "sizes: .*got 0"),
    ({"sizes": [3, 2.5, 2]}, TypeError, "sizes: .*got 2.5"),
    ({"sizes": 3}, TypeError, "sizes: .*got 3"),
    ({"activation": "rely"}, ValueError, "unknown activation 'rely': did you mean 'relu'"),
    ({"gain": 0}, ValueError, "gain"), ({"gain": "1"}, TypeError, "gain"),
])
def test_teacher_student_refuses(changes, error, message):
    with pytest.raises(error, match=message):
        make(teacher_student, **changes)


# ---- Spirals ---------------------------------------------------------------------------------------------------------

def test_without_noise_every_point_is_on_its_own_arm():
    data = make(spirals, noise=0, classes=4, turns=1.25)
    radius = np.hypot(*data.train.x.T)
    angle = np.arctan2(data.train.x[:, 1], data.train.x[:, 0])
    arm = (angle / (2 * np.pi) - 1.25 * radius) * 4 - data.train.targets            # a whole number of turns
    np.testing.assert_allclose(np.cos(2 * np.pi * arm / 4), 1, atol=1e-6)
    assert radius.max() <= 1 and data.outputs == 4 and data.input_shape == (2,)


def test_spirals_alternate_their_classes():
    data = make(spirals, train=31)
    assert data.train.targets[:5].tolist() == [0, 1, 2, 0, 1]
    assert np.bincount(data.train.targets).tolist() == [11, 10, 10]


@pytest.mark.parametrize("changes, message", [({"classes": 1}, "classes"), ({"noise": -1}, "noise"),
                                              ({"turns": 0}, "turns"), ({"noise": np.nan}, "noise")])
def test_spirals_refuse(changes, message):
    with pytest.raises(ValueError, match=message):
        make(spirals, **changes)


# ---- MNIST-1D --------------------------------------------------------------------------------------------------------

def test_mnist1d_is_standardised_by_its_training_split():
    data = make(mnist1d, train=200)
    assert data.input_shape == (40,) and data.outputs == 10
    assert abs(data.train.x.mean(dtype=np.float64)) < 1e-6 and abs(data.train.x.std(dtype=np.float64) - 1) < 1e-6
    assert data.train.targets[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_templates_start_at_zero_with_one_deviation():
    templates = normalised_templates()
    assert TEMPLATES.shape == templates.shape == (10, 12)
    np.testing.assert_array_equal(templates[:, 0], 0)
    np.testing.assert_allclose(templates.std(axis=1), 1 / 6, rtol=1e-12)
    np.testing.assert_allclose(np.corrcoef(templates[3], TEMPLATES[3])[0, 1], 1, rtol=1e-12)


class Middle:
    """Stands in for a Generator and takes middle values: pad 48, scale 1, no shear; no translation; given noise."""

    def __init__(self, noise):
        self.noise = noise

    def integers(self, low, high=None):
        return 0 if high is None else (low + high - 1) // 2

    def uniform(self, low, high):
        return (low + high) / 2

    def standard_normal(self, size):
        return np.full(size, float(self.noise))


def test_a_signal_without_noise_is_a_stretched_template():
    template = normalised_templates()[5]
    at_72 = np.interp(np.arange(72) * 59 / 71, np.arange(60), np.append(template, np.zeros(48)))
    expected = np.interp(np.arange(40) * 71 / 39, np.arange(72), at_72)
    np.testing.assert_allclose(one_signal(template, Middle(noise=0)), expected, atol=1e-7)


def test_smooth_noise_fills_the_gap_and_white_noise_is_everywhere():
    clean, noisy = (one_signal(normalised_templates()[5], Middle(noise)) for noise in (0, 1))
    np.testing.assert_allclose(noisy[:7] - clean[:7], 0.02, atol=1e-12)             # the template: 12 * 72/60 * 40/72
    np.testing.assert_allclose(noisy[9:] - clean[9:], 0.02 + 0.25, atol=1e-12)      # the zeros behind it


def test_resample_is_linear_between_the_points():
    np.testing.assert_allclose(_resample(np.array([0.0, 2.0, 0.0]), 5), [0, 1, 2, 1, 0], atol=1e-15)


def test_smooth_is_a_gaussian_that_keeps_the_sum():
    """What scipy.ndimage.gaussian_filter(noise, 2) does, by its definition."""
    pulse = np.zeros(41)
    pulse[20] = 1
    blurred = _smooth(pulse)
    np.testing.assert_allclose(blurred.sum(), 1, rtol=1e-12)
    np.testing.assert_allclose(blurred[[22, 24, 28]] / blurred[20], np.exp([-0.5, -2, -8]), rtol=1e-12)
    np.testing.assert_array_equal(blurred[[11, 29]], 0)                             # cut at four deviations
    np.testing.assert_allclose(_smooth(np.ones(20)), 1, rtol=1e-12)                 # the ends are mirrored
    edge = _smooth(np.eye(20)[0])                   # a pulse at the end and its image beside it
    np.testing.assert_allclose(edge[0], blurred[20] + blurred[21], rtol=1e-12)


@pytest.mark.slow
def test_a_linear_classifier_finds_mnist1d_as_hard_as_the_paper_says():
    """Logistic regression: 32 % in the paper; chance is 10 %."""
    data = mnist1d(rng=np.random.default_rng(0))
    x, test_x = (np.c_[split.x, np.ones(len(split))] for split in (data.train, data.test))
    onehot, weights = np.eye(10)[data.train.targets], np.zeros((10, 41))
    for _ in range(200):
        scores = np.exp(x @ weights.T)                                              # (4000, 10)
        error = scores / scores.sum(axis=1, keepdims=True) - onehot
        weights -= 0.5 * error.T @ x / len(x)
    accuracy = ((test_x @ weights.T).argmax(axis=1) == data.test.targets).mean()
    assert 0.28 < accuracy < 0.37
