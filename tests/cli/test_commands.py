"""The commands as a user types them: what they write, what they print, and how they refuse."""

import concurrent.futures
import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from feedbackalign import __version__, check, figures, rules, training
from feedbackalign.cli import arguments, inspection
from feedbackalign.cli import commands as cli
from feedbackalign.figures import style
from feedbackalign.figures.experiments.trained import Planned
from feedbackalign.runs import sweep, worker, workers
from feedbackalign.runs.run import Run
from feedbackalign.training.checkpoints import HIDDEN, lock_folder

COMMAND = [sys.executable, "-m", "feedbackalign"]
TIMES = ("seconds", "seconds_per_step")                                 # what may differ between two equal runs
TINY = ["--hidden", "8", "--epochs", "2"]
MY_RULE = '''
from feedbackalign.rules import ErrorSendingRule

class MyRule(ErrorSendingRule):
    """Send the error down through half of W."""

    def __init__(self, network, *, rng, strength=0.5):
        super().__init__(network, rng=rng)
        self.strength = strength

    def send_back(self, layer, error):
        if self.strength == 0:
            raise KeyError("no strength")
        return layer.transport(error, self.strength * layer.weight)
'''


class Here(concurrent.futures.Executor):
    """Does at once, in this process, what it is given."""

    def submit(self, function, *arguments, **options):
        future = concurrent.futures.Future()
        try:
            future.set_result(function(*arguments, **options))
        except Exception as error:
            future.set_exception(error)
        return future


spawned_workers = workers.workers


@pytest.fixture(autouse=True)
def quick_and_in_a_folder_of_its_own(tmp_path, monkeypatch):
    """Runs are done in this process, for a spawned one takes a second, and slides are painted small."""
    @contextlib.contextmanager
    def in_this_process(jobs, *, threads, tell):
        monkeypatch.setattr(worker, "_tell", tell)
        yield Here()
        monkeypatch.setattr(worker, "_tell", None)
    monkeypatch.setattr(workers, "workers", in_this_process)
    monkeypatch.setattr(style, "DPI", 40)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_figures(monkeypatch):
    """Drawing has its own tests, and takes seconds."""
    monkeypatch.setattr(cli, "draw", lambda rows, folder, arguments: [])


def timeless(rows):
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


def summary(folder):
    def refuse(word):
        raise AssertionError(f"{word} in summary.json")
    with open(os.path.join(folder, "summary.json"), encoding="utf-8") as file:
        return json.load(file, parse_constant=refuse)                   # NaN and Infinity are no JSON


# --------------------------------------------------------------------------------------------------------- compare

