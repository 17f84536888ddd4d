"""Streams that are closed or full, a full disk, and Python without docstrings: one sentence at most."""

import contextlib
import os
import subprocess
import sys

import pytest

from feedbackalign.cli import commands as cli
from feedbackalign.rules.option_help import docstring
from tests.cli.short_runs import short_runs

POSIX = pytest.mark.skipif(os.name == "nt", reason="the shell is POSIX")
FULL = "feedbackalign: error: standard output: cannot be written to (No space left on device)\n"
SHORT = "--rule bp --epochs 1 --hidden 4 --batch-size 300"


def shell(line, folder):
    """What a shell says to `feedbackalign LINE`, with redirections: -> (status, stdout, stderr)."""
    done = subprocess.run(["sh", "-c", f"exec {sys.executable} -m feedbackalign {line}"], cwd=folder,
                          capture_output=True, text=True, encoding="utf-8")
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
@POSIX
@pytest.mark.parametrize("line, status", [
    ("data >&- 2>&-", 0), ("data 2>&-", 0), ("data <&-", 0), ("train --rule pfo 2>&-", 2), ("2>/dev/full", 2)])
def test_a_closed_stream_changes_no_status_and_is_never_a_traceback(line, status, tmp_path):
    ended, out, err = shell(line, tmp_path)
    assert (ended, err) == (status, "")
    assert ("fashion-mini" in out) if line in ("data 2>&-", "data <&-") else (out == "")


LOUD = """
import os
from feedbackalign.rules import FeedbackAlignment

class Loud(FeedbackAlignment):
    def send_back(self, layer, error):
        for number in (1, 2):
            try:
                os.write(number, b"noise")          # as a library in C does
            except OSError:
                pass
        return super().send_back(layer, error)
"""


@pytest.mark.slow
@POSIX
def test_what_is_printed_into_a_closed_stream_lands_in_no_file(tmp_path):
    (tmp_path / "loud.py").write_text(LOUD)
    line = "train --rule loud.py:Loud --epochs 1 --hidden 4 --batch-size 300 --out run"
    assert shell(f"{line} >&- 2>&- <&-", tmp_path) == (0, "", "")
    held = {path.name: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert {"record.jsonl", "checkpoint.npz", "lock"} <= set(held)
    assert [name for name, content in held.items() if b"noise" in content] == []


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("line", [
    "rules", "--help", "--version", "trace --help", "data", "lessons", "lessons --to course", "exercise",
    "exercise 1.1", "exercise 1.1 {files}/answer.py", "check --rules bp", "trace --rule bp --batch 4",
    "plot {files}/run --out new", "plot {files}/run --table csv --out new", "figure nudge_bias", "figure depth --quiet",
    "data fetch mnist --to new",
    f"train {SHORT} --quiet", "compare --rules bp --seeds 1 --epochs 0 --hidden 4 --quiet"])
def test_a_full_standard_output_is_told_in_one_sentence(line, files, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with short_runs(files, monkeypatch), open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert cli.main(line.format(files=files).split()) == 1
    told = [line for line in capsys.readouterr().err.splitlines(True) if "warning:" not in line]        # matplotlib's
    assert "".join(told).removeprefix("images: 76,800 bytes\n") == FULL


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_standard_output_is_status_1_of_the_process_too(tmp_path):
    assert shell("data >/dev/full", tmp_path) == (1, "", FULL)


def test_python_without_docstrings_has_them_from_the_source(capsys, monkeypatch):
    code = "from feedbackalign.cli import main; import sys; sys.exit(max(map(main, map(str.split, sys.argv[1:]))))"
    lines = ["rules", "data", "exercise", "exercise 3.1", "figure --help", "train --rule ep --help", "lessons",
             "check --rules bp", "trace --rule bp --batch 4"]
    monkeypatch.setenv("COLUMNS", "80")
    bare = subprocess.run([sys.executable, "-OO", "-c", code, *lines], capture_output=True, text=True, encoding="utf-8",
                          env={**os.environ, "PYTHONIOENCODING": "utf-8"})
    assert max(map(cli.main, map(str.split, lines))) == 0
    assert (bare.returncode, bare.stderr, bare.stdout) == (0, "", capsys.readouterr().out)
    monkeypatch.setattr("sys.flags", type("Flags", (), {"optimize": 2}))
    assert docstring(eval("lambda: 1")) == "" and docstring(docstring).startswith("The docstring of")


# ------------------------------------------------------------------------------------------------------ a full disk

@contextlib.contextmanager
def largest_file(size):
    """No file can become larger than so many bytes: what a full disk does, in the middle of a write."""
    import resource
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


TRAIN = "train --rule bp --epochs 1 --hidden 4,4,4,4,4,4,4,4,4,4,4,4 --batch-size 300 --quiet --out new"


@pytest.mark.slow
@POSIX
@pytest.mark.parametrize("size, line, file", [
    (100, TRAIN, "new/settings.json"), (1_900, TRAIN, "new/record.jsonl"), (12_000, TRAIN, "new/checkpoint.npz"),
    (1_000, "plot {run} --out new", "new/learning_curves.png"),
    (1_000, "plot {run} --table csv --page --out new", "new/page.html"),
    (1_000, "plot {run} --table csv --animate --out new", "new/gradient_angles.gif"),
    (100, "figure nudge_bias --out new", "new/nudge_bias.json"),
    (1_000, "compare --rules bp --seeds 1 --epochs 0 --jobs 1 --out new --quiet", "new/.feedbackalign/"),
    (1_000, "lessons --to new", "new/01_"), (1_000, "data fetch mnist --to new", "new/images")])
def test_a_full_disk_names_the_file_and_leaves_no_half(size, line, file, files, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with short_runs(files, monkeypatch), largest_file(size):
        assert cli.main(line.format(run=files / "run").split()) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"feedbackalign: error: {file}") and told.count("\n") == 1
    assert told.endswith(": cannot be written (File too large)\n")
    assert not list(tmp_path.rglob("*.part"))
