"""Finished runs, kept in a folder: a sweep that was stopped does only what is left.

    FOLDER/3f0c….json       one finished run, named by the hash of all that decides it, with a sum over its rows
    FOLDER/3f0c…/           the checkpoints of a run under way, where they are wanted

The hash covers the settings of the run, the version of the package and of its rows' format, and the content of a user's
own rule, data and network (not what their files import, nor the bytes in a `data_dir`). Other settings give another
name; the same settings with another content are refused. Before the rows of a file are used, their sum is compared.
"""

import contextlib
import json
import pathlib
import platform
import shutil

import numpy as np

from feedbackalign import rules, training
from feedbackalign.data.writing import written_whole
from feedbackalign.training import checkpoints
from feedbackalign.training.state_file import sum_of
from feedbackalign.version import __version__

ROWS_FORMAT = 2                     # goes up when a row's keys come to mean something else


class FinishedRuns:
    """The finished runs of one folder.

    Parameters
    ----------
    folder : path
        Made with the first run that is kept.
    checkpoints : bool
        Whether runs under way keep their checkpoints here, to go on from: worth it for long epochs.
    fresh : bool
        Whether runs that the folder already holds are done again.
    say : callable, optional
        Called with one line of text for every damaged file.

    >>> import tempfile
    >>> from feedbackalign.runs import Run
    >>> run = Run("fa", epochs=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     finished = FinishedRuns(folder)
    ...     finished.rows(run)
    ...     finished.keep(run, run.train())
    ...     len(finished.rows(run)), finished.rows(Run("fa", epochs=0, seed=1))
    (1, None)
    """

    def __init__(self, folder, *, checkpoints=False, fresh=False, say=None):
        self.folder, self.checkpoints, self.fresh, self.say = (
            pathlib.Path(folder).expanduser(), checkpoints, fresh, say)

    def rows(self, run):
        """The rows of this run if it is finished, else None."""
        name = name_of(run)
        path = self.folder / f"{name}.json"
        if self.fresh or name is None:
            return None
        if not path.exists():
            self._refuse_changed(run)
            return None
        try:
            kept = json.loads(path.read_text(encoding="utf-8-sig"))
            if kept["rows_sha256"] != sum_of(kept["rows"]):
                raise ValueError("its rows are not those that were written")
            if kept["rows"][-1]["epoch"] != run.epochs or kept["decided_by"] != decided_by(run):
                raise ValueError("it holds another run")
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            if self.say:
                self.say(f"{path}: damaged, so {run} is done again "
                         f"({type(error).__name__}: {error})")
            return None
        return kept["rows"]

    def _refuse_changed(self, run):
        """CheckpointError if the same run was kept here with another content of the user's files or data."""
        mine = run.settings()
        for path in self.folder.glob("*.json") if "sha256" in mine else ():
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, IndexError):
                kept = json.loads(path.read_text(encoding="utf-8-sig"))
                theirs, epochs = kept["decided_by"]["settings"], kept["rows"][-1]["epoch"]
                if {**theirs, "sha256": None} == {**mine, "sha256": None}:
                    break
        else:
            return
        checkpoints.refuse_changed(theirs.get("sha256", {}), mine["sha256"], epochs)

    def keep(self, run, rows):
        """Keep the rows of a finished run, and remove its checkpoints."""
        name = name_of(run)
        if name is None or rows[-1].get("sha256") != run.settings().get("sha256"):      # edited while it ran
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        rows = training.plain(rows)
        head = {"decided_by": decided_by(run), "rows_sha256": sum_of(rows)}
        write_rows(self.folder / f"{name}.json", head, rows)
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def under_way(self, run):
        """Where the run keeps its checkpoints, or None where it keeps none."""
        name = name_of(run)
        if not self.checkpoints or name is None:
            return None
        if self.fresh:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        return str(self.folder / name)


def name_of(run):
    """The hash of all that decides a run's numbers; None where the text of something of the user's cannot be read."""
    decided = decided_by(run)
    if None in decided["settings"].get("sha256", {}).values():
        return None
    return sum_of(decided)[:32]


def decided_by(run):
    """All that decides a run's numbers, as plain numbers and words."""
    return {"settings": run.settings(), "rule": rules.find(run.rule).__qualname__, "feedbackalign": __version__,
            "rows_format": ROWS_FORMAT}


# ------------------------------------------------------------------------------------------------- rows in a file

def write_rows(path, head, rows):
    """{**head, "versions": …, "rows": […]}, one row per line. Written under another name first: never half a file."""
    def text(value):
        return json.dumps(training.plain(value), allow_nan=False)

    entries = [f"{text(key)}: {text(value)}" for key, value in {**head, "versions": versions()}.items()]
    lines = ",\n".join(map(text, rows))
    with written_whole(path) as part:
        part.write_text("{" + ",\n".join([*entries, f'"rows": [\n{lines}\n]']) + "}\n", encoding="utf-8")


def versions():
    """What the numbers depend on besides the settings."""
    return {"feedbackalign": __version__, "numpy": np.__version__, "python": platform.python_version(),
            "system": platform.system(), "machine": platform.machine()}
