"""Tasks that are computed from a seed: two teachers to imitate, spirals to separate, and MNIST in one dimension.

Every generator takes `rng`, a numpy.random.Generator, and the numbers of samples `train`, `validation` and `test`; with
0 validation samples that split is None. The teacher is drawn first, then the training, validation and test samples, so
a larger test split does not change the training split. Samples are float32, and the labels of every split go in turn,
0, 1, 2, …, 0, …. A wrong argument raises TypeError or ValueError.
"""

import numpy as np

from feedbackalign.data.dataset import Dataset, Split
from feedbackalign.validation import require_generator, require_integer, require_known, require_list, require_number

ACTIVATIONS = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh}


def linear_teacher(*, rng, inputs=30, outputs=10, train=4000, validation=500, test=500):
    """Imitate a random matrix: targets T x, the task on which feedback alignment was first shown.

    Lillicrap, Cownden, Tweed, Akerman, Nature Communications 7, 13276 (2016), fig. 1: T is 10 x 30 with entries uniform
    in [-1, 1], inputs are standard normal, and the student is a linear network of 30, 20 and 10 units.

    Returns a Dataset for regression: x (N, inputs), targets x Tᵀ (N, outputs), without noise.

    Deviation from the paper: a finite training split, not a new sample at every step.

    >>> data = linear_teacher(rng=np.random.default_rng(0))
    >>> data.train, data.classes, data.outputs
    (Split(x: float32 (4000, 30), targets: float32 (4000, 10)), None, 10)
    """
    require_generator(rng, "linear_teacher")
    inputs = require_integer(inputs, "inputs", low=1)
    outputs = require_integer(outputs, "outputs", low=1)
    teacher = rng.uniform(-1, 1, size=(outputs, inputs))                # T

    def draw(count):
        x = rng.standard_normal((count, inputs))
        return x, x @ teacher.T                                         # (N, in) x (in, out) -> (N, out)

    return _make_dataset("linear-teacher", draw, train, validation, test, classes=None)


def teacher_student(sizes=(30, 50, 50, 10), *, rng, activation="relu", gain=1.5, train=4000, validation=500, test=500):
    """Imitate a random network: the targets are its outputs, which a student of the same sizes can match exactly.

    Parameters
    ----------
    sizes : sequence of int
        Units of the teacher from input to output, at least two layers of weights: (in, hidden, ..., out).
    activation : "relu" or "tanh"
        After every layer but the last, which is linear.
    gain : float > 0
        Weights are normal with standard deviation gain / sqrt(fan in); there are no biases. sqrt(2) keeps the size of
        the signal through ReLU layers.

    Returns a Dataset for regression: x (N, in) standard normal, targets (N, out), without noise.

    >>> data = teacher_student([8, 16, 3], rng=np.random.default_rng(0), train=100)
    >>> data.train
    Split(x: float32 (100, 8), targets: float32 (100, 3))
    """
    require_generator(rng, "teacher_student")
    sizes = require_list(sizes, "sizes", lambda size, what: require_integer(size, what, low=1), least=3)
    squash = ACTIVATIONS[require_known(activation, ACTIVATIONS, "activation")]
    gain = require_number(gain, "gain", low=0, low_open=True)
    weights = [rng.normal(0, gain / fan_in**0.5, size=(fan_out, fan_in)) for fan_in, fan_out in zip(sizes, sizes[1:])]

    def draw(count):
        x = rng.standard_normal((count, sizes[0]))
        hidden = x
        for weight in weights[:-1]:
            hidden = squash(hidden @ weight.T)                          # (N, in) x (in, out) -> (N, out)
        return x, hidden @ weights[-1].T

    return _make_dataset("teacher-student", draw, train, validation, test, classes=None)


def spirals(*, rng, classes=3, turns=0.75, noise=0.03, train=1200, validation=300, test=300):
    """Points on interleaved spiral arms in the plane: a task that no linear map can do, and that can be drawn.

    Parameters
    ----------
    classes : int
        Number of arms; each is the first one, rotated.
    turns : float > 0
        Full turns of an arm on its way from the centre to radius 1.
    noise : float >= 0
        Standard deviation of the normal noise on both coordinates.

    Returns a Dataset: x (N, 2), labels 0 to classes - 1.

    >>> data = spirals(rng=np.random.default_rng(0))
    >>> data.train, data.train.targets[:4].tolist()
    (Split(x: float32 (1200, 2), targets: int64 (1200,)), [0, 1, 2, 0])
    """
    require_generator(rng, "spirals")
    classes = require_integer(classes, "classes", low=2)
    turns = require_number(turns, "turns", low=0, low_open=True)
    noise = require_number(noise, "noise", low=0)

    def draw(count):
        labels = np.arange(count) % classes
        radius = rng.uniform(0.05, 1, size=count)
        angle = 2 * np.pi * (turns * radius + labels / classes)
        x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)      # 2 x (N,) -> (N, 2)
        return x + rng.normal(0, noise, size=x.shape), labels

    return _make_dataset("spirals", draw, train, validation, test, classes=classes)


