"""Training: one step, the loop, and the record of every epoch.

    train_step(rule, optimizer, x, targets)       gradients, then one update of network and rule
    train(rule, data, optimizer, epochs=…)        the loop; a row of plain numbers after every epoch

A row says how well the network does and how far the rule is from what it claims to approach. Row 0 is measured before
the first step. What is undefined is None (null in JSON), never NaN.
"""

import json
import math
import time

import numpy as np

from feedbackalign import alignment
from feedbackalign.checkpoints import Checkpoint, Progress
from feedbackalign.checks import describe, require_generator, require_integer
from feedbackalign.data import Batches, Dataset
from feedbackalign.layers import BatchNorm1d, BatchNorm2d
from feedbackalign.rules import Rule

PROBE = 200                 # samples of the probe batch on which angles are measured
CHUNK = 500                 # samples that are evaluated at a time
MOST_ENTRIES = 2**20        # of one layer's answer to these: of networks for large images they are fewer


class DivergedError(RuntimeError):
    """The loss of a training run is no longer finite."""


def train_step(rule, optimizer, x, targets):
    """One learning phase and one update, of the network's parameters and the rule's alike.

    Parameters
    ----------
    rule : Rule
    optimizer : SGD or Adam
    x, targets : arrays
        One batch, (N, …) and (N,) labels or (N, out) floats.

    Returns
    -------
    Step
        With `loss` and `grads` as they were before the update.

    Examples
    --------
    >>> import feedbackalign as fa
    >>> net = fa.networks.mlp([64, 16, 10], rng=np.random.default_rng(0))
    >>> rule = fa.rules.make("pfa", net, rng=np.random.default_rng(1))
    >>> opt = fa.optimizer.SGD(lr=0.1)
    >>> x, labels = fa.data.digits().batch(32)
    >>> train_step(rule, opt, x, labels).loss > train_step(rule, opt, x, labels).loss
    True
    """
    rule.meet_optimizer(optimizer)
    step = rule.gradients(x, targets)
    parameters = rule.network.parameters() | rule.parameters()
    optimizer.step(parameters, step.grads)
    for name, mask in (rule.network.masks() | rule.masks()).items():
        if name in parameters:
            parameters[name] *= mask                    # synapses that do not exist stay at zero
    rule.after_batch(x, targets)
    return step


def train(rule, data, optimizer, *, epochs, batch_size=32, rng=None, augment=None, record=None, lr_at=None,
          decay_at=None, folder=None, resume=False, checkpoint_every=None, about=None, progress=None):
    """Train for some epochs and keep a record.

    Parameters
    ----------
    rule : Rule
        It brings its network along.
    data : Dataset
    optimizer : SGD or Adam
    epochs : int
        How many in all; a resumed run counts those it already has.
    batch_size : int
        Samples a step; the last batch of an epoch may be smaller. A last batch of one sample is refused where a layer
        normalises over the batch alone (`check_last_batch`).
    rng : numpy.random.Generator, optional
        Orders the samples of every epoch, and augments them; default_rng(0) if None.
    augment : data.CropAndFlip or the like, optional
        What happens to the images of every training batch; those of the probe and the test batches stay as they are.
    record : list, optional
        Rows are appended to it as they come.
    lr_at, decay_at : callables, optional
        step -> learning rate, step -> weight decay, with steps counted from 0 over the whole run.
    folder : path, optional
        Keeps `record.jsonl` and `checkpoint.npz` there while the run goes on.
    resume : bool
        Go on from the folder's checkpoint; from the beginning where there is none yet.
    checkpoint_every : int, optional
        Steps between checkpoints inside an epoch, one after every epoch in any case; None saves whenever a minute has
        passed.
    about : dict, optional
        What every row should also say, for example {"seed": 3}.
    progress : callable, optional
        Called after every step with {"epoch", "epochs", "step", "steps", "loss"}, and after every row with the row.

    Returns
    -------
    list of dict
        The rows, one per epoch, the first measured before training.

    Raises
    ------
    DivergedError
        If the loss is no longer finite; the record so far is kept.

    Examples
    --------
    >>> import feedbackalign as fa
    >>> net = fa.networks.mlp([64, 16, 10], rng=np.random.default_rng(0))
    >>> rule = fa.rules.make("fa", net, rng=np.random.default_rng(1))
    >>> rows = train(rule, fa.data.digits(), fa.optimizer.SGD(lr=0.1), epochs=2)
    >>> [row["epoch"] for row in rows], rows[2]["test_accuracy"] > rows[0]["test_accuracy"]
    ([0, 1, 2], True)
    """
    _check_run(rule, data, optimizer, epochs, batch_size, checkpoint_every)
    rng = np.random.default_rng(0) if rng is None else require_generator(rng, "train")
    hook_batches = Batches(data.train, batch_size, rng=np.random.default_rng(rng.integers(2**63)), augment=augment)
    batches = Batches(data.train, batch_size, rng=rng, augment=augment)
    done = Progress()
    with Checkpoint(folder, rule, optimizer, batches, hook_batches, epochs, plain(about or {})) as checkpoint:
        rows = checkpoint.restore(done) if resume else []
        if not rows:
            rule.before_training(hook_batches)
            rows.append(_row(rule, data, optimizer, done, about))
            checkpoint.save(done, rows)
        _tell(rows, record, progress)
        while done.epoch < epochs:
            for x, targets in checkpoint.next_epoch(done):
                step = _timed_step(rule, optimizer, x, targets, done, lr_at, decay_at)
                if progress:
                    progress({"epoch": done.epoch + 1, "epochs": epochs, "step": done.step_in_epoch,
                              "steps": len(batches), "loss": step.loss})
                if done.step_in_epoch < len(batches) and checkpoint.is_due(done.step, checkpoint_every):
                    checkpoint.save(done, rows)
            rule.after_epoch(hook_batches)
            done.end_epoch()
            rows.append(_row(rule, data, optimizer, done, about))
            checkpoint.save(done, rows)
            _tell(rows[-1:], record, progress)
    return rows


