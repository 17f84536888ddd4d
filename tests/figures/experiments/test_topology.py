"""The figure of persistence between its bounds: what is measured, what is drawn of it, and the table."""

import importlib

import numpy as np
import pytest

from feedbackalign import cli, figures, persistence
from feedbackalign.cli.figure_tables import topology_table

subject = importlib.import_module("feedbackalign.figures.experiments.topology")


def rows(seeds=2, epochs=3):
    """Made up by formula."""
    made = []
    for rule, more in (("bp", 0.0), ("fa", 0.05)):
        for seed in range(seeds):
            for epoch in range(epochs + 1):
                np_ = 0.3 + 0.05 * epoch + more + 0.01 * seed
                layer = {"np": np_, "low": np_ - 0.1, "high": np_ + 0.2, "position": 0.1 + more}
                made.append({"rule": rule, "seed": seed, "model": "mlp", "data": "digits", "decay": 1e-4,
                             "epoch": epoch, "test_accuracy": 0.5 + 0.1 * epoch, "np": np_, "dgp": 0.2 + 0.1 * seed,
                             "variance": 0.02, "layers": {"fc1": layer, "fc2": layer},
                             "matched": {"np": 0.3, "dgp": 0.2, "position": {"fc1": 0.1, "fc2": 0.1 + more * seed}}})
    return made


def test_a_panel_for_every_layer_and_rule_with_the_mean_in_its_band():
    figure = subject.topology(rows())
    assert [axes.get_title() for axes in figure.axes] == ["bp, fc2", "fa, fc2", "bp, fc1", "fa, fc1"]
    for axes, end in zip(figure.axes, (0.455, 0.505) * 2):
        (line,) = axes.lines
        np.testing.assert_allclose(line.get_ydata()[-1], end)
        band = axes.collections[0].get_paths()[0].vertices[:, 1]
        np.testing.assert_allclose([band.min(), band.max()], [line.get_ydata()[0] - 0.1, end + 0.2])


def test_rows_without_layers_and_no_rows_are_refused():
    for nothing in ([], [{"rule": "bp", "seed": 0, "epoch": 0}]):
        with pytest.raises(figures.NothingToShow, match="at least one row|persistence of a layer"):
            subject.topology(nothing)


def test_measuring_gives_what_persistence_says_of_the_weights(monkeypatch):
    kept, original = [], subject._look
    monkeypatch.setattr(subject, "_look", lambda *given: kept.append(given) or original(*given))
    measured = subject.topology_rows(seeds=[4], epochs=1, rules=("bp", "fa"), hidden=(8,), batch_size=200)
    assert [(row["rule"], row["seed"], row["epoch"]) for row in measured] == [
        ("bp", 4, 0), ("bp", 4, 1), ("fa", 4, 0), ("fa", 4, 1)]
    assert measured[0]["layers"] == measured[2]["layers"]                               # one start
    for row, (_, weights, others) in zip(measured, kept):
        weights, others = list(weights.values()), list(others.values())
        assert row["np"] == persistence.network_persistence(weights)[0]
        assert row["dgp"] == persistence.deep_graph_persistence(weights)
        assert [layer["np"] for layer in row["layers"].values()] == [persistence.neural_persistence(W) for W in weights]
        matched = [subject.in_order_of(W, other) for W, other in zip(weights, others)]
        for W, replaced, other in zip(weights, matched, others):
            assert (np.sort(replaced, axis=None) == np.sort(other, axis=None)).all()
            assert (np.diff(replaced.ravel()[np.argsort(W, axis=None)]) >= 0).all()
        assert row["matched"]["np"] == persistence.network_persistence(matched)[0]
        assert row["matched"]["dgp"] == persistence.deep_graph_persistence(matched)
    for row in measured[:2]:                                                            # by itself a rule stays itself
        assert row["matched"]["np"] == row["np"] and row["matched"]["dgp"] == row["dgp"]


def test_the_table_has_means_deviations_and_stars():
    text = topology_table(rows())
    lines = {line.split()[0]: line for line in text.splitlines() if line.startswith(("bp", "fa"))}
    assert "0.455 ± 0.007" in text and "*" not in topology_table(rows()[:8])
    assert "0.505 ± 0.007*" in text and "0.250 ± 0.071" in text and "0.125 ± 0.035" in text
    assert lines.keys() == {"bp", "fa"}


def test_the_command_prints_the_table(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(figures.EXPERIMENTS, "topology", (rows, subject.topology))
    assert cli.main(["figure", "topology", "--out", str(tmp_path)]) == 0
    assert topology_table(rows()) in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"topology.json", "topology.png"}
