"""Training: one step, the loop, and the record of every epoch.

    train_step(rule, optimizer, x, targets)       gradients, then one update of network and rule
    train(rule, data, optimizer, epochs=…)        the loop; a row of plain numbers after every epoch
"""

import math
import time

import numpy as np

from feedbackalign.data import Batches, Dataset
from feedbackalign.layers import BatchNorm1d, BatchNorm2d
from feedbackalign.ops.quiet import quiet
from feedbackalign.rules.base import Rule, take_step
from feedbackalign.training.checkpoints import Checkpoint, Progress, fixed
from feedbackalign.training.memory import keep_freed_memory
from feedbackalign.training.record import (DivergedError, diverged, first_array_not_finite, known_settings, row_of,
                                           unsolvable)
from feedbackalign.training.rows import Rows
from feedbackalign.training.threads import one_thread_unless_told
from feedbackalign.validation import (channels_first, describe, require_bool, require_dict, require_folder,
                                      require_function, require_generator, require_instance, require_integer)


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

    Raises
    ------
    DivergedError
        Where the rule has an `update` of its own that leaves an array not finite, or a system that it cannot solve.

    >>> import feedbackalign as fa
    >>> net = fa.networks.mlp([64, 16, 10], rng=np.random.default_rng(0))
    >>> rule = fa.rules.make("pfa", net, rng=np.random.default_rng(1))
    >>> opt = fa.optimizer.SGD(lr=0.1)
    >>> x, labels = fa.data.digits().batch(32)
    >>> train_step(rule, opt, x, labels).loss > train_step(rule, opt, x, labels).loss
    True
    """
    require_made(rule, optimizer)
    try:
        with quiet():
            step = take_step(rule, optimizer, x, targets)
    except np.linalg.LinAlgError as error:
        raise unsolvable(rule, error) from error
    if type(rule).update is not Rule.update:            # a step of the rule's own: is every array still finite?
        array = first_array_not_finite(rule)
        if array is not None:
            raise DivergedError(f"{rule.name}: {array} is no longer finite after the rule's own update")
    return step


def train(rule, data, optimizer, *, epochs, batch_size=32, rng=None, augment=None, record=None, lr_at=None,
          decay_at=None, folder=None, resume=False, checkpoint_every=None, about=None, progress=None,
          persistence=False, stop=None, settings=None):
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
        Steps between checkpoints inside an epoch, one after every epoch in any case; None: now and then, by the clock.
    about : dict, optional
        What every row should also say, for example {"seed": 3}.
    progress : callable, optional
        Called after every step with {"epoch", "epochs", "step", "steps", "loss"}, and after every row with the row.
    persistence : bool
        Whether every row also says the topology of the weights, see `persistence.persistence_row`.
    stop : callable, optional
        rows so far -> whether to stop, asked after every epoch; for example `persistence.EarlyStopping`. The checkpoint
        says that the run was stopped, and resuming it does nothing.
    settings : dict, optional
        All that decides the run, as plain numbers and words; rows that differ in it share no line in a figure. By
        default what is known here: the network, the data, the rule's options, the optimiser, the schedules, `about`.

    Returns
    -------
    list of dict
        The rows, one per epoch, the first measured before training. Printed, the list is a short table.

    Raises
    ------
    DivergedError
        If a number is no longer finite, naming layer and array; the record so far is kept.
    CheckpointError
        If the folder's checkpoint or record is not what was written, or is another run's; nothing is changed then.

    >>> import feedbackalign as fa
    >>> net = fa.networks.mlp([64, 16, 10], rng=np.random.default_rng(0))
    >>> rule = fa.rules.make("fa", net, rng=np.random.default_rng(1))
    >>> rows = train(rule, fa.data.digits(), fa.optimizer.SGD(lr=0.1), epochs=2)
    >>> [row["epoch"] for row in rows], rows[2]["test_accuracy"] > rows[0]["test_accuracy"]
    ([0, 1, 2], True)
    """
    epochs, batch_size, checkpoint_every = _checked(rule, data, optimizer, epochs, batch_size, checkpoint_every)
    for value, check, what in ((lr_at, require_function, "lr_at"), (decay_at, require_function, "decay_at"),
                               (progress, require_function, "progress"), (stop, require_function, "stop"),
                               (about, require_dict, "about"), (settings, require_dict, "settings"),
                               (folder, require_folder, "folder")):
        if value is not None:
            check(value, what)
    if record is not None:
        require_instance(record, list, "record")
    persistence, resume = require_bool(persistence, "persistence"), require_bool(resume, "resume")
    if settings is None:
        settings = known_settings(rule, data, optimizer, batch_size, lr_at, decay_at, about)
    known = {} if folder is None else fixed({**(about or {}), "persistence": persistence}, rule, data)
    rng = np.random.default_rng(0) if rng is None else require_generator(rng, "train")
    hook_batches = Batches(data.train, batch_size, rng=np.random.default_rng(0), augment=augment)
    batches = Batches(data.train, batch_size, rng=rng, augment=augment)
    keep_freed_memory()
    with one_thread_unless_told(), Checkpoint(folder, rule, optimizer, batches, hook_batches, epochs,
                                              known) as checkpoint:
        done, rows = checkpoint.restore() if resume else (Progress(), [])
        rows = Rows(rows)
        if not rows:                                    # a stream of its own, drawn once no checkpoint was refused
            own = np.random.default_rng(rng.integers(2**63))
            hook_batches.rng.bit_generator.state = own.bit_generator.state
            _hook(rule, rule.before_training, hook_batches, done)
            rows.append(row_of(rule, data, optimizer, done, about, settings, persistence))
            checkpoint.save(done, rows)
        _tell(rows, record, progress)
        while done.epoch < epochs and not done.stopped:
            for x, targets in checkpoint.next_epoch(done):
                step = _timed_step(rule, optimizer, x, targets, done, lr_at, decay_at)
                if progress:
                    progress({"epoch": done.epoch + 1, "epochs": epochs, "step": done.step_in_epoch,
                              "steps": len(batches), "loss": step.loss})
                if done.step_in_epoch < len(batches) and checkpoint.is_due(done.step, checkpoint_every):
                    checkpoint.save(done, rows)
            _hook(rule, rule.after_epoch, hook_batches, done)
            done.end_epoch()
            rows.append(row_of(rule, data, optimizer, done, about, settings, persistence))
            done.stopped = stop is not None and require_bool(stop(rows), "stop")
            checkpoint.save(done, rows)
            _tell(rows[-1:], record, progress)
    return rows


