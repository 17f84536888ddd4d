"""Checkpoints: a run killed at any moment goes on to the same bytes as one that was never stopped.

A folder holds one run:

    record.jsonl           one row of plain numbers per epoch, appended while the run goes on (`record_file`)
    checkpoint.npz         parameters, the state of rule and optimiser, every random stream, epoch and step, and
                           length and sum of the record (`state_file`)
    .feedbackalign/lock    held while a run is alive; the operating system frees it when the process ends

A checkpoint is taken whole or not at all: it must hold what was written, be of this run, and give back, on copies of
rule and optimiser, the very arrays that it holds. The order of an epoch's samples is one draw from the data stream. The
stream is kept as it was before: a resumed epoch draws again and skips what it has had.
"""

import dataclasses
import errno
import functools
import os
import pathlib
import time
import warnings

from feedbackalign.data.own import sha256_of
from feedbackalign.rules import user_file
from feedbackalign.training import state_file
from feedbackalign.training.record import plain
from feedbackalign.training.record_file import RecordFile
from feedbackalign.training.run_state import RunState
from feedbackalign.training.state_file import CheckpointError
from feedbackalign.version import __version__

STAMP = {"version": __version__, "format": 2}           # what must be the same before a checkpoint is looked at further
HIDDEN = ".feedbackalign"           # the folder, in an output folder, of what is not for its reader
SAVE_EVERY = 10.0                   # seconds between checkpoints inside an epoch, where no steps are given
SAVING_SHARE = 0.02                 # at most this share of the time: large networks are saved less often
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)    # from a file system that lacks them


class FolderInUseError(RuntimeError):
    """Another live run writes into this folder."""


class NoLockWarning(UserWarning):
    """A folder cannot be locked, so a second run in it is not noticed."""


@dataclasses.dataclass
class Progress:
    """Where a run stands: whole epochs and steps done, and sums over the epoch under way."""

    epoch: int = 0
    step: int = 0
    step_in_epoch: int = 0
    loss_sum: float = 0.0
    samples: int = 0
    seconds: float = 0.0
    epoch_loss: float = None                # of the last whole epoch
    epoch_seconds: float = 0.0
    step_seconds: float = None
    stopped: bool = False                   # by `stop`: such a run does not go on

    def after_step(self, loss, samples, seconds):
        self.step += 1
        self.step_in_epoch += 1
        self.loss_sum += loss * samples
        self.samples += samples
        self.seconds += seconds

    def end_epoch(self):
        self.epoch += 1
        self.epoch_loss = self.loss_sum / self.samples
        self.epoch_seconds, self.step_seconds = self.seconds, self.seconds / self.step_in_epoch
        self.step_in_epoch, self.loss_sum, self.samples, self.seconds = 0, 0.0, 0, 0.0


class Checkpoint:
    """One run's folder, for the length of a `with` block; without a folder it keeps nothing.

    Parameters
    ----------
    folder : path or None
    rule, optimizer : what is trained, and by what
    batches, hook_batches : Batches
        The run's two data streams: the loop's, and the one handed to the rule's own phases.
    epochs : int
        How many the run is meant to have.
    about : dict
        What else is fixed, such as {"seed": 3, "data": "digits"}; a checkpoint with other values is refused.

    Raises
    ------
    FolderInUseError
        If another live run holds the folder.
    """

    def __init__(self, folder, rule, optimizer, batches, hook_batches, epochs, about):
        self.folder = None if folder is None else pathlib.Path(folder).expanduser()
        self.rule, self.optimizer, self.epochs, self.about = rule, optimizer, epochs, about
        self.batches, self.state = batches, RunState(rule, optimizer, batches.rng, hook_batches.rng)
        self.stream_before_epoch = None
        if folder is not None:
            self.path, self.record = self.folder / "checkpoint.npz", RecordFile(self.folder / "record.jsonl")
        self.saved_at, self.save_seconds = time.monotonic(), 0.0

    def __enter__(self):
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.lock = lock_folder(self.folder)
        return self

    def __exit__(self, *exception):
        if self.folder is not None:
            self.lock.close()

    def next_epoch(self, done):
        """The batches of the epoch under way: all, or those that a resumed run has not had."""
        stream = self.batches.rng.bit_generator
        if not done.step_in_epoch:
            self.stream_before_epoch = stream.state
            return self.batches.epoch()
        now = stream.state                              # further on than the order's draw if a rule shares the stream
        stream.state = self.stream_before_epoch
        rest = self.batches.epoch(skip=done.step_in_epoch)
        stream.state = now
        return rest

    # ------------------------------------------------------------------------------------------------------ writing

    def is_due(self, step, every):
        """Whether to save inside an epoch: every so many steps, or by the clock if that is None."""
        if every is not None:
            return step % every == 0
        wait = max(SAVE_EVERY, self.save_seconds / SAVING_SHARE)
        return self.folder is not None and time.monotonic() >= self.saved_at + wait

    def save(self, done, rows):
        """Write the record, then the checkpoint. If the run dies in between, the record is cut back later."""
        if self.folder is None:
            return
        began = time.monotonic()
        if not self.record.bytes:                       # of a run before this one, whose record is to go
            self.path.unlink(missing_ok=True)
        self.record.extend(rows)
        meta = self.identity() | {
            "epochs": self.epochs,
            "record": self.record.mark(),
            **self.state.streams(),
            "stream_before_epoch": self.stream_before_epoch,
            "progress": dataclasses.asdict(done),
        }
        state_file.write(self.path, STAMP, meta, self.state.arrays())
        self.saved_at = time.monotonic()
        self.save_seconds = self.saved_at - began

    def identity(self):
        """What must be the same in a run that goes on from this checkpoint."""
        return {"network": describe_network(self.rule.network), "rule": self.rule.name,
                "set of options": plain(self.rule.options), "optimizer": in_words(self.optimizer),
                "samples": len(self.batches.split), "batch_size": self.batches.size,
                "augmentation": repr(self.batches.augment), "about": self.about}

    # ------------------------------------------------------------------------------------------------------ reading

    def restore(self):
        """Put everything back as the checkpoint has it: -> its Progress and rows, or a beginning where there is none.

        A checkpoint or record that is refused leaves all as it was.
        """
        if self.folder is None or not self.path.exists():
            return Progress(), []
        meta, arrays = self.read()
        rows = self.record.rows_at(meta["record"])
        done = self.put_back(meta, arrays)
        self.record.cut()
        return done, rows

    def read(self):
        """-> (meta, {name: array}) of this run's checkpoint; CheckpointError for that of another run."""
        meta, arrays = read_checkpoint(self.path)
        refuse_foreign(self.path, meta, self.identity())
        return meta, arrays

    def put_back(self, meta, arrays):
        """Put all in its place, or nothing: -> Progress."""
        try:
            done = Progress(**meta["progress"])
            self.state.take(arrays, {name: meta[name] for name in self.state.streams()})
        except (KeyError, ValueError, TypeError) as error:
            raise CheckpointError(f"{self.path}: does not hold what this run needs: {error}; make the run as it was, "
                                  f"or start anew in another folder") from error
        self.stream_before_epoch = meta["stream_before_epoch"]
        return done


