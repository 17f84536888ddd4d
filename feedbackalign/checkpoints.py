"""Checkpoints: a run killed at any moment goes on to the same bytes as one that was never stopped.

A folder holds one run:

    record.jsonl      a row of plain numbers an epoch, appended while the run goes on
    checkpoint.npz    parameters, the rule's and the optimiser's state, every random stream, epoch and step
    .lock             held while a run is alive; the operating system lets go of it when its process dies

Both files are written under another name and then renamed, so that neither is ever half a file; nothing is pickled.
An epoch's order of samples is one draw from the data stream: the stream is kept as it stood before that draw, and a
resumed epoch draws again and skips the batches it has had.
"""

import dataclasses
import json
import os
import pathlib
import zipfile

import numpy as np

from feedbackalign.version import __version__


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or belongs to another run."""


class FolderInUseError(RuntimeError):
    """Another live run writes into this folder."""


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

    Raises
    ------
    FolderInUseError
        If another live run holds the folder.
    """

    def __init__(self, folder, rule, optimizer, batches, hook_batches, epochs):
        self.folder = None if folder is None else pathlib.Path(folder)
        self.rule, self.optimizer, self.epochs = rule, optimizer, epochs
        self.batches, self.hook_batches = batches, hook_batches
        self.stream_before_epoch = None

    def __enter__(self):
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.lock = lock_folder(self.folder)
        return self

    def __exit__(self, *exception):
        if self.folder is not None:
            self.lock.close()

    def begin_epoch(self, done):
        """Remember the data stream as the epoch found it; -> how many batches of it a resumed run has had."""
        if done.step_in_epoch:
            self.batches.rng.bit_generator.state = self.stream_before_epoch
        self.stream_before_epoch = self.batches.rng.bit_generator.state
        return done.step_in_epoch

    # ------------------------------------------------------------------------------------------------------ writing

    def save(self, done, rows):
        """Write the checkpoint, then the record up to it."""
        if self.folder is None:
            return
        meta = {"version": __version__, "network": describe_network(self.rule.network),
                "rule": self.rule.name, "epochs": self.epochs, "rows": len(rows),
                "data_stream": self.batches.rng.bit_generator.state,
                "stream_before_epoch": self.stream_before_epoch,
                "hook_stream": self.hook_batches.rng.bit_generator.state,
                "progress": dataclasses.asdict(done)}
        arrays = {"meta": np.array(json.dumps(meta))}
        arrays |= {f"network/{name}": array for name, array in self.rule.network.parameters().items()}
        arrays |= {f"network_state/{name}": array for name, array in self.rule.network.state().items()}
        arrays |= {f"rule/{name}": array for name, array in self.rule.state().items()}
        arrays |= {f"optimizer/{name}": array for name, array in self.optimizer.state().items()}
        self._write_record(rows)
        temporary = self.folder / "checkpoint.npz.part"
        with open(temporary, "wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.folder / "checkpoint.npz")

    def _write_record(self, rows):
        """Append what is new, or write the whole where the file holds something else."""
        path = self.folder / "record.jsonl"
        lines = [json.dumps(row, allow_nan=False) + "\n" for row in rows]
        held = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
        if held == lines[:len(held)]:
            with open(path, "a", encoding="utf-8") as file:
                file.writelines(lines[len(held):])
            return
        temporary = self.folder / "record.jsonl.part"
        temporary.write_text("".join(lines), encoding="utf-8")
        os.replace(temporary, path)

    # ------------------------------------------------------------------------------------------------------ reading

    def restore(self, done):
        """Put everything back as the checkpoint has it; -> the rows up to it, [] where there is no checkpoint yet."""
        if self.folder is None or not (self.folder / "checkpoint.npz").exists():
            return []
        path = self.folder / "checkpoint.npz"
        meta, arrays = read_checkpoint(path)
        refuse_foreign(path, meta, self.rule)
        try:
            self._restore(meta, arrays, done)
        except (KeyError, ValueError, TypeError) as error:
            raise CheckpointError(f"{path}: does not hold what this run needs: {error}") from error
        with open(self.folder / "record.jsonl", encoding="utf-8") as file:
            return [json.loads(line) for line in list(file)[:meta["rows"]]]

    def _restore(self, meta, arrays, done):
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
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return json.loads(str(arrays.pop("meta"))), arrays
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError, AttributeError) as error:
        raise CheckpointError(f"{path}: not a whole checkpoint of feedbackalign ({error})") from error


def is_finished(folder):
    """Whether a folder's run has had all its epochs; None where it holds no checkpoint."""
    path = pathlib.Path(folder) / "checkpoint.npz"
    if not path.exists():
        return None
    meta, _ = read_checkpoint(path)
    return meta["progress"]["epoch"] >= meta["epochs"]


def describe_network(network):
    """A network as text: its layers, loss, dtype and parameter shapes."""
    shapes = ", ".join(f"{name} {array.shape}" for name, array in network.parameters().items())
    return f"{network!r} {network.loss_name} {network.dtype} {shapes}"


def refuse_foreign(path, meta, rule):
    """Refuse a checkpoint of another package version, model or rule, by name."""
    here = {"version": __version__, "network": describe_network(rule.network), "rule": rule.name}
    for key, mine in here.items():
        if meta.get(key) != mine:
            raise CheckpointError(f"{path}: made by another {key}: {meta.get(key)!r}, this run has {mine!r}")


def lock_folder(folder):
    """An advisory lock on the folder, as an open file; it dies with its process."""
    file = open(folder / ".lock", "a+b")
    try:
        if os.name == "nt":
            import msvcrt
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise FolderInUseError(f"{folder}: another live run writes into this folder") from error
    return file
