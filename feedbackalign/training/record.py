"""The record of a run: a row of plain numbers after every epoch.

A row says how well the network does and how far the rule is from what it claims to approach. Row 0 is measured before
the first step. What is undefined is None (null in JSON), never NaN.
"""

import json
import math

import numpy as np

from feedbackalign import alignment
from feedbackalign.data import Split
from feedbackalign.ops.quiet import quiet
from feedbackalign.persistence import persistence_row
from feedbackalign.training.rows import Rows
from feedbackalign.training.threads import number_of_threads
from feedbackalign.validation import require_instance, require_integer, require_path

PROBE = 200                 # samples of the probe batch on which angles are measured
CHUNK = 500                 # samples that are evaluated at a time
MOST_ENTRIES = 2**20        # of one layer's answer to these: of networks for large images they are fewer


class DivergedError(RuntimeError):
    """Numbers of a training run that are no longer finite, or a linear system that has no solution.

    `epoch` is the one in which that was seen, `layer` the first that is not finite; None where they are not known.
    """

    epoch = layer = None


def row_of(rule, data, optimizer, done, about, settings, persistence=False):
    """The row of one epoch: evaluated on the test set, measured on the probe batch, with persistence where wanted."""
    test_loss, test_accuracy = evaluate(rule, data.test)
    if not math.isfinite(test_loss):
        with quiet():
            rule.network.forward(data.test.x[:samples_at_a_time(rule.network, CHUNK)], training=False)
        raise diverged(rule, f"the test loss became {test_loss} after epoch {done.epoch}, step {done.step} of the run",
                       done.epoch, done.step)
    probe = data.batch(min(samples_at_a_time(rule.network, PROBE), len(data.train)))
    try:
        with quiet():
            measured = measure(rule, *probe)
            topology = {"persistence": persistence_row(rule.network, done.epoch)} if persistence else {}
    except np.linalg.LinAlgError as error:
        raise unsolvable(rule, error, done.epoch, done.step) from error
    return plain({
        "rule": rule.name, **(about or {}), "threads": number_of_threads(), **rule.notes(),
        "epoch": done.epoch, "step": done.step,
        "train_loss": done.epoch_loss, "test_loss": test_loss, "test_accuracy": test_accuracy, **validated(rule, data),
        **measured, **topology,
        "seconds": done.epoch_seconds, "seconds_per_step": done.step_seconds,
        "lr": None if rule.own_step else optimizer.lr,
        "weight_decay": None if rule.own_step else optimizer.weight_decay,
        "settings": settings,
    })


def known_settings(rule, data, optimizer, batch_size, lr_at, decay_at, about):
    """What `train` knows of all that decides a run; schedules of other makers are left out."""
    ours = {key: repr(schedule) for key, schedule in (("lr_at", lr_at), ("decay_at", decay_at))
            if type(schedule).__module__.startswith("feedbackalign.")}
    settings = {"rule": rule.name, "options": rule.options, "network": repr(rule.network), "data": data.name,
                "data_sha256": data.sha256,
                "optimizer": type(optimizer).__name__, "lr": optimizer.lr, "batch_size": batch_size,
                "momentum": getattr(optimizer, "momentum", None), "weight_decay": optimizer.weight_decay, **ours,
                **{key: value for key, value in (about or {}).items() if key != "seed"}}
    if rule.own_step:
        settings |= dict.fromkeys(("optimizer", "lr", "momentum", "weight_decay", *ours))
    return settings


def where_not_finite(rule):
    """Which layer and which array of a diverged run are not finite, in words."""
    array = first_array_not_finite(rule)
    if array and rule.network.layers[-1].input is None:
        return f"the first array that is not finite is {array}"
    return first_not_finite(rule.network) + (f", the first array {array}" if array else "")


def first_array_not_finite(rule):
    """The first parameter, of the network or the rule, that holds NaN or infinity; None if all are finite."""
    arrays = rule.network.parameters() | rule.parameters() | rule.plastic()
    return next((name for name, array in arrays.items() if not np.isfinite(array).all()), None)


def first_not_finite(network):
    """Where the numbers of the last pass stopped being finite, bottom to top, in words."""
    if network.layers[-1].input is None:
        return "the rule made no forward pass that could tell in which layer"
    layer = layer_not_finite(network)
    return f"the first layer that is not finite is {layer}" if layer else "every layer is finite, the loss alone is not"


