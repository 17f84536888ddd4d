"""The folders that the commands write into: whether one is writable, which run it belongs to, and what it holds.

A comparison's folder holds `summary.json`; a run's holds `record.jsonl`, `checkpoint.npz` and `settings.json`.
"""

import contextlib
import dataclasses
import json
import pathlib
import tempfile
import time

from feedbackalign import training
from feedbackalign.data import DataError, own
from feedbackalign.data.writing import written_whole
from feedbackalign.figures import FIGURES, FORMATS
from feedbackalign.runs.finished import versions
from feedbackalign.training.checkpoints import (CheckpointError, FolderInUseError, lock_folder, read_meta,
                                                refuse_changed)
from feedbackalign.training.state_file import differing

PAGE = "page.html"


def writable_folder(path):
    """Make the folder if it is not there; OSError, with its name, if nothing can be written into it."""
    folder = pathlib.Path(path).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OSError(f"output folder {folder}: cannot be written to ({reason})") from error
    return folder


def locked(folder, attempts=10):
    """`lock_folder`, tried for a second: the worker of a command that was just killed may still be ending."""
    for _ in range(attempts):
        try:
            return lock_folder(folder)
        except FolderInUseError:
            time.sleep(0.1)
    return lock_folder(folder)


def claim(folder, run, resume, command=None):
    """Make the folder ready for this run, or refuse: -> epochs of it that are done already.

    `settings.json` holds the settings of the folder's run: it cannot go on with others. `command` is the line that
    was typed.
    """
    mine = {key: value for key, value in run.settings().items() if key not in ("epochs", "data_dir")}
    path = folder / "settings.json"
    with contextlib.closing(locked(folder)):
        if (folder / "checkpoint.npz").exists():
            meta = read_meta(folder / "checkpoint.npz")
            done, wanted = meta["progress"]["epoch"], meta["epochs"]
            if resume:
                refuse_other_settings(path, mine, done)
                return done
            if done < wanted:
                raise RuntimeError(f"{folder}: holds an unfinished run ({done} of {wanted} epochs): give --resume to "
                                   f"go on with it, give another --out, or remove the folder")
        for name in ("checkpoint.npz", "record.jsonl"):
            (folder / name).unlink(missing_ok=True)
        held = {**mine, "run": again(run), "command": command, "versions": versions()}
        with written_whole(path) as part:
            part.write_text(json.dumps(held, allow_nan=False, indent=1) + "\n", encoding="utf-8")
    return 0


def again(run):
    """The fields that make this run again from any folder, for `fa.load`: files by their whole paths."""
    fields = {field.name: getattr(run, field.name) for field in dataclasses.fields(run)}
    for what in ("rule", "model", "data"):
        path, colon, name = fields[what].rpartition(":") if ".py" in fields[what] else (fields[what], "", "")
        if own.is_file(path) or path.endswith(".py"):
            fields[what] = f"{pathlib.Path(path).expanduser().absolute()}{colon}{name}"
    if run.data_dir is not None:
        fields["data_dir"] = str(pathlib.Path(run.data_dir).expanduser().absolute())
    return training.plain(fields)


def refuse_other_settings(path, mine, epochs):
    """CheckpointError if the folder's settings differ from these, or are lost."""
    if not path.exists():
        raise CheckpointError(f"{path}: is not there, and says with which settings the run began: put it back, or "
                              "start anew with another --out")
    try:
        theirs = dict(json.loads(path.read_text(encoding="utf-8-sig")))
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: expected the settings of a run ({error})") from error
    refuse_changed(theirs.pop("sha256", {}), mine.get("sha256", {}), epochs)
    for key, value in mine.items():
        if key != "sha256" and theirs.get(key) != value:
            held, wanted = differing(theirs.get(key), value)
            raise CheckpointError(f"{path}: made by another run: {key} {held!r}, this one has {wanted!r}")


def refuse_other_comparison(folder, runs, overwrite):
    """RuntimeError if the folder holds a finished comparison with runs that are none of these."""
    path = folder / "summary.json"
    if overwrite or not path.exists():
        return
    try:
        rows = training.read_record(path)
        held = {_decided(row["settings"]) for row in rows}
        epochs = max((row["epoch"] for row in rows if not row.get("failed")), default=runs[0].epochs)
    except (ValueError, KeyError, TypeError, AttributeError):           # of an older version, or no comparison at all
        held, epochs = {None}, None
    if epochs != runs[0].epochs or not held <= {_decided(run.settings()) for run in runs}:
        raise RuntimeError(f"{folder}: holds another finished comparison: give --overwrite to write over it, or "
                           "another --out")


def _decided(settings):
    """All that decides a run but its length, what is in the user's own files included."""
    return json.dumps({**settings, "epochs": None, "data_dir": None}, sort_keys=True)


def remove_pictures(folder, keep):
    """Remove the figures and the page of a record that an earlier comparison left, but for those just written."""
    for path in folder.iterdir():
        is_ours = path.stem in (*FIGURES, "swept") or path.stem.startswith("gradient_angles-")
        if (is_ours and path.suffix[1:] in (*FORMATS, "gif") and path not in keep) or path.name == PAGE:
            path.unlink()


def find_record(path):
    """The file with the rows: the given one, or the one in the given folder."""
    candidates = [path / "summary.json", path / "record.jsonl"] if path.is_dir() else [path]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise DataError(f"{path}: expected a summary.json or a record.jsonl, or a folder that holds one")


def made_by(source):
    """What stands beside the rows in a record, or beside the record: {"command": …, "versions": …}, None if unknown."""
    path = source.with_name("settings.json") if source.suffix == ".jsonl" else source
    held = {}
    with contextlib.suppress(OSError, ValueError, TypeError):
        held = dict(json.loads(path.read_text(encoding="utf-8-sig")))
    return {key: held.get(key) for key in ("command", "versions")}