def _hook(rule, hook, batches, done):
    """A phase of the rule's own, before training or after an epoch."""
    try:
        with quiet():
            hook(batches)
    except np.linalg.LinAlgError as error:
        raise unsolvable(rule, error, done.epoch, done.step) from error


def _timed_step(rule, optimizer, x, targets, done, lr_at, decay_at):
    """One step under the schedules, its time and loss added up; a loss that is not finite ends the run."""
    if lr_at and not rule.own_step:
        optimizer.lr = lr_at(done.step)
    if decay_at and not rule.own_step:
        optimizer.weight_decay = decay_at(done.step)
    started = time.perf_counter()
    try:
        step = train_step(rule, optimizer, x, targets)
    except DivergedError as error:
        error.epoch = done.epoch + 1
        raise
    done.after_step(step.loss, len(x), time.perf_counter() - started)
    if not math.isfinite(step.loss):
        raise diverged(rule, f"the loss became {step.loss} in epoch {done.epoch + 1}, step {done.step_in_epoch}",
                       done.epoch + 1)
    return step


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


def require_made(rule, optimizer):
    """Refuse what is no rule or no optimiser; a class is to be made first."""
    if not isinstance(rule, Rule):
        require_instance(rule, Rule, "rule")
    if isinstance(optimizer, type) or not callable(getattr(optimizer, "step", None)):
        raise TypeError(f"optimizer: expected one of feedbackalign.optimizer, made, got {describe(optimizer)}")


def _checked(rule, data, optimizer, epochs, batch_size, checkpoint_every):
    """Refuse what cannot be trained: -> epochs, batch_size, checkpoint_every as Python's integers."""
    require_made(rule, optimizer)
    require_instance(data, Dataset, "data")
    epochs = require_integer(epochs, "epochs", low=0)
    batch_size = require_integer(batch_size, "batch_size", low=1, high=len(data.train))
    check_last_batch(rule.network, len(data.train), batch_size)
    if checkpoint_every is not None:
        checkpoint_every = require_integer(checkpoint_every, "checkpoint_every", low=1)
    if data.outputs != rule.network.outputs:
        raise ValueError(f"data: {data.name} wants {data.outputs} output units, the network has {rule.network.outputs}")
    shape = rule.network.input_shape
    if shape is not None and tuple(data.input_shape) != shape:
        raise ValueError(f"data: the network takes samples of shape {shape}, {data.name} has {tuple(data.input_shape)}"
                         f"{channels_first(shape, tuple(data.input_shape))}")
    return epochs, batch_size, checkpoint_every
