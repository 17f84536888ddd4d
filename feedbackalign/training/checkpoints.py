"""Checkpoints: a run killed at any moment goes on to the same bytes as one that was never stopped.

A folder holds one run:

    record.jsonl           one row of plain numbers per epoch, appended while the run goes on
    checkpoint.npz         parameters, the state of rule and optimiser, every random stream, epoch, step and the rows
    .feedbackalign/lock    held while a run is alive; the operating system frees it when the process ends

The checkpoint is written under another name and then renamed, so it is never half a file; nothing is pickled. A resumed
run takes the rows from its checkpoint and cuts the record back to them. The order of an epoch's samples is one draw
from the data stream. The stream is kept as it was before: a resumed epoch draws again and skips what it has had.
"""

import dataclasses
import errno
import functools
import json
import os
import pathlib
import time
import warnings

import numpy as np

from feedbackalign.data.own import sha256_of
from feedbackalign.data.writing import naming, written_whole
from feedbackalign.rules import user_file
from feedbackalign.version import __version__

HIDDEN = ".feedbackalign"           # the folder, in an output folder, of what is not for its reader
SAVE_EVERY = 10.0                   # seconds between checkpoints inside an epoch, where no steps are given
SAVING_SHARE = 0.02                 # at most this share of the time: large networks are saved less often
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)    # from a file system that lacks them


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or belongs to another run."""


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
        self.batches, self.hook_batches = batches, hook_batches
        self.stream_before_epoch = None
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
        meta = self.identity() | {
            "epochs": self.epochs,
            "rows": rows,
            "data_stream": self.batches.rng.bit_generator.state,
            "stream_before_epoch": self.stream_before_epoch,
            "hook_stream": self.hook_batches.rng.bit_generator.state,
            "progress": dataclasses.asdict(done),
        }
        arrays = {"meta": np.array(json.dumps(meta, default=np.ndarray.tolist))}       # some streams hold arrays
        arrays |= {f"network/{name}": array for name, array in self.rule.network.parameters().items()}
        arrays |= {f"network_state/{name}": array for name, array in self.rule.network.state().items()}
        arrays |= {f"rule/{name}": array for name, array in self.rule.state().items()}
        arrays |= {f"optimizer/{name}": array for name, array in self.optimizer.state().items()}
        with naming(self.folder / "record.jsonl"):
            self._write_record(rows)
        with written_whole(self.folder / "checkpoint.npz") as part, open(part, "wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        self.saved_at = time.monotonic()
        self.save_seconds = self.saved_at - began

    def _write_record(self, rows):
        """Append what is new, or write the whole where the file holds something else."""
        path = self.folder / "record.jsonl"
        wanted = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows).encode()
        held = path.read_bytes() if path.exists() else b""
        if wanted.startswith(held):
            with open(path, "ab") as file:
                file.write(wanted[len(held):])
            return
        temporary = self.folder / "record.jsonl.part"
        temporary.write_bytes(wanted)
        os.replace(temporary, path)

    def identity(self):
        """What must be the same in a run that goes on from this checkpoint."""
        return {"version": __version__, "network": describe_network(self.rule.network), "rule": self.rule.name,
                "optimizer": in_words(self.optimizer), "samples": len(self.batches.split),
                "batch_size": self.batches.size, "augmentation": repr(self.batches.augment), "about": self.about}

    # ------------------------------------------------------------------------------------------------------ reading

    def restore(self, done):
        """Put everything back as the checkpoint has it; -> the rows up to it, [] where there is no checkpoint yet."""
        if self.folder is None or not (self.folder / "checkpoint.npz").exists():
            return []
        path = self.folder / "checkpoint.npz"
        meta, arrays = read_checkpoint(path)
        refuse_foreign(path, meta, self.identity())
        self.put_back(meta, arrays, done)
        self._write_record(meta["rows"])
        return list(meta["rows"])

    def put_back(self, meta, arrays, done):
        """Put a checkpoint's arrays, streams and progress in place."""
        try:
            self._put_back(meta, arrays, done)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            path = self.folder / "checkpoint.npz"
            raise CheckpointError(f"{path}: does not hold what this run needs: {error}") from error

    def _put_back(self, meta, arrays, done):
        def part(prefix):
            return {name[len(prefix):]: array for name, array in arrays.items() if name.startswith(prefix)}

        self.rule.load_state(part("rule/"))
        for name, array in self.rule.network.parameters().items():
            array[...] = arrays[f"network/{name}"]
        self.rule.network.load_state(part("network_state/"))
        self.optimizer.load_state(part("optimizer/"))
        self.batches.rng.bit_generator.state = meta["data_stream"]
        self.hook_batches.rng.bit_generator.state = meta["hook_stream"]
        self.stream_before_epoch = meta["stream_before_epoch"]
        for name, value in meta["progress"].items():
            setattr(done, name, value)


def read_checkpoint(path):
    """(meta, {name: array}) of a checkpoint file; CheckpointError for anything that is not one, whole."""
    try:
        # Opened here: np.load given a path leaves a broken file open.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
        meta = json.loads(str(arrays.pop("meta")))
        missing = {"version", "epochs", "rows", "progress"} - set(meta)
    except Exception as error:                          # zip, zlib, npy and JSON each have errors of their own
        raise CheckpointError(f"{path}: not a whole checkpoint of feedbackalign ({type(error).__name__} while it was "
                              f"read); remove it to start again") from error
    if missing:
        raise CheckpointError(f"{path}: not a whole checkpoint of feedbackalign (it lacks {', '.join(missing)})")
    return meta, arrays


def describe_network(network):
    """A network as text: its layers, loss, dtype and parameter shapes."""
    shapes = ", ".join(f"{name} {array.shape}" for name, array in network.parameters().items())
    return f"{network!r} {network.loss_name} {network.dtype} {shapes}"


def in_words(optimizer):
    """The kind of an optimiser and what of it stays; a foreign one has at least a class."""
    return optimizer.in_words() if hasattr(optimizer, "in_words") else type(optimizer).__name__


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
            raise CheckpointError(f"{name} changed since epoch {epochs}: put it back, or start anew with another --out")


def refuse_foreign(path, meta, here):
    """Refuse a checkpoint of another package version, model, rule or run, by name."""
    refuse_changed(*(identity.get("about", {}).get("sha256", {}) for identity in (meta, here)), len(meta["rows"]) - 1)
    theirs, mine = ({**identity, **identity.get("about", {})} for identity in (meta, here))
    for identity in (theirs, mine):
        identity["content"] = sorted(identity.pop("sha256", {}))
    for key in mine:
        if key != "about" and theirs.get(key) != mine[key]:
            raise CheckpointError(f"{path}: made by another {key}: {theirs.get(key)!r}, this run has {mine[key]!r}")


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
