"""Everything at once: the gradients of every layer kind, and what is exactly true of every rule.

`feedbackalign check` prints these rows.
"""

import numpy as np

from feedbackalign import layers as kinds
from feedbackalign.check import truths
from feedbackalign.check.diagnosis import GradientError
from feedbackalign.check.gradients import RTOL, check_gradients
from feedbackalign.networks import LOSSES, small
from feedbackalign.ops import convolution as conv
from feedbackalign.ops.quiet import quietly
from feedbackalign.rules import find
from feedbackalign.validation import require_function, require_list, require_seed


def run(rules=None, seed=0, on_error=None):
    """Check every layer kind, the losses, whole networks, and every rule's own truths; or those of some rules alone.

    Parameters
    ----------
    rules : sequence of str or class, optional
        Names of `rules.TABLE` or classes, to be checked alone. None: the layers and the whole table; none of them, []:
        the layers.
    seed : int
        Of all that is drawn.
    on_error : callable, optional
        Called with the exception of a rule that raises; without it and with it a row says so.

    Yields
    ------
    dict
        {"what": str, "value": number, "tolerance": number, "passed": bool}, as each is found.

    >>> rows = list(run(rules=["bp"]))
    >>> all(row["passed"] for row in rows)
    True
    >>> rows[0]["what"]
    "bp: matches_backprop = 'always': gradients against backprop's once matched, dense"
    """
    rng = np.random.default_rng(require_seed(seed))
    if rules is not None:
        require_list(rules, "rules", lambda rule, what: find(rule), least=0)
    if on_error is not None:
        require_function(on_error, "on_error")
    parts = [] if rules else [_layer_rows(rng), _convolution_rows(rng), _network_rows(rng)]
    for part in (*parts, truths.rows(rules, seed, on_error)):
        yield from quietly(part)


def _gradient_row(what, subject, x, targets, rng):
    try:
        worst = check_gradients(subject, x, targets, rng=rng).worst
    except GradientError as error:
        worst = error.deviation
    return truths.row(f"gradient of {what}", worst, RTOL)


def _layer_rows(rng):
    """The relative error of every layer kind's backward pass."""
    make = {"rng": rng, "dtype": np.float64}
    image = (3, 2, 7, 6)                                                                    # (N, C, H, W)
    subjects = [(kinds.Linear(5, 4, **make), (3, 5)), (kinds.Linear(5, 4, density=0.5, **make), (3, 5))]
    subjects += [(kinds.Conv2d(2, 3, kernel, stride=stride, padding=padding, **make), image)
                 for kernel, stride, padding in [((3, 3), 1, 0), ((3, 2), 2, 1), ((2, 4), 3, 2)]]
    subjects += [(kinds.MaxPool2d(2), image), (kinds.MaxPool2d(3, 2), image), (kinds.AvgPool2d(3, 2), image),
                 (kinds.SoftmaxPool2d(3, 2), image), (kinds.GlobalAvgPool2d(), image), (kinds.Flatten(), image)]
    subjects += [(kinds.BatchNorm1d(5, dtype=np.float64), (4, 5)), (kinds.BatchNorm2d(2, dtype=np.float64), image),
                 (kinds.Residual([kinds.Conv2d(2, 4, 3, stride=2, padding=1, **make), kinds.ReLU()],
                                 [kinds.PaddedShortcut(4, 2)]), image)]
    subjects += [(kinds.MatrixFlow(4, 3, flow=flow, **make), (3, 4)) for flow in kinds.flows.FIELDS]
    subjects += [(kind(), (6, 7)) for kind in kinds.ACTIVATIONS.values()]
    for layer, shape in subjects:
        yield _gradient_row(repr(layer), layer, rng.normal(size=shape), None, rng)
    spikes = kinds.SpikeTimes(5, 4, **make)
    np.abs(spikes.weight, out=spikes.weight)                                                # so that every neuron fires
    for layer in (kinds.LatencyCode(), spikes, kinds.TimesToLogits(4.0)):
        yield _gradient_row(repr(layer), layer, rng.random((3, 5)), None, rng)


def _convolution_rows(rng):
    """⟨conv(x), y⟩ = ⟨x, convᵀ(y)⟩: the error's way down is the adjoint of the way up."""
    for kernel, stride, padding in [((3, 3), 1, 1), ((5, 2), 2, 0), ((2, 3), 3, 2)]:
        x, weight = rng.normal(size=(3, 2, 8, 7)), rng.normal(size=(4, 2, *kernel))
        y, _ = conv.convolve(x, weight, None, stride, padding)                              # (N, out, rows, cols)
        error = rng.normal(size=y.shape)
        down = conv.convolution_transport(error, weight, x.shape, stride, padding)          # (N, in, H, W)
        gap = abs(float((y * error).sum() - (x * down).sum())) / float(np.abs(y * error).sum())
        what = f"convolution {kernel[0]}×{kernel[1]}, stride {stride}, padding {padding}: its transport is its adjoint"
        yield truths.row(what, gap, 1e-12)


def _network_rows(rng):
    """Whole networks under both losses, and the losses where exponentials would overflow."""
    for loss in LOSSES:
        for net, x, labels in (small.dense(rng, loss=loss), small.kinked_images(rng, loss=loss)):
            yield _gradient_row(f"the {loss} of {net!r}", net, x, labels, rng)
    net, x, labels = small.spiking(rng)
    yield _gradient_row(f"the cross-entropy of {net!r}", net, x, labels, rng)
    net = small.dense(rng)[0]
    huge = 1e4 * np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 1.0]])                             # (N, classes)
    loss, error = net.loss_and_error(huge, np.array([1, 2]))
    exact = np.array([[0.5, -0.5, 0.0], [0.0, 0.25, -0.25]])
    gap = max(abs(loss - (2e4 + np.log(2.0)) / 2) / 1e4, float(np.abs(error - exact).max()))
    yield truths.row("cross-entropy and its error at logits of ±1e4", gap, 1e-15)
