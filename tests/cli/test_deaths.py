"""Commands whose worker processes are killed: they end within seconds, name the run, and go on with --resume."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from feedbackalign import figures
from feedbackalign.cli import commands as cli
from feedbackalign.figures import style
from feedbackalign.figures.experiments.trained import Planned
from feedbackalign.runs.run import Run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
RULES = '''
import os
import signal
import time

from feedbackalign.rules import ErrorSendingRule

class Whole(ErrorSendingRule):
    def send_back(self, layer, error):
        if not os.path.exists("closed"):                # the other programs, which need the memory
            self.have_trouble()
        return layer.transport(error, layer.weight)

class Killed(Whole):
    def have_trouble(self):
        while not os.path.exists("begun"):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)

class Slow(Whole):
    def have_trouble(self):
        open("begun", "w").close()
        time.sleep(10_000)
'''
SMALL = {"hidden": (8,), "epochs": 1, "batch_size": 300}
TINY = ["--hidden", "8", "--epochs", "1", "--batch-size", "300"]
LINES = {"compare": ["compare", "--rules", "bp,my.py:Killed,my.py:Slow,fa", "--seeds", "1", *TINY],
         "figure": ["figure", "depth"]}
TIMES = ("seconds", "seconds_per_step")


def planned_runs(scale):
    rules = ("bp", "my.py:Killed", "my.py:Slow", "fa")
    return [Planned(Run(rule, **SMALL), {"hidden_layers": 1}) for rule in rules]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    (tmp_path / "my.py").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(figures.TRAINED, "depth", (planned_runs, lambda rows: style.new_figure("empty")))
    monkeypatch.setattr(cli, "draw", lambda rows, folder, arguments: [])


def rows_in(folder, command):
    with open(os.path.join(folder, "summary.json" if command == "compare" else "depth.json"), encoding="utf-8") as file:
        return [{key: value for key, value in row.items() if key not in TIMES} for row in json.load(file)["rows"]]


@pytest.mark.slow
@pytest.mark.parametrize("command", LINES)
def test_a_killed_worker_ends_the_command_which_goes_on_later(command, tmp_path, capsys):
    line, began = LINES[command], time.monotonic()
    assert cli.main([*line, "--jobs", "2", "--out", "run"]) == 1
    assert time.monotonic() - began < 60
    told = capsys.readouterr()
    killed, slow = ("Killed", "Slow") if command == "compare" else ("Killed, hidden layers 1", "Slow, hidden layers 1")
    assert told.err.splitlines()[-1] == (
        f"feedbackalign: error: {killed} seed 0: killed, perhaps out of memory; not finished: {slow} seed 0; "
        "the same line with --resume goes on")
    assert told.out == "" and os.listdir("run") == [".feedbackalign"]
    (tmp_path / "closed").write_text("")
    assert cli.main([*line, "--jobs", "1", "--out", "run", "--resume"]) == 0
    assert "1 of 4 runs were finished before" in capsys.readouterr().err
    assert cli.main([*line, "--jobs", "1", "--out", "whole"]) == 0
    assert rows_in("run", command) == rows_in("whole", command)


def test_a_killed_training_is_named_and_quiet_keeps_that_line(capsys):
    (open("begun", "w")).close()
    assert cli.main(["train", "--rule", "my.py:Killed", "--seed", "3", *TINY, "--quiet"]) == 1
    assert capsys.readouterr().err == ("feedbackalign: error: Killed seed 3: killed, perhaps out of memory; "
                                       "the same line with --resume goes on\n")


def test_ctrl_c_ends_the_command_and_its_workers_at_once():
    line = ["compare", "--rules", "my.py:Slow", "--seeds", "2", *TINY, "--jobs", "2", "--quiet"]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)       # what a shell starts with & may ignore it
    command = subprocess.Popen([sys.executable, "-m", "feedbackalign", *line], stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    signal.signal(signal.SIGINT, before)
    while not os.path.exists("begun"):
        time.sleep(0.05)
    began = time.monotonic()
    os.killpg(command.pid, signal.SIGINT)                       # of all, as a terminal does
    told = command.stderr.read()                                # ends when the workers have ended too
    assert command.wait() == 130 and time.monotonic() - began < 30
    assert re.fullmatch(r"feedbackalign: error: interrupted; the same line with --resume goes on\n", told)
    command.stderr.close()
