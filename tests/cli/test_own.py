"""The commands with data, networks and rules of one's own: results, crashes in a line, what is refused, `fa.load`."""

import json
import shutil

import numpy as np
import pytest

import feedbackalign as fa
from feedbackalign import cli, training
from feedbackalign.training.checkpoints import CheckpointError
from tests.runs.test_own import FILE, changed

CRASHING = FILE + '''
class Crashing(Mine):
    def send_back(self, layer, error):
        return layer.nothing(error)

class AtTheStart(Mine):
    def __init__(self, network, *, rng):
        super().__init__(network, rng=rng)
        self.B = np.zeros((2, 3)) @ np.zeros((2, 3))

def no_net(data, rng):
    return deeper(data)

def deeper(data):
    return data.nothing

def no_data(rng):
    raise TypeError("as it was made to")
'''
LINES = {word: number for number, line in enumerate(CRASHING.splitlines(), 1)
         for word in ("layer.nothing", "@", "data.nothing", "raise TypeError") if word in line}
SMALL = ["--epochs", "2", "--batch-size", "4", "--quiet"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli.commands, "draw", lambda rows, folder, arguments: [])
    (tmp_path / "mine.py").write_text(CRASHING)
    np.savez("mine.npz", x=np.random.default_rng(0).normal(size=(20, 4)), y=np.arange(20) % 2)
    (tmp_path / "mine.csv").write_text("a,b,class\n" + "".join(f"{k},{-k * k},{k % 2}\n" for k in range(20)))
    return tmp_path


def told(capsys):
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("feedbackalign: error: ")
    return lines


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_crash_in_a_comparison_is_told_by_file_and_line(folder, capsys, jobs):
    line = ["compare", "--rules", "bp,mine.py:Crashing", "--seeds", "1", "--data", "mine.npz", "--jobs", jobs, *SMALL]
    debug = ["--debug"] if jobs == "1" else []
    assert cli.main([*line, *debug]) == 1
    lines = told(capsys)
    assert lines[-1].endswith(
        f"mine.py, line {LINES['layer.nothing']}: AttributeError: 'Linear' object has no attribute 'nothing'")
    assert any("return layer.nothing(error)" in line for line in lines) if debug else len(lines) == 1
    rows = training.read_record("compare-output/summary.json")
    assert {row["rule"]: row.get("failed") for row in rows} == {"bp": None, "Crashing": "AttributeError"}


@pytest.mark.parametrize("words, place", [
    ("train --rule mine.py:Crashing --data mine.npz", "layer.nothing"),
    ("trace --rule mine.py:Crashing", "layer.nothing"),
    ("train --rule mine.py:AtTheStart", "@"), ("trace --rule bp --model mine.py:no_net", "data.nothing"),
    ("compare --rules bp --data mine.py:no_data", "raise TypeError")])
def test_a_crash_elsewhere_too_with_its_traceback_where_it_is_wanted(folder, capsys, words, place):
    line = [*words.split(), *(SMALL if words.startswith("train") else [])]
    assert cli.main(line) == 1
    lines = told(capsys)
    assert len(lines) == 1 and lines[0].startswith(f"feedbackalign: error: mine.py, line {LINES[place]}: ")
    assert cli.main([*line, "--debug"]) == 1
    assert "Traceback (most recent call last):" in told(capsys)


def test_check_tells_it_in_a_row(folder, capsys):
    place = f"mine.py, line {LINES['layer.nothing']}: AttributeError"
    assert cli.main(["check", "--rules", "mine.py:Crashing", "--debug"]) == 1
    printed = capsys.readouterr()
    assert sum(place in row for row in printed.out.splitlines()) == 1
    assert "return layer.nothing(error)" in printed.err