def layer_not_finite(network):
    """The lowest layer whose last answer is not finite, by its name; None if there is none."""
    top = network.layers[-1]
    if top.input is None:
        return None
    with quiet():
        output = top.forward(top.input)                 # (N, out): no layer above remembers it
    answers = [layer.input for layer in network.layers[1:]] + [output]
    for layer, answer in zip(network.layers, answers):
        wrong = np.isnan(answer) if layer.may_answer_infinity else ~np.isfinite(answer)
        if wrong.any():
            return layer.name


def diverged(rule, what, epoch=None, step=None):
    """The error to raise where `what` happened: it says where, and in which epoch; `step` is 0 before the first one."""
    end = ", before the first step of training" if step == 0 else ". A smaller learning rate may help"
    error = DivergedError(f"{rule.name}: {what}; {where_not_finite(rule)}{end}")
    error.epoch, error.layer = epoch, layer_not_finite(rule.network)
    return error


def unsolvable(rule, error, epoch=None, step=None):
    """What is raised in place of a LinAlgError."""
    return diverged(rule, f"a linear system has no solution ({error})", epoch, step)


def samples_at_a_time(network, most):
    """How many samples a network measures at a time: `most`, or fewer where its layers are large, but at least 8.

    >>> from feedbackalign.networks import mlp, resnet20
    >>> rng = np.random.default_rng(0)
    >>> [samples_at_a_time(network, PROBE) for network in (mlp([784, 512, 10], rng=rng), resnet20(rng=rng))]
    [200, 64]
    """
    widest = max((math.prod(after) for _, after in network.shapes.values()), default=1)
    return min(most, max(8, MOST_ENTRIES // widest))


def evaluate(rule, split, chunk=None):
    """Mean loss and accuracy over a split, a chunk at a time: -> (loss, accuracy); accuracy is None for regression."""
    alignment.require_rule(rule), require_instance(split, Split, "split")
    chunk = samples_at_a_time(rule.network, CHUNK) if chunk is None else require_integer(chunk, "chunk", low=1)
    losses, right = 0.0, 0
    labels_are_classes = split.targets.ndim == 1
    for start in range(0, len(split), chunk):
        x, targets = split.x[start:start + chunk], split.targets[start:start + chunk]
        with quiet():
            output = rule.predict(x)                                            # (N, out)
            losses += float(rule.network.sample_losses(output, targets).sum(dtype=np.float64))
        if labels_are_classes:
            right += int((output.argmax(axis=1) == targets).sum())
    return losses / len(split), right / len(split) if labels_are_classes else None


def validated(rule, data):
    """Loss and accuracy on the validation split, where the data has one."""
    if data.validation is None:
        return {}
    return dict(zip(("validation_loss", "validation_accuracy"), evaluate(rule, data.validation)))


def measure(rule, x, targets):
    """Every measure of alignment on one probe batch, as a row shows it.

    `update_angle` is against the rule's own first reference, which `reference` names; `backprop_angle` is against
    backprop, wherever that is defined.
    """
    step, references = alignment.require_rule(rule).beside_references(x, targets)
    own = next(iter(references))
    angles = {name: alignment.angles_between(step.grads, references[name])
              for name in dict.fromkeys((own, "backprop")) if name in references}
    feedback, reciprocity = alignment.weights_and_feedback(rule), alignment.reciprocity(rule)
    return {
        "reference": own,
        "update_angle": angles[own],
        "backprop_angle": angles.get("backprop"),
        "weight_angle": {name: degrees for name, (degrees, _) in feedback.items()},
        "norm_ratio": {name: ratio for name, (_, ratio) in feedback.items()},
        "reciprocity": {name: share for name, (share, _) in reciprocity.items()},
        "reciprocal_correlation": {name: correlation for name, (_, correlation) in reciprocity.items()},
    }


def plain(value):
    """The same value in what JSON knows: NumPy numbers become Python's, what is not finite None; all else stays."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def read_record(path):
    """The rows of a `record.jsonl`, or of the `summary.json` that a comparison wrote: a list of dicts.

    Printed, it is a short table. A last line that was never finished, because its run was killed or is writing it now,
    is left out. ValueError for a file that holds something else.
    """
    path = require_path(path, "path")                       # an integer would be taken for an open file, and closed
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"path: expected a record that can be read, got {path} ({error.strerror})") from error
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None                                    # lines
    if isinstance(whole, dict) and "rows" in whole:
        return Rows(whole["rows"])
    rows = Rows()
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        if not line.strip():
            continue
        try:
            rows.append(dict(json.loads(line)))
        except (ValueError, TypeError) as error:
            if line.endswith("\n") or not rows:
                raise ValueError(f"{path}, line {number}: expected one row as a JSON object ({error})") from error
    return rows