def _timed_step(rule, optimizer, x, targets, done, lr_at, decay_at):
    """One step under the schedules, its time and loss added up; a loss that is not finite ends the run."""
    if lr_at:
        optimizer.lr = lr_at(done.step)
    if decay_at:
        optimizer.weight_decay = decay_at(done.step)
    started = time.perf_counter()
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):         # told below, by name
        step = train_step(rule, optimizer, x, targets)
    done.after_step(step.loss, len(x), time.perf_counter() - started)
    if not math.isfinite(step.loss):
        raise DivergedError(f"{rule.name}: the loss became {step.loss} in epoch {done.epoch + 1}, step "
                            f"{done.step_in_epoch}; {first_not_finite(rule.network)}. A smaller learning rate may help")
    return step


def first_not_finite(network):
    """Where the numbers of the last pass stopped being finite, bottom to top, in words."""
    top = network.layers[-1]
    if top.input is None:
        return "the rule made no forward pass that could tell in which layer"
    with np.errstate(all="ignore"):
        output = top.forward(top.input)                 # (N, out): no layer above remembers it
    answers = [layer.input for layer in network.layers[1:]] + [output]
    for layer, answer in zip(network.layers, answers):
        if not np.isfinite(answer).all():
            return f"the first layer that is not finite is {layer.name}"
    return "every layer is finite, the loss alone is not"


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
    chunk = chunk or samples_at_a_time(rule.network, CHUNK)
    losses, right = 0.0, 0
    labels_are_classes = split.targets.ndim == 1
    for start in range(0, len(split), chunk):
        x, targets = split.x[start:start + chunk], split.targets[start:start + chunk]
        with np.errstate(over="ignore", invalid="ignore"):
            output = rule.predict(x)                                            # (N, out)
            losses += float(rule.network.sample_losses(output, targets).sum(dtype=np.float64))
        if labels_are_classes:
            right += int((output.argmax(axis=1) == targets).sum())
    return losses / len(split), right / len(split) if labels_are_classes else None


def measure(rule, x, targets):
    """Every measure of alignment on one probe batch, as a row shows it.

    `update_angle` is against the rule's own first reference, which `reference` names; `backprop_angle` is against
    backprop, wherever that is defined.
    """
    references = rule.references(x, targets)
    gradients = alignment.in_float64(rule).gradients(x, targets).grads
    own = next(iter(references))

    def angles_to(reference):
        return alignment.angles_between(gradients, references[reference])

    reciprocity = alignment.reciprocity(rule)
    return {
        "reference": own,
        "update_angle": angles_to(own),
        "backprop_angle": angles_to("backprop") if "backprop" in references else None,
        "weight_angle": alignment.weight_angles(rule),
        "norm_ratio": alignment.norm_ratios(rule),
        "reciprocity": {name: share for name, (share, _) in reciprocity.items()},
        "reciprocal_correlation": {name: correlation for name, (_, correlation) in reciprocity.items()},
    }


