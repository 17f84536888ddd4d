"""A file system without locks: training goes on, and says once that nothing keeps a second run out."""

import errno
import os
import subprocess
import sys
import warnings

import pytest

from feedbackalign.training import checkpoints
from feedbackalign.training.checkpoints import FolderInUseError, NoLockWarning, lock_folder
from tests.small_runs import SmallRun, without_times

pytestmark = pytest.mark.skipif(os.name == "nt", reason="flock is POSIX")
MISSING = {"ENOSYS", "ENOLCK", "EOPNOTSUPP", "ENOTSUP"}


@pytest.fixture(autouse=True)
def nothing_said():
    checkpoints._say_once_that_locks_are_missing.cache_clear()
    yield
    checkpoints._say_once_that_locks_are_missing.cache_clear()


def flock_answers(monkeypatch, code):
    def flock(file, how):
        raise OSError(code, os.strerror(code))
    monkeypatch.setattr("fcntl.flock", flock)


@pytest.mark.parametrize("name", sorted(MISSING))
def test_without_locks_training_goes_on_and_says_so_once(name, tmp_path, monkeypatch):
    with_a_lock = SmallRun("bp").train(epochs=1, folder=tmp_path / "with")
    flock_answers(monkeypatch, getattr(errno, name))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        without = SmallRun("bp").train(epochs=1, folder=tmp_path / "without")
        SmallRun("bp").train(epochs=1, folder=tmp_path / "another")
    assert without_times(without) == without_times(with_a_lock)
    assert [warning.category for warning in told] == [NoLockWarning]
    assert "file system without locks, so another run that writes into it is not noticed" in str(told[0].message)


@pytest.mark.parametrize("name, error", [("EWOULDBLOCK", FolderInUseError), ("EACCES", FolderInUseError),
                                         ("EIO", OSError)])
def test_other_answers_are_errors_and_name_the_file(name, error, tmp_path, monkeypatch):
    flock_answers(monkeypatch, getattr(errno, name))
    with pytest.raises(error, match=str(tmp_path)) as refused:
        lock_folder(tmp_path)
    assert isinstance(refused.value, FolderInUseError) == (error is FolderInUseError)


COMMAND = """
import errno, fcntl, os, sys

def flock(file, how):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

fcntl.flock = flock                             # in the workers too: they import this file
if __name__ == "__main__":
    from feedbackalign import cli
    sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_command_and_its_workers_say_it_once(tmp_path):
    (tmp_path / "command.py").write_text(COMMAND)
    line = "command.py train --rule bp --hidden 8 --epochs 1 --batch-size 300 --out run --quiet".split()
    done = subprocess.run([sys.executable, *line], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and done.stderr.count("warning: the folder is on a file system without locks") == 1
    assert done.stderr.count("\n") <= 2, done.stderr