def read_checkpoint(path):
    """(meta, {name: array}) of a checkpoint file; CheckpointError for anything that is not one, whole."""
    return state_file.read(path, STAMP)


def read_meta(path):
    """What a checkpoint file says in plain numbers and words; no array of it is read."""
    return state_file.read_meta(path, STAMP)


def describe_network(network):
    """A network as text: its layers, loss, dtype and parameter shapes."""
    shapes = ", ".join(f"{name} {array.shape}" for name, array in network.parameters().items())
    return f"{network!r} {network.loss_name} {network.dtype} {shapes}"


def in_words(optimizer):
    """The kind of an optimiser and what of it stays; a foreign one has at least a class."""
    return optimizer.in_words() if hasattr(optimizer, "in_words") else type(optimizer).__name__


def fixed(about, rule, data):
    """`about`, as the record has it, with the sums over all that is the user's own; those that came stand first."""
    about = plain(about)
    own = about.get("sha256", {})
    return about | {"sha256": {**own, **contents(rule, data), **own}}


def contents(rule, data):
    """{name: sha256} of the data's arrays, and of the files of what is not this package's: the rule, its layers."""
    found = {f"data {data.name}": data.sha256}
    kinds = {type(part): None for part in (rule, *rule.network.all_layers())}
    for file in {user_file.file_of(kind): None for kind in filter(user_file.is_own, kinds)}:
        if file is not None:
            found[file.name] = " ".join(filter(None, [found.get(file.name), sha256_of(file)]))      # two of one name
    return found


def refuse_changed(theirs, mine, epochs):
    """CheckpointError where something of the user's has the same name as when a run began, and another content."""
    for name, sha256 in mine.items():
        if theirs.get(name, sha256) != sha256:
            raise CheckpointError(f"{name} changed since epoch {epochs}: put it back, or start anew in another folder")


def refuse_foreign(path, meta, here):
    """Refuse a checkpoint of another model, rule or run, by name."""
    refuse_changed(*(identity["about"].get("sha256", {}) for identity in (meta, here)), meta["progress"]["epoch"])
    theirs, mine = ({**identity, **identity["about"]} for identity in (meta, here))
    for identity in (theirs, mine):
        identity["content"] = sorted(identity.pop("sha256", {}))
    for key in mine:
        if key != "about" and theirs.get(key) != mine[key]:
            raise state_file.foreign(path, key, theirs.get(key), mine[key])


def lock_folder(folder):
    """An advisory lock on the folder, as an open file; it dies with its process. Not every file system has locks."""
    hidden = folder / HIDDEN
    hidden.mkdir(exist_ok=True)
    file = open(hidden / "lock", "a+b")
    try:
        if os.name == "nt":
            import msvcrt
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_LOCKS:
            _say_once_that_locks_are_missing()
            return file
        file.close()
        if isinstance(error, (BlockingIOError, PermissionError)):
            raise FolderInUseError(f"{folder}: another live run writes into this folder") from error
        raise OSError(error.errno, error.strerror, file.name) from error
    return file


@functools.lru_cache(maxsize=None)
def _say_once_that_locks_are_missing():
    warnings.warn("the folder is on a file system without locks, so another run that writes into it is not noticed",
                  NoLockWarning, stacklevel=3)