def test_resume_is_refused_when_a_file_has_changed_and_goes_on_when_it_is_back(folder, capsys):
    name = "mine.py"
    train = ["train", "--rule", "mine.py:Mine", "--model", "mine.py:net", "--data", "mine.npz", *SMALL, "--out", "run"]
    compare = ["compare", "--rules", "mine.py:Mine", "--seeds", "1", "--data", "mine.npz", *SMALL, "--resume"]
    assert cli.main(train) == cli.main(compare) == 0
    shutil.copy(name, "before")
    changed(folder, name)
    for line in ([*train, "--resume"], compare):
        assert cli.main(line) == 1
        assert told(capsys) == [f"feedbackalign: error: {name} changed since epoch 2: put it back, or start anew in "
                                f"another folder"]
    with pytest.raises(CheckpointError, match=f"{name} changed since epoch 2"):
        fa.load("run")
    shutil.copy("before", name)
    for line in ([*train, "--resume"], compare):
        assert cli.main(line) == 0


def test_columns_and_shares_are_named_on_the_line(folder, capsys):
    line = ["train", "--rule", "fa", "--data", "mine.csv", "--label-column", "class", "--test-share", "0.25", *SMALL]
    assert cli.main([*line, "--out", "run"]) == 0
    _, _, data = fa.load("run")
    assert len(data.test) == 5 and data.classes == 2
    assert cli.main([*line, "--out", "run", "--resume", "--label-column", "a"]) == 1
    assert "made by another run: label_column 'class', this one has 'a'" in told(capsys)[0]


@pytest.mark.parametrize("line", ["--rule pfa --expansion 3 --lr-milestones 1 --hidden 7",
                                  "--rule hep --model settling",
                                  "--rule mine.py:Mine --model mine.py:net --data mine.npz --optimizer adam"])
def test_load_gives_back_what_train_made_from_any_folder(folder, monkeypatch, tmp_path, line):
    line = line if "data" in line else f"{line} --data mine.csv"
    assert cli.main(["train", *line.split(), *SMALL, "--out", "run"]) == 0
    row = training.read_record("run/record.jsonl")[-1]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    rule, network, data = fa.load("../run")
    assert rule.network is network and rule.name == row["rule"]
    assert (row["test_loss"], row["test_accuracy"]) == training.evaluate(rule, data.test)
    measured = training.plain(training.measure(rule, *data.batch(16)))
    assert measured == {key: row[key] for key in measured}


def test_load_refuses_settings_of_another_run(folder):
    assert cli.main(["train", "--rule", "wm", "--data", "mine.csv", *SMALL, "--out", "run"]) == 0
    settings = folder / "run" / "settings.json"
    kept = json.loads(settings.read_text())
    for field, value, says in (
            ("seed", 1, "made by another seed: 0, this run has 1"),
            ("hidden", [7], "made by another network"), ("optimizer", "adam", "made by another optimizer"),
            ("options", [["sigma", 0.2]], "another set of options: {'sigma': 1.0}, this run has {'sigma': 0.2};"),
            ("persistence", True, "another persistence"),
            ("shuffled_labels", True, "data .* changed since epoch 2"), ("batch_size", 3, "another batch_size"),
            ("more", 1, "settings.json: expected the settings of a run")):
        settings.write_text(json.dumps({**kept, "run": {**kept["run"], field: value}}))
        with pytest.raises(CheckpointError, match=says):
            fa.load("run")
    settings.write_text(json.dumps(kept))
    assert fa.load("run")[0].name == "wm"


@pytest.mark.parametrize("text", [b"", b"[1]", b'{"run": [1]}', b'{"run": {"options": 3}}', bytes(range(128, 256))])
def test_load_refuses_a_file_that_holds_no_settings(folder, text):
    (folder / "settings.json").write_bytes(text)
    with pytest.raises(CheckpointError, match="expected a folder that `feedbackalign train` wrote"):
        fa.load(folder)


def test_a_folder_of_something_else_is_not_loaded(tmp_path):
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(CheckpointError, match="expected a folder that `feedbackalign train` wrote"):
            fa.load(path)
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(CheckpointError, match="holds a comparison, which keeps no networks"):
        fa.load(tmp_path)