# MNIST-1D: each digit as the hand moves, left and right of 5, from top to bottom.
TEMPLATES = np.array([
    [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5],
    [5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5],
    [5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5],
    [5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5],
    [5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5],
    [5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5],
    [5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5],
    [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5],
    [5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5],
    [5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5],
])
SHORTEST_PAD, LONGEST_PAD = 36, 60      # zeros behind the template
PADDED_LENGTH = 72                      # 12 + 60: every padded signal is stretched to this
MOST_TRANSLATION = 48
SCALE, SHEAR = 0.4, 0.75
CORRELATED_NOISE, WHITE_NOISE = 0.25, 0.02
SMOOTHING = 2                           # standard deviation of the blur that correlates the noise, in samples
LENGTH = 40                             # of the finished signal


def mnist1d(*, rng, train=4000, validation=1000, test=1000):
    """MNIST-1D: signals of 40 numbers in ten classes; a linear classifier gets about 32 % right, an MLP about 68 %.

    S. Greydanus, D. Kobak, "Scaling down deep learning with MNIST-1D", arXiv 2011.14439. The recipe and its constants
    are those of the authors' code (Apache-2.0), but the code is new: a template of 12 numbers is padded, stretched to
    72, scaled, rotated in time, filled with smooth noise where it is zero, given white noise, sheared, and sampled at
    40 points.

    Returns a Dataset: x (N, 40), mean 0 and standard deviation 1 over the training split; labels 0 to 9.

    Deviations from the paper
        - The distribution is the authors', but their 5,000 samples are not reproduced.
        - There is a validation split.
        - Standardised with the training split's mean and deviation; the authors take those of all their samples.

    >>> data = mnist1d(rng=np.random.default_rng(0), train=100, validation=10, test=10)
    >>> data.train, data.outputs
    (Split(x: float32 (100, 40), targets: int64 (100,)), 10)
    """
    require_generator(rng, "mnist1d")
    templates = normalised_templates()

    def draw(count):
        labels = np.arange(count) % 10
        return np.stack([one_signal(templates[label], rng) for label in labels]), labels        # (N, 40), (N,)

    return _make_dataset("mnist1d", draw, train, validation, test, classes=10).standardised()


def normalised_templates():
    """TEMPLATES with deviation 1/6 each, starting at 0: (10, 12) -> (10, 12)."""
    x = TEMPLATES - TEMPLATES.mean(axis=1, keepdims=True)
    x = x / x.std(axis=1, keepdims=True)
    return (x - x[:, :1]) / 6


def one_signal(template, rng):
    """One noisy sample of a template: (12,) -> (40,)."""
    pad = rng.integers(SHORTEST_PAD, LONGEST_PAD + 1)
    signal = np.concatenate([template + 1e-8, np.zeros(pad)])       # (12 + pad,): no template entry is exactly zero
    signal = _resample(signal, PADDED_LENGTH)                       # (12 + pad,) -> (72,)
    signal = signal * (1 + SCALE * rng.uniform(-0.5, 0.5))
    signal = np.roll(signal, rng.integers(MOST_TRANSLATION))
    background = _smooth(CORRELATED_NOISE * rng.standard_normal(PADDED_LENGTH))
    signal = np.where(signal == 0, background, signal)
    signal = signal + WHITE_NOISE * rng.standard_normal(PADDED_LENGTH)
    signal = signal - SHEAR * rng.uniform(-0.5, 0.5) * np.linspace(-0.5, 0.5, PADDED_LENGTH)
    return _resample(signal, LENGTH)                                # (72,) -> (40,)


def _resample(signal, length):
    """Linear interpolation at `length` evenly spaced points."""
    return np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(signal)), signal)


def _smooth(noise):
    """Blur with a normal kernel, cut at four deviations; at both ends the signal is continued as its mirror image."""
    reach = 4 * SMOOTHING
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / SMOOTHING) ** 2)
    return np.convolve(np.pad(noise, reach, mode="symmetric"), kernel / kernel.sum(), mode="valid")


def _make_dataset(name, draw, train, validation, test, classes):
    """Draw the splits in their order; `draw(count)` gives x and targets in float64."""
    counts = [require_integer(train, "train", low=1), require_integer(validation, "validation", low=0),
              require_integer(test, "test", low=1)]

    def split(count):
        x, targets = draw(count)
        return Split(x.astype(np.float32), targets.astype(np.float32) if classes is None else targets)

    return Dataset(name, *(split(count) if count else None for count in counts), classes=classes)
