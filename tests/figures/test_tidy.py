"""A record as one number a line: all of them, each once, with what tells its run from the others."""

import csv
import io
import json

import feedbackalign as fa
from tests.figures.test_tables import grid


def test_every_number_is_a_line_with_the_settings_that_differ():
    rows = fa.compare("bp,pfa:expansion=2,pfa", seeds=2, epochs=1, hidden=(4,), lr=[0.01, 0.1], persistence=True)
    lines = fa.tidy(rows)
    assert {tuple(line) for line in lines} == {
        ("rule", "seed", "epoch", "lr", "expansion", "layer", "measure", "value")}
    assert len({tuple(line.values())[:-1] for line in lines}) == len(lines)             # each once
    found = {(line["rule"], line["seed"], line["epoch"], line["lr"], line["expansion"], line["layer"], line["measure"]):
             line["value"] for line in lines}
    for row in rows:
        options = row["settings"]["options"]
        run = row["rule"], row["seed"], row["epoch"], row["settings"]["lr"], options.get("expansion")
        assert found[(*run, None, "test_accuracy")] == row["test_accuracy"]
        assert found[(*run, "fc1", "update_angle")] == row["update_angle"]["fc1.weight"]
        assert found[(*run, "fc1.bias", "update_angle")] == row["update_angle"]["fc1.bias"]
        assert found[(*run, "fc2", "norm_ratio")] == row["norm_ratio"]["fc2"]
        assert found[(*run, "fc1", "persistence.np")] == row["persistence"]["layers"]["fc1"]["np"]
        assert found[(*run, None, "persistence.np")] == row["persistence"]["np"]
    assert all(type(line["value"]) in (int, float) for line in lines)


def test_the_lines_survive_the_ways_to_pandas_and_r():
    lines = fa.tidy(grid())
    assert json.loads(json.dumps(lines)) == lines
    file = io.StringIO()
    writer = csv.DictWriter(file, lines[0])
    writer.writerows(lines)                                                 # it refuses a line with other keys
    assert len(file.getvalue().splitlines()) == len(lines)


def test_a_run_that_failed_has_a_line():
    assert [line for line in fa.tidy(grid()) if line["measure"] == "failed"] == [
        {"rule": "np", "seed": 0, "epoch": 1, "lr": None, "layer": None, "measure": "failed", "value": 1}]