def plain(value):
    """The same value in what JSON knows: NumPy numbers become Python's, and what is not finite becomes None."""
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

    A last line that was never finished, because its run was killed or is writing it now, is left out. ValueError for
    a file that holds something else.
    """
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None                                    # lines
    if isinstance(whole, dict) and "rows" in whole:
        return whole["rows"]
    rows = []
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        if not line.strip():
            continue
        try:
            rows.append(dict(json.loads(line)))
        except (ValueError, TypeError) as error:
            if line.endswith("\n") or not rows:
                raise ValueError(f"{path}, line {number}: expected one row as a JSON object ({error})") from error
    return rows


def _row(rule, data, optimizer, done, about):
    test_loss, test_accuracy = evaluate(rule, data.test)
    if not math.isfinite(test_loss):
        with np.errstate(all="ignore"):
            rule.network.forward(data.test.x[:samples_at_a_time(rule.network, CHUNK)], training=False)
        raise DivergedError(f"{rule.name}: the test loss became {test_loss} after epoch {done.epoch}, step {done.step} "
                            f"of the run; {first_not_finite(rule.network)}. A smaller learning rate may help")
    probe = data.batch(min(samples_at_a_time(rule.network, PROBE), len(data.train)))
    with np.errstate(over="ignore", invalid="ignore"):
        measured = measure(rule, *probe)
    return plain({
        "rule": rule.name, **(about or {}), "epoch": done.epoch, "step": done.step,
        "train_loss": done.epoch_loss, "test_loss": test_loss, "test_accuracy": test_accuracy,
        **measured,
        "seconds": done.epoch_seconds, "seconds_per_step": done.step_seconds,
        "lr": optimizer.lr, "weight_decay": optimizer.weight_decay, **rule.notes(),
    })


def _tell(rows, record, progress):
    for row in rows:
        if record is not None:
            record.append(row)
        if progress:
            progress(row)


def check_last_batch(network, samples, batch_size):
    """Refuse epochs that end in a batch of one where a layer normalises over the batch alone: it has no spread.

    Dropping that sample would break "every epoch visits every sample" without a word, so another size is asked for.

    >>> from feedbackalign import networks
    >>> from feedbackalign.layers import BatchNorm1d, Linear
    >>> rng = np.random.default_rng(0)
    >>> network = networks.Network([Linear(4, 3, rng=rng), BatchNorm1d(3), Linear(3, 2, rng=rng)])
    >>> check_last_batch(network, samples=9, batch_size=4)
    Traceback (most recent call last):
    ...
    ValueError: batch_size: 9 samples in batches of 4 leave a last batch of 1, over which bn1 has nothing to ...
    """
    if (samples - 1) % batch_size:                      # the last batch holds two or more
        return
    for layer in network.all_layers():
        if isinstance(layer, (BatchNorm1d, BatchNorm2d)) and values_a_channel(network, layer) == 1:
            fitting = next((size for size in range(batch_size + 1, samples + 1) if (samples - 1) % size), None)
            hint = f"{fitting} would do" if fitting else "there are too few samples"
            raise ValueError(f"batch_size: {samples} samples in batches of {batch_size} leave a last batch of 1, over "
                             f"which {layer.name} has nothing to normalise; {hint}")


def values_a_channel(network, layer):
    """How many values of a channel a batch normalisation sees in one sample; None where the shapes are unknown."""
    if layer.dimensions == 2:
        return 1
    return math.prod(network.shapes[layer.name][0][1:]) if layer.name in network.shapes else None


def _check_run(rule, data, optimizer, epochs, batch_size, checkpoint_every):
    if not isinstance(rule, Rule):
        raise TypeError(f"rule: expected a rule made by feedbackalign.rules.make, got {describe(rule)}")
    if not isinstance(data, Dataset):
        raise TypeError(f"data: expected a feedbackalign.data.Dataset, got {describe(data)}")
    if isinstance(optimizer, type) or not callable(getattr(optimizer, "step", None)):
        raise TypeError(f"optimizer: expected one of feedbackalign.optimizer, made, got {describe(optimizer)}")
    require_integer(epochs, "epochs", low=0)
    require_integer(batch_size, "batch_size", low=1, high=len(data.train))
    check_last_batch(rule.network, len(data.train), batch_size)
    if checkpoint_every is not None:
        require_integer(checkpoint_every, "checkpoint_every", low=1)
    if data.outputs != rule.network.outputs:
        raise ValueError(f"data: {data.name} wants {data.outputs} output units, the network has {rule.network.outputs}")
    shape = rule.network.input_shape
    if shape is not None and tuple(data.input_shape) != shape:
        raise ValueError(f"data: the network takes samples of shape {shape}, {data.name} has {tuple(data.input_shape)}")
