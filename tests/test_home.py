"""What people's systems put into paths and files: a ~ for their home, and a mark of the byte order."""

import codecs
import json

import pytest

import feedbackalign as fa
from feedbackalign.cli import commands, folders
from feedbackalign.data.fetch import FetchError, fetch
from feedbackalign.data.idx import read_idx
from feedbackalign.exercises.solution_file import check_file
from feedbackalign.runs.finished import FinishedRuns

RUN = fa.Run("bp", epochs=0, hidden=(4,))
ROWS = [{"rule": "bp", "epoch": epoch, "test_loss": 1.0} for epoch in (0, 1)]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of its own, and another folder to be in."""
    home, here = tmp_path / "home", tmp_path / "here"
    for folder in (home, here):
        folder.mkdir()
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(home))
    monkeypatch.chdir(here)
    yield home
    assert not list(here.iterdir()), "no folder called ~"


def test_a_tilde_leads_home_wherever_something_is_written(home):
    RUN.train(folder="~/run")
    kept = FinishedRuns("~/kept")
    kept.keep(RUN, RUN.train())
    fa.figures.draw_all(ROWS, "~/pictures")
    fa.figures.save(fa.figures.learning_curves(ROWS), "~/curves.svg")
    folders.writable_folder("~/output")
    with pytest.raises(FetchError):
        fetch("mnist", "~/mnist", mirrors=["file:///no/such/folder/"], say=None)
    assert sorted(path.name for path in home.glob("[!.]*")) == [
        "curves.svg", "kept", "mnist", "output", "pictures", "run"]
    assert (home / "run" / "record.jsonl").exists() and (home / "pictures" / "learning_curves.png").exists()


def test_a_tilde_leads_home_wherever_something_is_read(home, capsys):
    (home / "my_rule.py").write_text("from feedbackalign.rules import Backprop\n\n\nclass Mine(Backprop):\n    pass\n")
    (home / "record.jsonl").write_text("\n".join(map(json.dumps, ROWS)) + "\n")
    (home / "labels").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 3]))
    assert fa.training.read_record("~/record.jsonl") == ROWS
    assert fa.rules.find("~/my_rule.py:Mine").__name__ == "Mine"
    assert read_idx("~/labels").tolist() == [7, 3]
    with pytest.raises(fa.data.DataError, match=r"home: expected one of train-images"):
        fa.data.mnist("~")
    with pytest.raises(ValueError, match=r"home.answer\.py: there is no such file"):
        check_file("1.1", "~/answer.py")
    assert commands.main(["plot", "~"]) == 0
    assert str(home) in capsys.readouterr().out


@pytest.mark.parametrize("text", [json.dumps({"rows": ROWS}), "\n".join(map(json.dumps, ROWS)) + "\n"])
def test_records_are_read_with_a_mark_of_the_byte_order(tmp_path, text):
    (tmp_path / "rows").write_bytes(codecs.BOM_UTF8 + text.encode())
    assert fa.training.read_record(tmp_path / "rows") == ROWS


def test_settings_and_finished_runs_are_too(tmp_path):
    (tmp_path / "settings.json").write_bytes(codecs.BOM_UTF8 + json.dumps({"seed": 1}).encode())
    folders.refuse_other_settings(tmp_path / "settings.json", {"seed": 1}, 0)
    kept = FinishedRuns(tmp_path, say=pytest.fail)
    kept.keep(RUN, RUN.train())
    file, = tmp_path.glob("?" * 32 + ".json")
    file.write_bytes(codecs.BOM_UTF8 + file.read_bytes())
    assert kept.rows(RUN)


def test_a_run_is_loaded_from_such_settings(tmp_path):
    folders.claim(tmp_path, RUN, False)
    RUN.train(folder=tmp_path)
    settings = tmp_path / "settings.json"
    settings.write_bytes(codecs.BOM_UTF8 + settings.read_bytes())
    assert fa.load(tmp_path)[1].layer("fc1").weight.shape == (4, 64)