@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """The default comparison, with fewer epochs and seeds, as a user starts it: -> (folder, finished process)."""
    folder = tmp_path_factory.mktemp("compared")
    done = subprocess.run([*COMMAND, "compare", "--epochs", "1", "--seeds", "1", "--jobs", "1", "--out",
                           str(folder), "--format", "svg"], capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return folder, done


def test_the_default_table_lists_all_rules_with_all_measures(compared):
    _, done = compared
    listed = [line.split()[0] for line in done.stdout.split("\n\n")[1].splitlines()[2:]]
    assert listed == ["bp", "fa", "dfa", "usf", "kp", "wm", "pfa", "pfa-o"]
    for measure in ("test accuracy %", "angle to backprop", "path/weight angle", "norm ratio", "ms/step", "fc4"):
        assert measure in done.stdout
    assert max(len(line) for line in done.stdout.splitlines() if not line.startswith("Written to")) <= 120


def test_summary_holds_settings_versions_and_a_row_per_rule_seed_and_epoch(compared):
    folder, _ = compared
    written = summary(folder)
    assert set(written) == {"command", "settings", "versions", "rows"}
    assert [(row["rule"], row["seed"], row["epoch"]) for row in written["rows"]] == \
        [(rule, 0, epoch) for rule in arguments.COMPARED for epoch in (0, 1)]
    for row in written["rows"]:
        assert {"train_loss", "test_loss", "test_accuracy", "reference", "update_angle", "backprop_angle",
                "weight_angle", "norm_ratio", "seconds", "threads"} <= set(row)
    assert written["settings"]["seeds"] == [0] and written["settings"]["decay"] == "authors"
    assert written["settings"]["rules"] == list(arguments.COMPARED)
    assert {"feedbackalign", "numpy", "python"} <= set(written["versions"])


def test_figures_stand_in_the_folder_and_nothing_half_written(compared):
    folder, _ = compared
    assert {path.suffix for path in folder.iterdir() if path.name not in ("summary.json", HIDDEN)} == {".svg"}
    assert {path.suffix for path in (folder / HIDDEN).iterdir() if path.name != "lock"} == {".json"}


def test_progress_is_one_plain_line_per_run(compared):
    _, done = compared
    lines = done.stderr.splitlines()
    assert lines.pop(0) == "8 runs: 8 rules × 1 seed"
    assert len(lines) == 8 and "\r" not in done.stderr
    assert all(re.match(r"[\w-]+ seed \d  epoch 1/1  loss [\d.e-]+  accuracy [\d.]+ %", line) for line in lines), lines
    assert lines[-1].endswith("8 of 8 runs done")


@pytest.mark.slow
@pytest.mark.usefixtures("no_figures")
def test_two_workers_find_what_one_process_finds_and_quiet_is_quiet(capfd, monkeypatch):
    for jobs in ("1", "2"):
        if jobs == "2":
            monkeypatch.setattr(workers, "workers", spawned_workers)
        assert cli.main(["compare", "--rules", "wm,fa", "--seeds", "4,7", "--jobs", jobs, "--out", f"jobs{jobs}",
                         "--quiet", "--density", "0.5", "--mirror-rate", "0.1", *TINY]) == 0
    assert capfd.readouterr().err == ""
    one, two = summary("jobs1"), summary("jobs2")
    assert timeless(one["rows"]) == timeless(two["rows"])
    assert [row["seed"] for row in one["rows"]] == [4, 4, 4, 7, 7, 7] * 2
    assert one["settings"]["options"] == {"density": 0.5, "mirror_rate": 0.1}
    assert {row["threads"] for row in one["rows"]} == {1}


@pytest.mark.usefixtures("no_figures")
def test_a_users_rule_takes_part_and_a_failed_run_loses_no_other(tmp_path, capsys):
    (tmp_path / "my_rule.py").write_text(MY_RULE)
    line = ["compare", "--rules", "bp,my_rule.py:MyRule", "--seeds", "1", "--jobs", "1", *TINY]
    assert cli.main([*line, "--strength", "0.25", "--out", "well"]) == 0
    assert [row["rule"] for row in summary("well")["rows"]] == ["bp"] * 3 + ["MyRule"] * 3
    capsys.readouterr()
    assert cli.main([*line, "--strength", "0", "--out", "ill"]) == 1
    assert [row["rule"] for row in summary("ill")["rows"]] == ["bp"] * 3 + ["MyRule"]
    assert summary("ill")["rows"][-1]["failed"] == "KeyError"
    printed = capsys.readouterr()
    assert "MyRule seed 0 failed: my_rule.py, line 13: KeyError: 'no strength'" in printed.err
    assert printed.err.splitlines()[-1].startswith("feedbackalign: error: 1 of 2 runs failed; MyRule seed 0")
    assert "bp " in printed.out


@pytest.mark.usefixtures("no_figures")
def test_another_finished_comparison_is_overwritten_only_when_asked(tmp_path, capsys):
    line = ["compare", "--rules", "bp,fa", "--seeds", "1", *TINY, "--out", "."]
    (tmp_path / "summary.json").write_text("old")
    for more, is_another in (([], True), ([], False), (["--rules", "pfa"], False), (["--seeds", "2"], True),
                             (["--lr", "0.02,0.1"], True), ([], True), (["--epochs", "1"], True), ([], True)):
        assert cli.main([*line, *more]) == is_another, more
        told = capsys.readouterr()
        assert ("holds another finished comparison: give --overwrite" in told.err) == is_another
        if is_another:
            assert told.out == "" and told.err.count("\n") == 1
            assert cli.main([*line, *more, "--overwrite"]) == 0
            capsys.readouterr()
    assert len(summary(".")["rows"]) == 6
    with contextlib.closing(lock_folder(tmp_path)):
        assert cli.main(line) == 1
    assert "another live run" in capsys.readouterr().err


@pytest.mark.slow
def test_pictures_of_an_earlier_comparison_do_not_stay(tmp_path):
    line = ["compare", "--seeds", "1", "--epochs", "1", "--hidden", "8", "--out", ".", "--quiet"]
    mine = {"learning_curves.txt", "my_figure.png"}
    for name in (*mine, "gradient_angles-implicit.png", "learning_curves.svg", "swept.png", "path_alignment.png",
                 "gradient_angles.gif", "page.html"):
        (tmp_path / name).write_text("")
    assert cli.main([*line, "--rules", "np", "--format", "png,pdf"]) == 0
    assert set(os.listdir()) - {HIDDEN, "summary.json"} == mine | {
        f"{name}.{suffix}" for name in ("gradient_angles", "learning_curves") for suffix in ("png", "pdf")}


@pytest.mark.usefixtures("no_figures")
def test_a_sweep_is_one_command_with_a_row_and_a_name_for_every_setting(tmp_path, capsys):
    line = ["compare", "--rules", "bp,pfa:expansion=2", "--rules", "pfa", "--lr", "0.01,0.1", "--batch-size", "64",
            "--seeds", "1", "--jobs", "1", *TINY, "--out", "."]
    assert cli.main(line) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("6 runs: 6 settings (2 rules) × 1 seed\n")
    names = [f"{rule}, lr {lr}" for rule in ("bp", "pfa, expansion 2", "pfa, expansion 10") for lr in ("0.01", "0.1")]
    names = [re.sub(r"pfa, (expansion \d+), (lr .*)", r"pfa, \2, \1", name) for name in names]
    assert [line.split(" seed 0  ")[0] for line in printed.err.splitlines()[1:]] == names
    assert printed.out.startswith("mlp on digits: sgd, batches of 64, lr 0.01, 0.1, momentum 0.9\n")
    assert all(f"\n{name}  " in printed.out for name in names)
    assert summary(".")["settings"]["lr"] == [0.01, 0.1] and summary(".")["settings"]["batch_size"] == 64
    (tmp_path / "summary.json").unlink()
    next((tmp_path / HIDDEN).glob("*.json")).unlink()
    assert cli.main([*line, "--resume"]) == 0
    assert "5 of 6 runs were finished before" in capsys.readouterr().err


@pytest.mark.usefixtures("no_figures")
def test_results_of_another_text_of_a_rule_are_not_lost_without_asking(tmp_path):
    (tmp_path / "my_rule.py").write_text(MY_RULE)
    line = ["compare", "--rules", "my_rule.py:MyRule", "--seeds", "1", *TINY, "--out", "."]
    assert cli.main(line) == 0
    (tmp_path / "my_rule.py").write_text(MY_RULE + "# mended")
    assert cli.main([*line, "--resume"]) == 1                               # half of it would be of the old file
    before = (tmp_path / "summary.json").read_bytes()
    assert cli.main(line) == 1 and (tmp_path / "summary.json").read_bytes() == before
    assert cli.main([*line, "--overwrite"]) == 0 and (tmp_path / "summary.json").read_bytes() != before


@pytest.mark.usefixtures("no_figures")
def test_a_comparison_that_was_stopped_does_only_the_rest(tmp_path, capsys):
    line = ["compare", "--rules", "bp,pfa", "--jobs", "1", *TINY, "--out", "."]
    assert cli.main([*line, "--seeds", "1"]) == 0
    file = sorted((tmp_path / HIDDEN).glob("*.json"))[0]
    file.write_text(file.read_text()[:-100])
    old = timeless(summary(".")["rows"])
    capsys.readouterr()
    assert cli.main([*line, "--seeds", "2", "--resume"]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told.pop(0) == "4 runs: 2 rules × 2 seeds"
    assert f"{file.name}: damaged, so " in told[0] and told[1] == "1 of 4 runs were finished before"
    assert len(told) == 5 and told[-1].endswith("4 of 4 runs done")
    assert [row for row in timeless(summary(".")["rows"]) if row["seed"] == 0] == old
    assert cli.main([*line, "--seeds", "2", "--resume"]) == 0
    assert capsys.readouterr().err.splitlines()[1:] == ["4 of 4 runs were finished before"]
    assert cli.main([*line, "--seeds", "2"]) == 0                           # all anew
    assert len(capsys.readouterr().err.splitlines()) == 5


# ----------------------------------------------------------------------------------------------------------- train

def train(*more):
    return cli.main(["train", "--rule", "pfa", "--seed", "3", *TINY, *more])


def record(folder):
    return timeless(training.read_record(os.path.join(folder, "record.jsonl")))


def test_train_leaves_a_record_a_checkpoint_and_figures_in_its_own_folder(capsys):
    assert train() == 0
    folder = os.path.join("runs", "pfa-mlp-digits-seed3")
    assert [row["epoch"] for row in record(folder)] == [0, 1, 2]
    names = set(os.listdir(folder))
    assert {"record.jsonl", "checkpoint.npz"} < names and any(name.endswith(".png") for name in names)
    with np.load(os.path.join(folder, "checkpoint.npz"), allow_pickle=False) as checkpoint:
        assert any(key.endswith("fc1.weight") for key in checkpoint.files)
        assert any(key.endswith("pfa.echo") for key in checkpoint.files)
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 2 and "pfa" in printed.out

    before = record(folder)
    assert train("--resume") == 0
    assert "finished" in capsys.readouterr().out
    assert record(folder) == before


@pytest.mark.usefixtures("no_figures")
def test_resume_starts_anew_where_nothing_is_and_goes_on_to_more_epochs():
    assert train("--resume", "--out", "new", "--quiet") == 0
    assert train("--resume", "--out", "new", "--quiet", "--epochs", "4") == 0
    assert train("--out", "whole", "--quiet", "--epochs", "4") == 0
    assert record("new") == record("whole")


@pytest.mark.usefixtures("no_figures")
def test_folders_unfinished_of_other_settings_or_in_use_are_refused(tmp_path, capsys):
    def refusal(*more):
        assert train("--out", "run", *more) == 1
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1 and lines[0].startswith("feedbackalign: error: ")
        return lines[0]

    assert train("--out", "run", "--lr", "1e9", "--quiet") == 1         # diverges in its first epoch
    assert "pfa: the loss became" in capsys.readouterr().err
    assert [row["epoch"] for row in record("run")] == [0]
    assert "unfinished run (0 of 2 epochs): give --resume" in refusal()
    assert "made by another run: lr 1000000000.0, this one has 0.01" in refusal("--resume")
    other_option = refusal("--resume", "--lr", "1e9", "--expansion", "2")
    assert "made by another run: options {'expansion': 10}, this one has {'expansion': 2}" in other_option
    with contextlib.closing(lock_folder(tmp_path / "run")):
        assert "another live run" in refusal()
    (tmp_path / "run" / "settings.json").write_text("[1]")
    assert "expected the settings of a run" in refusal("--resume")
    (tmp_path / "run" / "settings.json").unlink()
    assert "settings.json: is not there, and says with which settings" in refusal("--resume", "--lr", "1e9")
    (tmp_path / "run" / "checkpoint.npz").write_bytes(b"PK\x03\x04 cut off")
    assert "not a whole checkpoint" in refusal("--resume")
    assert "not a whole checkpoint" in refusal()                        # nothing is overwritten that cannot be read


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("rule", ["wm", pytest.param("pfa", marks=pytest.mark.slow)])
@pytest.mark.usefixtures("no_figures")
def test_a_run_that_was_killed_and_resumed_equals_one_that_was_not(rule, tmp_path):
    line = ["train", "--rule", rule, "--seed", "3", "--hidden", "8", "--batch-size", "150", "--checkpoint-every", "3"]
    process = subprocess.Popen([*COMMAND, *line, "--out", "killed", "--epochs", "100000"],
                               stderr=subprocess.PIPE, text=True)
    for _ in range(3):
        assert "epoch" in process.stderr.readline()                     # its worker goes on meanwhile
    process.kill()
    process.stderr.read()                                               # ends when its worker has ended too
    process.stderr.close()
    process.wait()
    held = len((tmp_path / "killed" / "record.jsonl").read_text().splitlines())
    assert held >= 4
    end = ["--quiet", "--epochs", str(held + 2)]                        # after wherever the kill hit it
    assert cli.main([*line, *end, "--out", "killed", "--resume"]) == 0
    assert cli.main([*line, *end, "--out", "whole"]) == 0
    assert record("killed") == record("whole")
    with np.load("killed/checkpoint.npz") as killed, np.load("whole/checkpoint.npz") as whole:
        assert killed.files == whole.files
        for key in set(whole.files) - {"meta"}:                         # which holds times
            assert killed[key].tobytes() == whole[key].tobytes(), key


@pytest.mark.usefixtures("no_figures")
def test_a_run_out_of_memory_is_one_line_and_goes_on_from_its_checkpoint(tmp_path, capsys):
    """In a worker, in the second epoch, until a file is there that says that other programs were closed."""
    (tmp_path / "hungry.py").write_text(MY_RULE.replace("        if self.strength == 0:\n", """
        import os, numpy
        self.sent = getattr(self, "sent", 0) + (error.dtype == numpy.float32 and layer.name == "fc4")
        if self.sent == 12 and not os.path.exists("closed"):
            numpy.empty(2**50)
        if self.strength == 0:
""").replace("MyRule", "Hungry"))
    line = ["train", "--rule", "hungry.py:Hungry", "--batch-size", "150", "--epochs", "3", "--quiet"]
    assert cli.main([*line, "--out", "run"]) == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and told[0].startswith("feedbackalign: error: out of memory: Unable to allocate 8")
    assert told[0].endswith("; the same line with --resume goes on")
    assert [row["epoch"] for row in record("run")] == [0, 1]
    (tmp_path / "closed").write_text("")
    assert cli.main([*line, "--out", "run", "--resume"]) == 0
    assert cli.main([*line, "--out", "whole"]) == 0
    assert record("run") == record("whole")


@pytest.mark.skipif(os.name == "nt", reason="process groups are POSIX")
def test_ctrl_c_ends_command_and_worker_without_a_traceback(tmp_path):
    # A suite that a shell started in the background ignores SIGINT, and so would its children: hence preexec_fn.
    process = subprocess.Popen([*COMMAND, "train", "--rule", "bp", "--epochs", "100000", "--out", "run"],
                               stderr=subprocess.PIPE, text=True, start_new_session=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    process.stderr.readline()
    os.killpg(process.pid, signal.SIGINT)                               # as a terminal does: to all of them
    _, rest = process.communicate()
    assert process.returncode == 130
    assert rest.splitlines()[-1] == "feedbackalign: error: interrupted; the same line with --resume goes on"
    assert "Traceback" not in rest
    lock_folder(tmp_path / "run").close()                               # no process holds it any longer


@pytest.mark.parametrize("command, told", [
    ("compare", "interrupted; the same line with --resume goes on"), ("check", "interrupted"),
    ("figure", "interrupted; the same line with --resume goes on")])
def test_ctrl_c_says_whether_the_same_line_goes_on(command, told, monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt
    monkeypatch.setitem(cli.COMMANDS, command, interrupted)
    assert cli.main([command] + ["depth"] * (command == "figure")) == 130
    assert capsys.readouterr().err == f"feedbackalign: error: {told}\n"


# ------------------------------------------------------------------------------------------- plot, trace, check, rules

def test_plot_draws_again_from_either_record(compared, tmp_path, capsys):
    rows = summary(compared[0])["rows"][-2:]                            # of one rule
    (tmp_path / "compared").mkdir()
    (tmp_path / "compared" / "summary.json").write_text(json.dumps({"rows": rows}))
    assert cli.main(["plot", "compared", "--out", "slides", "--animate"]) == 0
    table, written = capsys.readouterr().out.rsplit("\n\n", 1)
    assert "pfa-o" in table and "After 1 epoch" in table
    written = written.splitlines()
    assert len(written) == 4 and all(os.path.getsize(path) > 0 for path in written)
    assert written[-1] == os.path.join("slides", "gradient_angles.gif")
    (tmp_path / "record.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert cli.main(["plot", ".", "--size", "12x7.2", "--theme", "dark"]) == 0
    paths = capsys.readouterr().out.splitlines()[-3:]
    drawn = {path: matplotlib.image.imread(path) for path in paths}[paths[0]]
    assert drawn.shape[:2] == (288, 480) and drawn[0, 0, :3].max() < 0.2
    assert cli.main(["plot", ".", "--table", "csv", "--out", "none"]) == 0
    printed = capsys.readouterr()
    assert [line.split(",")[0] for line in printed.out.splitlines()] == ["rule", "pfa-o"]
    assert printed.err == "" and os.listdir("none") == []                # nothing is drawn over what is there


@pytest.mark.slow
@pytest.mark.parametrize("line", ["compare --rules np --seeds 1", "train --rule np"])
def test_plot_writes_a_page_with_the_line_that_made_the_record(line, capsys):
    assert cli.main([*line.split(), *"--epochs 1 --hidden 8 --out run --quiet".split()]) == 0
    capsys.readouterr()
    assert cli.main(["plot", "run", "--page"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == os.path.join("run", "page.html")
    text = Path("run", "page.html").read_text(encoding="utf-8")
    assert f"<dd>feedbackalign {line} --epochs 1 --hidden 8 --out run --quiet</dd>" in text
    assert f"<dd>feedbackalign {__version__} numpy {np.__version__}" in text
    Path("rows.jsonl").write_text(json.dumps({"rule": "np", "seed": 0, "epoch": 0, "test_loss": 1.0}) + "\n")
    assert cli.main(["plot", "rows.jsonl", "--page"]) == 0          # of which no line is known
    assert "<dt>command" not in Path("page.html").read_text(encoding="utf-8")


def test_figure_measures_draws_and_keeps_the_rows(monkeypatch, capsys):
    _, draw_rows = figures.EXPERIMENTS["nudge_bias"]
    monkeypatch.setitem(figures.EXPERIMENTS, "nudge_bias", (lambda: figures.nudge_bias_rows([1e-3, 1e-2]), draw_rows))
    assert cli.main(["figure", "nudge_bias", "--out", "slides", "--format", "png,svg"]) == 0
    assert sorted(os.listdir("slides")) == ["nudge_bias.json", "nudge_bias.png", "nudge_bias.svg"]
    with open("slides/nudge_bias.json", encoding="utf-8") as file:
        assert json.load(file)["rows"] == figures.nudge_bias_rows([1e-3, 1e-2])
    assert "nudge_bias.json, nudge_bias (png, svg)" in capsys.readouterr().out


def test_a_figure_says_which_run_it_is_at(monkeypatch, capsys):
    def measure(*, progress=None):
        rows = [{"rule": rule, "seed": 0, "epoch": epoch} for rule in ("dtp", "gnt") for epoch in (0, 1)]
        for row in rows if progress else ():
            progress(row)
        return rows
    monkeypatch.setitem(figures.EXPERIMENTS, "null_space", (measure, lambda rows: style.new_figure("empty")))
    assert cli.main(["figure", "null_space"]) == 0
    assert [line.split("  (")[0] for line in capsys.readouterr().err.splitlines()] == ["rule dtp  seed 0",
                                                                                      "rule gnt  seed 0"]
    assert cli.main(["figure", "null_space", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def small_runs(scale):
    return [Planned(Run(rule, seed=seed, epochs=1, hidden=(8,) * layers, batch_size=300), {"hidden_layers": layers})
            for layers in (1, 2) for rule in ("bp", "fa") for seed in (0, 1)]


def test_a_figure_that_trains_keeps_its_runs_its_settings_and_its_rows(monkeypatch, capsys):
    monkeypatch.setitem(figures.TRAINED, "depth", (small_runs, figures.depth))
    line = ["figure", "depth", "--out", "slides", "--jobs", "2"]
    assert cli.main(line) == 0
    assert sorted(os.listdir("slides")) == [HIDDEN, "depth.json", "depth.png"]
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 8 and "fa, hidden layers 2 seed 1  epoch 1/1" in printed.err
    assert "8 of 8 runs done" in printed.err
    assert "test accuracy %, hidden layers" in printed.out
    assert "feedbackalign figure depth --scale quick   ·   seeds 0, 1   ·" in printed.out
    with open("slides/depth.json", encoding="utf-8") as file:
        written = json.load(file)
    assert [(row["hidden_layers"], row["rule"], row["seed"], row["epoch"]) for row in written["rows"]] == [
        (each.labels["hidden_layers"], each.run.rule, each.run.seed, epoch)
        for each in small_runs("") for epoch in (0, 1)]
    told = written["settings"]
    assert (told["figure"], told["scale"], told["rule"], told["seed"]) == ("depth", "quick", ["bp", "fa"], [0, 1])
    assert told["hidden"] == [[8], [8, 8]] and told["batch_size"] == 300 and "numpy" in written["versions"]

    os.remove(sorted(Path("slides", HIDDEN).glob("*.json"))[0])
    assert cli.main([*line, "--resume", "--quiet"]) == 0
    with open("slides/depth.json", encoding="utf-8") as file:
        assert timeless(json.load(file)["rows"]) == timeless(written["rows"])
    assert cli.main([*line, "--resume"]) == 0
    assert capsys.readouterr().err.splitlines() == ["8 of 8 runs were finished before"]


def test_a_figure_of_failed_runs_says_so(monkeypatch, capsys):
    def planned_runs(scale):
        return [Planned(Run("fa", lr=lr, epochs=1, hidden=(8,)), {"hidden_layers": 1}) for lr in (0.01, 1e9)]
    monkeypatch.setitem(figures.TRAINED, "depth", (planned_runs, figures.depth))
    assert cli.main(["figure", "depth", "--jobs", "1"]) == 1
    assert "1 of 2 runs failed; fa, hidden layers 1 seed 0: fa: the loss became" in capsys.readouterr().err
    assert os.path.exists("depth.png")


def test_a_figure_takes_its_files_from_the_folder_that_is_named(monkeypatch, capsys):
    monkeypatch.setitem(figures.TRAINED, "mlp", (lambda scale: [Planned(Run("bp", data="mnist"), {})], figures.mlp))
    assert cli.main(["figure", "mlp", "--data-dir", "nothing"]) == 1
    assert "nothing: no such folder" in capsys.readouterr().err
    assert not os.path.exists(HIDDEN)


@pytest.mark.slow
def test_rules_that_settle_are_compared_like_all_others(capsys):
    line = "compare --model settling --rules bp,ep,hep-homeo,pfa --seeds 1 --epochs 1 --hidden 8 --quiet --out run"
    assert cli.main([*line.split(), "--nudged-steps", "5", "--free-steps", "10", "--batch-size", "300"]) == 0
    rows = summary("run")["rows"]
    assert {row["rule"]: row["reference"] for row in rows} == {
        "bp": "backprop", "ep": "implicit", "hep-homeo": "recurrent-backprop", "pfa": "backprop"}
    assert {(row["rule"], row["activation"]) for row in rows} == {
        ("bp", "soft-clip"), ("pfa", "soft-clip"), ("ep", "soft-clip"), ("hep-homeo", "dsilu")}
    for row in rows:
        assert row["init"] == "xavier-uniform" and None not in row["update_angle"].values()
        assert (row["backprop_angle"] is None) == (row["rule"] in ("ep", "hep-homeo"))
    assert "own reference: what the rule claims to approach, backprop, implicit, recurrent-backprop" in \
        capsys.readouterr().out
    assert {"gradient_angles.png", "gradient_angles-implicit.png", "gradient_angles-recurrent-backprop.png"} <= \
        set(os.listdir("run"))


@pytest.mark.parametrize("rule", ["ep", "ep-vf", "hep", "hep-homeo"])
def test_trace_of_a_rule_that_settles_gives_phases_and_angles(rule, capsys):
    assert cli.main(["trace", "--rule", rule, "--model", "settling", "--batch", "8", "--steps", "1"]) == 0
    text = capsys.readouterr().out
    assert "phase free" in text and "phase nudged" in text and "residual" in text
    assert re.search(r"fc1.weight +update at [\d.]+° to (implicit|recurrent-backprop)'s", text)


def test_trace_shows_routes_in_the_rules_own_symbols(capsys):
    assert cli.main(["trace", "--rule", "pfa"]) == 0
    text = capsys.readouterr().out
    assert "(64,10) @ B (10,100) @ R (100,64)" in text and "feeds no layer" in text
    assert [line.split()[0] for line in text.splitlines() if line.startswith("fc")] == ["fc4", "fc3", "fc2", "fc1"]
    assert cli.main(["trace", "--rule", "pfa", "--route", "closed-form", "--steps", "3", "--batch", "16"]) == 0
    assert "closed form" in capsys.readouterr().out


@pytest.mark.parametrize("rule, learns_before", [("ddtp-linear", True), ("dfc-ssa", True), ("gnt", False),
                                                 ("fa", False)])
def test_trace_says_what_was_not_learnt_yet(rule, learns_before, capsys):
    line = ["trace", "--rule", rule, "--batch", "8", "--hidden", "8"]
    assert cli.main(line) == 0
    text = capsys.readouterr().out
    assert ("not even what this rule learns before training" in text) == learns_before and "None" not in text
    if learns_before:
        assert cli.main([*line, "--steps", "1", "--pretraining", "2"]) == 0
        assert "learns before training" not in capsys.readouterr().out


def test_trace_after_steps_sees_the_same_weights_as_training():
    run, = sweep.plan(["wm"], seeds=[2], hidden=(8,), batch_size=100)
    steps_an_epoch = 12                                                 # 1197 training samples
    traced, _ = inspection.trained_for(run, steps_an_epoch + 3)
    rule, data, optimizer, stream = run.build()

    class Enough(Exception):
        pass

    def progress(news):
        if "steps" in news and (news["epoch"], news["step"]) == (2, 3):
            raise Enough
    with pytest.raises(Enough):
        training.train(rule, data, optimizer, epochs=2, batch_size=100, rng=stream, progress=progress,
                       lr_at=run.lr_at(rule, len(data.train)), decay_at=run.decay_at(rule))
    for name, array in {**rule.network.parameters(), **rule.plastic()}.items():
        assert np.array_equal(array, {**traced.network.parameters(), **traced.plastic()}[name]), name


@pytest.mark.parametrize("rule", ["wp", "np"])
def test_trace_of_a_rule_that_sends_no_error_gives_update_angles(rule, capsys):
    assert cli.main(["trace", "--rule", rule]) == 0
    assert "fc1.weight" in capsys.readouterr().out


@pytest.mark.parametrize("passed, status", [(True, 0), (False, 1)])
def test_check_prints_every_line_and_counts_failures(passed, status, capsys, monkeypatch):
    asked = {}

    def run(rules=None, seed=0, on_error=None):
        asked.update(rules=rules, seed=seed)
        yield {"what": "first", "value": 1e-9, "tolerance": 1e-6, "passed": True}
        yield {"what": "second", "value": 1.0, "tolerance": 1e-6, "passed": passed}
    monkeypatch.setattr(check, "run", run)
    assert cli.main(["check", "--rules", "fa,kp", "--seed", "7"]) == status
    lines = capsys.readouterr().out.splitlines()
    assert asked == {"rules": ["fa", "kp"], "seed": 7}
    assert "first" in lines[0] and lines[1].startswith("ok" if passed else "FAILED")
    assert lines[2] == f"{2 if passed else 1} of 2 checks passed"


def test_check_for_real():
    assert cli.main(["check", "--rules", "fa"]) == 0


def test_rules_lists_every_rule_of_the_table(capsys):
    assert cli.main(["rules"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert listed == list(rules.TABLE)


# ---------------------------------------------------------------------------------------------------- help and errors

def test_help_and_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"feedbackalign {__version__}"
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in cli.COMMANDS)
    assert cli.main([]) == 2


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_has_help_with_examples_that_can_be_read(command, capsys, tmp_path):
    assert cli.main([command, "--help"]) == 0
    assert f"examples:\n  feedbackalign {command}" in capsys.readouterr().out
    (tmp_path / "my_rule.py").write_text(MY_RULE)
    examples = arguments.EXAMPLES[command].strip().splitlines()
    for example in examples:
        words = example.split("     ")[0].split()
        assert words[0] == "feedbackalign"
        assert arguments.parse(words[1:]).command == command


def test_help_explains_the_options_of_the_rules_on_the_line(capsys):
    assert cli.main(["train", "--help"]) == 0
    assert "--expansion" not in capsys.readouterr().out
    assert cli.main(["compare", "--rules", "pfa,wm", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "--expansion X pfa (default 10): int of at least 1" in told and "--mirror-rate X wm (default 0.02)" in told
    assert "--free-steps" not in told


@pytest.mark.parametrize("command", ["compare", "train", "trace"])
def test_every_option_of_every_rule_is_a_flag(command):
    _, commands = arguments.build_parser()
    flags = {option for action in commands[command]._actions for option in action.option_strings}
    for rule in rules.TABLE:
        assert {"--" + option.replace("_", "-") for option in rules.options_of(rule)} <= flags


def test_an_option_can_be_none():
    given = arguments.parse("train --rule relpsp --model spiking --silent-push None --slope-floor 0.1".split())
    assert arguments.options_of(given) == {"silent_push": None, "slope_floor": 0.1}


BAD_WORDS = [
    ("comapre", "did you mean 'compare'"),
    ("compare --rules bp,pfo", "did you mean 'pfa"),
    ("compare --rules ,", "something between the commas"),
    ("compare --rules bp,,fa", "--rules: expected something between the commas, got 'bp,,fa'"),
    ("check --rules bp,,fa", "--rules: expected something between the commas, got 'bp,,fa'"),
    ("compare --seeds 1,,2", "--seeds: expected something between the commas, got '1,,2'"),
    ("compare --rules bp --rules bp", "bp twice"),
    ("compare --rules pfa:expansion=2,pfa:expansion=x", "expansion"),
    ("compare --rules pfa:expnsion=2", "did you mean 'expansion'"),
    ("compare --lr 0.1,x", "expected a finite number, got 'x'"),
    ("compare --batch-size 32,1.5", "expected an integer, got '1.5'"),
    ("compare --epochs 1234567890123456789", "expected an integer of at most 18 digits, got '1234567890123456789'"),
    ("train --rule bp --lr 0.1,0.2", "expected a finite number, one alone: lists are for compare, got '0.1,0.2'"),
    ("train --rule bp --batch-size 16,32", "lists are for compare"),
    ("trace --rule bp --lr 0.1,0.2", "lists are for compare"),
    ("compare --model mpl", "did you mean 'mlp'"),
    ("compare --data digit", "did you mean 'digits'"),
    ("compare --optimizer sdg", "did you mean 'sgd'"),
    ("compare --activation rely", "did you mean 'relu'"),
    ("compare --init kaiming", "kaiming-uniform"),
    ("compare --decay author", "did you mean 'authors'"),
    ("compare --decay -1", "decay: expected"),
    ("compare --epochs -3", "epochs: expected an integer of at least 0 and at most 1000000, got -3"),
    ("compare --epochs many", "--epochs"),
    ("compare --batch-size 0", "batch size"),
    ("compare --batch-size 100000", "at most 1197"),
    ("compare --lr 0", "lr: expected"),
    ("compare --lr nan", "--lr: expected a finite number, got 'nan'"),
    ("compare --momentum 1", "momentum"),
    ("compare --hidden 0", "hidden units"),
    ("compare --hidden 8,x", "--hidden"),
    ("compare --lr-milestones 0", "milestone"),
    ("compare --seeds 0", "seeds"),
    ("compare --seeds -1,2", "seed"),
    ("compare --seeds 1,1", "every seed once"),
    ("compare --seeds ,", "something between the commas"),
    ("compare --seeds 123456789", "at most 10000"),
    ("compare --jobs 0", "jobs"),
    ("compare --threads 0", "threads"),
    ("-x", "unknown argument '-x': expected a command first"),
    ("--quiet", "unknown argument '--quiet': expected a command first"),
    ("compare --decay None", "unknown decay preset 'None'"),
    ("compare --hidden 1000001", "at most 1000000"),
    ("compare --format gif", "png, svg, pdf"),
    ("compare --data-dir here", "data_dir"),
    ("compare --rules bp,ep", "rule ep on model mlp: relu1 cannot settle"),
    ("compare --rules bp,dfc-ssa --model digits-conv", "rule dfc-ssa on model digits-conv: conv1 cannot be taken"),
    ("train --rule dfc --dt 0.5", "dt: expected a step no longer than the time constant tau = 0.2, got 0.5"),
    ("compare --rules ep,bp", "--model settling"),
    ("train --rule hep", "--model settling"),
    ("compare --model settling --rules bp,ep --activation relu", "relu1 cannot settle"),
    ("compare --model settling --rules ep --beta 0", "beta: expected a nudge other than 0"),
    ("compare --rules pfa --density 2", "density: expected a finite number in (0, 1], got 2.0"),
    ("compare --rules pfa --density some", "density"),
    ("compare --rules pfa --expansion 0", "expansion"),
    ("compare --rules bp --expansion 3", "none of the rules bp takes it"),
    ("compare --sgima 3", "did you mean --sigma?"),
    ("compare --rules nothing.py:Rule", "no such file"),
    ("compare --rules my_rule.py", "FILE.py:CLASS"),
    ("compare --rules my_rule.py:Other", "'Other'"),
    ("compare --hidden ,", "--hidden: expected something between the commas, got ','"),
    ("compare --lr ,", "--lr: expected something between the commas, got ','"),
    ("compare --rules ''", "expected something between the commas, got ''"),
    ("check --rules ''", "expected something between the commas, got ''"),
    ("compare --activation ''", "unknown activation ''"),
    ("compare --model autoencoder --hidden ''", "expected something between the commas, got ''"),
    *[(f"{command} --out ''", "--out: expected the name of a folder, got ''")
      for command in ("compare", "train --rule bp", "plot my_rule.py", "figure decay")],
    ("compare --data fashion --data-dir ''", "--data-dir: expected the name of a folder, got ''"),
    ("lessons --to ''", "--to: expected the name of a folder, got ''"),
    ("train", "--rule"),
    ("train --rule pfo", "did you mean 'pfa"),
    ("train --rule bp --seed -1", "seed"),
    ("train --rule bp --checkpoint-every 0", "checkpoint-every"),
    ("train --rule bp --threads -2", "threads"),
    ("trace --rule pfa --route direct", "two-hop"),
    ("trace --rule pfa --steps -1", "steps"),
    ("trace --rule pfa --batch 5000", "batch size"),
    ("trace --rule bp --epochs 3", "--epochs"),
    ("plot", "FOLDER_OR_FILE"),
    ("plot my_rule.py --table excel", "csv, markdown, latex"),
    ("plot my_rule.py --size 8", "expected WIDTHxHEIGHT in inches"),
    ("compare --animate", "unknown argument '--animate'"),
    ("compare --size 0x4", "from 1 to 100, got '0x4'"),
    ("train --rule bp --theme drak", "expected one of light, dark, got 'drak'"),
    ("figure", "NAME"),
    ("figure nudge-bias", "did you mean 'nudge_bias'"),
    ("figure nudge_bias --format gif", "png, svg, pdf"),
    ("figure depth --scale large", "unknown scale 'large'"),
    ("figure expansion --scale paper", "it has one size"),
    ("figure homeostasis --data-dir nothing", "it has one size"),
    ("figure depth --data-dir nothing", "reads no folder"),
    ("figure depth --jobs 0", "jobs"),
    ("figure depth --threads 0", "threads"),
    ("check --rules pfo", "did you mean 'pfa"),
    ("check --seed -1", "seed"),
    ("rules fa", "unknown argument 'fa'"),
]


@pytest.mark.parametrize("words, told", BAD_WORDS)
def test_bad_words_are_refused_in_one_line_with_status_2_before_any_work(words, told, capsys, tmp_path):
    (tmp_path / "my_rule.py").write_text(MY_RULE)
    assert cli.main(shlex.split(words)) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert printed.err.startswith("feedbackalign: error: ") and told in printed.err
    assert [path.name for path in tmp_path.iterdir() if path.name != "__pycache__"] == ["my_rule.py"]


def test_a_bad_number_of_threads_is_refused_like_a_bad_word(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("FEEDBACKALIGN_THREADS", "many")
    assert cli.main(["train", "--rule", "bp", "--out", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err == ("feedbackalign: error: FEEDBACKALIGN_THREADS: expected a number of threads from "
                                       "1 to 256, got 'many'\n")
    assert not (tmp_path / "run").exists()


BAD_FILES = [
    ("compare --out file", "output folder file: cannot be written to"),
    ("train --rule bp --out file/below", "cannot be written to"),
    ("plot file --out file", "cannot be written to"),
    ("figure nudge_bias --out file", "cannot be written to"),
    ("plot nothing", "expected a summary.json or a record.jsonl"),
    ("plot .", "expected a summary.json or a record.jsonl"),
    ("plot file", "file: expected the rows"),
    ("plot broken.json", "broken.json: expected the rows"),
    ("plot bytes", "bytes: expected the rows"),
    ("compare --data mnist", "data_dir"),
    ("compare --data mnist --data-dir nothing", "nothing: no such folder"),
    ("compare --data mnist --data-dir .", "train-images"),
    ("compare --rules raises.py:Rule", "raises.py, line 1: ZeroDivisionError while it was imported"),
    ("train --rule pfa --optimizer adam --route closed-form", "the closed form is not exact here"),
]


@pytest.mark.parametrize("words, told", BAD_FILES)
def test_files_and_runs_that_fail_are_told_in_one_line_with_status_1(words, told, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "broken.json").write_text('{"settings": {}, "rows": 3}')
    (tmp_path / "bytes").write_bytes(bytes(range(256)))
    (tmp_path / "raises.py").write_text("1 / 0")
    assert cli.main([*words.split(), *(["--quiet"] if words.startswith("train") else [])]) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert printed.err.startswith("feedbackalign: error: ") and told in printed.err


@pytest.mark.parametrize("error, told", [
    (MemoryError(), "out of memory: smaller layers"), (KeyError("x"), "KeyError: 'x'"), (ValueError(), "ValueError: "),
    (RuntimeError("two\nlines"), "two lines"),
    (FileNotFoundError(2, "No such file", "mine.npz"), "mine.npz: No such file\n"), (OSError(28, "Full"), "Full\n"),
    (np.linalg.LinAlgError("Singular matrix"), "a linear system has no solution"),
    (FloatingPointError("the free phase"), "the free phase")])
def test_whatever_happens_is_one_line_and_debug_shows_the_rest(error, told, capsys, monkeypatch):
    def fail(arguments):
        raise error
    monkeypatch.setitem(cli.COMMANDS, "rules", fail)
    assert cli.main(["rules"]) == 1
    assert capsys.readouterr().err.startswith(f"feedbackalign: error: {told}")
    assert cli.main(["rules", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_ends_it_quietly():
    process = subprocess.Popen([*COMMAND, "rules"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()                                              # before the first word: `| true`
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


def test_words_that_a_terminal_cannot_show_do_not_end_it():
    done = subprocess.run([*COMMAND, "rules"], capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0 and b"N?kland" in done.stdout
