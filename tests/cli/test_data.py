"""`feedbackalign data`: what it lists, what it fetches, and how it refuses."""

import io
import subprocess
import sys

import pytest

from feedbackalign.cli import commands as cli
from feedbackalign.cli.data import Counter
from feedbackalign.data import LOADERS, fetch
from tests.data.test_fetch import CONTENT, PAGE, remote


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A folder with the one file of a data set, and its URL."""
    known = fetch.Source((remote(),), ((tmp_path / "source").as_uri(),), "ask a friend")
    monkeypatch.setitem(fetch.SOURCES, "mnist", known)
    monkeypatch.setattr(fetch, "WAIT", 0.0)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "images").write_bytes(CONTENT)
    return tmp_path / "source"


def test_it_lists_every_data_set_with_its_idea(capsys):
    assert cli.main(["data"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(LOADERS) and all(len(line) > 40 for line in lines)
    assert max(map(len, lines)) <= 140


def test_it_fetches(source, tmp_path, capsys):
    folder = tmp_path / "new"
    assert cli.main(["data", "fetch", "mnist", "--to", str(folder)]) == 0
    printed = capsys.readouterr()
    assert (folder / "images").read_bytes() == CONTENT
    assert printed.err == "images: 76,800 bytes\n"
    assert printed.out.splitlines()[-1].endswith(f"train --rule pfa --data mnist --data-dir {folder}")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "images").write_bytes(PAGE)
    assert cli.main(["data", "fetch", "mnist", "--to", str(folder), "--from", (tmp_path / "no").as_uri()]) == 0
    assert capsys.readouterr().err == "images: is there already\n"
    (folder / "images").unlink()
    line = ["data", "fetch", "mnist", "--to", str(folder), "--from", (tmp_path / "elsewhere").as_uri()]
    assert cli.main(line) == 1
    told = capsys.readouterr().err.splitlines()
    last = told[-1]
    assert len(told) == fetch.ROUNDS                            # what failed is told once: here as it is tried again
    assert last.startswith("feedbackalign: error: images could not be downloaded (file:///")
    assert "got a web page" in last
    assert last.endswith("Without a network: ask a friend") and list(folder.iterdir()) == []


@pytest.mark.parametrize("words, message", [
    (["fetch"], "data fetch: expected one of mnist, fashion, cifar10 and --to DIR"),
    (["fetch", "mnist"], "and --to DIR"), (["fetch", "--to", "x"], "expected one of"),
    (["fetch", "fashon", "--to", "x"], "unknown data set to fetch 'fashon': did you mean 'fashion'"),
    (["fetch", "mnist", "--to", "x", "--from", "ftp://x/"], "--from: expected the URL of a folder"),
    (["fetch", "mnist", "--to", "x", "--from", "http://["], "--from: expected the URL of a folder"),
    (["get", "mnist"], "expected fetch, or nothing, got 'get'"), (["mnist"], "did you mean data fetch mnist --to DIR?"),
    (["fetch", "mnist", "--too", "x"], "did you mean --to?"),
])
def test_bad_words(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["data", *words]) == 2
    assert message in capsys.readouterr().err and list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to(source, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert cli.main(["data", "fetch", "mnist", "--to", str(tmp_path / "file")]) == 1
    assert "output folder" in capsys.readouterr().err


def test_a_terminal_sees_the_bytes_come(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream, now = Terminal(), iter([0.0, 0.1, 0.3])
    with Counter(stream, clock=lambda: next(now)) as counter:
        for count in (1_000_000, 2_000_000, 3_000_000):
            counter.progress("images", count, 26_400_000)
        counter.say("images: done")
    pieces = stream.getvalue().split("\r")
    assert pieces[1:3] == ["images: 1.0 of 26.4 MB", "images: 3.0 of 26.4 MB"]      # the second came too soon
    assert pieces[-1] == "images: done\n" and pieces[-2].strip() == ""


def test_no_other_command_loads_what_uses_the_network():
    code = ("import sys, feedbackalign.cli; from feedbackalign.cli import commands; commands.main(['data']);"
            "assert 'feedbackalign.data.fetch' not in sys.modules")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
