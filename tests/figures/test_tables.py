"""The table of a comparison: means, aligned, narrow enough, honest about what is 0, undefined or not settled."""

import csv
import io

import pytest

from feedbackalign import figures
from feedbackalign.figures import tables



def row(rule, seed=0, epoch=1, angle=60.0, layers=("fc1", "fc2"), **more):
    angles = {f"{name}.{part}": angle if name != layers[-1] else 0.0 for name in layers for part in ("weight", "bias")}
    return {"rule": rule, "seed": seed, "epoch": epoch, "test_accuracy": 0.9, "test_loss": 0.3, "reference": "backprop",
            "update_angle": angles, "backprop_angle": angles, "weight_angle": dict.fromkeys(layers, angle),
            "norm_ratio": dict.fromkeys(layers, 0.9), "seconds_per_step": 0.001, **more}


def cells(table, rule):
    """A rule's row; of several tables one below the other, all its rows in one."""
    return [cell for line in table.splitlines() if line.startswith(f"{rule} ") for cell in line.split()]


def test_numbers_are_means_over_seeds():
    rows = [row("fa", seed, epoch, angle=angle, test_accuracy=accuracy)
            for seed, epoch, angle, accuracy in [(0, 0, 90.0, 0.1), (0, 1, 50.0, 0.8),
                                                 (1, 0, 90.0, 0.1), (1, 1, 60.0, 0.9)]]
    table = tables.comparison_table(rows)
    assert cells(table, "fa") == ["fa", "85.0", "±", "7.1", "55.0", "0*", "55.0", "55.0", "0.90", "0.90", "1.00"]
    assert "0*  below 1e-6 degrees in every epoch and seed" in table and "mean over 2 seeds" in table
    assert "last" not in table                                              # there is but one trained epoch


@pytest.mark.parametrize("epochs, averaged", [(2, [1, 2]), (5, [1, 2, 3, 4, 5]), (9, [5, 6, 7, 8, 9])])
def test_angles_and_norm_ratios_are_means_over_the_last_five_epochs_too(epochs, averaged):
    rows = [row("fa", seed, epoch, angle=float(epoch**2 + seed), norm_ratio={"fc1": 1.0, "fc2": epoch + seed / 2},
                test_accuracy=0.5 + epoch / 100)
            for epoch in range(epochs, -1, -1) for seed in (0, 1)]          # in any order
    table = tables.comparison_table(rows)
    angle = sum(epoch**2 for epoch in averaged) / len(averaged) + 0.5
    ratio = sum(averaged) / len(averaged) + 0.25
    assert cells(table, "fa") == ["fa", f"{50 + epochs:.1f}", "±", "0.0", f"{angle:.1f}", "0*", f"{angle:.1f}",
                                  f"{angle:.1f}", "1.00", f"{ratio:.2f}", "1.00"]
    over = f"the {epochs}" if epochs <= 5 else "the last 5"                 # a mean over the whole of training says so
    assert f"angles and norm ratios also over {over} epochs." in table


def test_a_seed_weighs_as_much_as_another_whatever_it_does_not_know():
    rows = [row("fa", seed, epoch, angle=10.0 + 20.0 * seed) for seed in (0, 1) for epoch in (1, 2, 3)]
    for each in rows[:2]:
        each.update(backprop_angle=None)
    assert cells(tables.comparison_table(rows), "fa")[4] == "20.0"


def test_a_record_without_a_trained_epoch_shows_the_start():
    table = tables.comparison_table([row("fa", epoch=0, angle=90.0)])
    assert cells(table, "fa")[2] == "90.0" and "After 0 epochs" in table


def test_a_norm_ratio_of_nothing_is_no_angle():
    assert cells(tables.comparison_table([row("fa", norm_ratio={"fc1": 0.0, "fc2": 1.0})]), "fa")[6] == "0.00"


def test_an_angle_that_only_ends_at_zero_has_no_star():
    rows = [row("fa", epoch=0, angle=90.0), row("fa", epoch=1, angle=0.0)]
    assert cells(tables.comparison_table(rows), "fa")[2] == "0.0"


def test_what_is_undefined_is_a_dash():
    rows = [row("dfa", weight_angle={}, norm_ratio={}), row("fa"), row("ep", backprop_angle=None, reference="implicit"),
            row("zero", update_angle={"fc1.weight": None, "fc2.weight": None}, seconds_per_step=None)]
    table = tables.comparison_table(rows)
    assert cells(table, "dfa").count("-") == 4
    assert "implicit" in cells(table, "ep") and cells(table, "ep").count("-") == 2
    assert cells(table, "zero")[-1] == "-"
    assert "own reference" in table and "backprop, implicit" in table


def test_rules_without_an_angle_to_backprop_leave_its_columns_out():
    table = tables.comparison_table([row("ep", seed, backprop_angle=None, reference=reference)
                                     for seed, reference in enumerate(["implicit", "implicit (not settled)"])])
    assert "angle to backprop" not in table and "angle to own reference" in table
    assert "implicit, implicit (not settled)" in table


def test_no_feedback_weights_at_all_leave_their_columns_out():
    table = tables.comparison_table([row("dfa", weight_angle={}, norm_ratio={})])
    assert "norm ratio" not in table and "fc1'" not in table


def test_regression_shows_the_loss_and_factors_are_shown():
    table = tables.comparison_table([row("wp", test_accuracy=None, learning_rate_factor=0.01)])
    assert "test loss" in table and "0.3000" in table
    assert "lr x" in table and cells(table, "wp")[-1] == "0.01"


@pytest.mark.parametrize("count", [1, 4, 5, tables.MANY])
def test_lines_are_at_most_120_columns_and_aligned(count):
    layers = [f"layer{k}" for k in range(count)]
    table = tables.comparison_table([row("a-long-rule-name", layers=layers), row("bp", angle=0.0, layers=layers)])
    assert max(map(len, table.splitlines())) <= tables.WIDTH
    blocks = [block.splitlines() for block in table.split("\n\n")[:-1]]
    for block in blocks:
        ends = {len(line) for line in block[-3:]}
        assert len(ends) == 1, block
    named = " ".join(line for block in blocks for line in block if line.startswith("rule")).split()
    assert all(named.count(layer) + named.count(layer + "'") == 3 for layer in layers)


def test_a_group_of_columns_is_not_torn_where_it_fits_into_a_table():
    layers = [f"conv{k}" for k in range(6)]
    table = tables.comparison_table([row("a-long-rule-name", layers=layers)])
    headings = [line for line in table.splitlines() if line.startswith("rule")]
    assert len(headings) == 2 and all(heading.count("conv5") >= 1 for heading in headings)
    assert all(heading.count("conv0") == heading.count("conv5") for heading in headings)


def test_seeds_are_counted_where_some_runs_failed():
    table = tables.comparison_table([row("bp", 0), row("bp", 1), row("fa", 1)])
    assert cells(table, "bp")[1] == "2" and cells(table, "fa")[1] == "1"


def test_of_many_layers_medians_and_ranges_are_shown():
    layers = [f"conv{k}" for k in range(tables.MANY)] + ["top"]
    angles = {f"{name}.weight": 10.0 * k for k, name in enumerate(layers)}
    of_bn = {f"bn{k}.weight": 200.0 for k in range(3)}                      # no synapses
    rows = [row("pfa", layers=layers, backprop_angle=angles | of_bn, update_angle=angles | of_bn,
                weight_angle=dict(zip(layers, range(20, 29))), norm_ratio=dict(zip(layers, range(1, 10)))),
            row("bp", layers=layers, angle=0.0)]
    table = tables.comparison_table(rows)
    assert cells(table, "pfa") == ["pfa", "90.0", "35.0", "(0.0-70.0)", "24.0", "(20.0-28.0)", "5.00", "(1.00-9.00)",
                                   "1.00"]
    assert cells(table, "bp")[2:5] == ["0*", "0*", "0.90"]
    assert "median of 9 layers (lowest-highest); angles of updates without the top layer's" in table
    assert max(map(len, table.splitlines())) <= tables.WIDTH and "conv" not in table


def test_batch_normalisation_has_no_column():
    table = tables.comparison_table([row("fa", layers=("fc1", "bn1", "fc2"), weight_angle={"fc1": 1.0, "fc2": 1.0},
                                         norm_ratio={"fc1": 1.0, "fc2": 1.0})])
    assert "fc2" in table and "bn1" not in table


def test_phases_that_did_not_settle_are_told():
    rows = [row("dfc", seed, epoch, converged=share, residual=0.01, diverged=0.0)
            for seed, epoch, share in [(0, 1, 1.0), (0, 2, 0.5), (1, 1, 1.0), (1, 2, 0.0)]]
    assert "dfc: in the last epoch 25 % of the samples settled" in tables.comparison_table(rows)
    assert "settle" not in tables.comparison_table([row("ep", free_not_settled=0.1)])      # half of what it takes


def test_feedback_that_is_w_itself_in_every_rule_has_no_columns():
    rows = [row("bp", angle=0.0), row("dtp", weight_angle={}, norm_ratio={})]
    assert "path/weight angle" not in tables.comparison_table(rows)
    table = tables.comparison_table([*rows, row("fa")])
    assert "path/weight angle" in table and cells(table, "dtp").count("-") == 4
    assert "-   the rule has none" in table and "-   the rule" not in tables.comparison_table([row("fa")])


def test_a_rule_with_a_step_of_its_own_has_no_learning_rate_factor():
    rows = [row("fa", learning_rate_factor=1.0), row("mine", learning_rate_factor=None)]
    table = tables.comparison_table(rows)
    assert cells(table, "mine")[-2:] == ["own", "step"] and cells(table, "fa")[-1] == "1"


def test_the_lowest_layer_is_marked_where_no_layer_below_it_learns():
    below = {"update_angle": {"bn1.weight": 50.0, "fc1.weight": 50.0, "fc2.weight": 0.0}}
    assert "fc1'" in tables.comparison_table([row("fa")])
    assert "fc1'" not in tables.comparison_table([row("fa", **below)])


# ----------------------------------------------------------------------------------------------- sweeps and other forms

def grid(**more):
    """Two learning rates of a rule, one of another, and a rule that failed."""
    rows = [row(rule, settings={"rule": rule, "lr": lr}, test_accuracy=lr, **more)
            for rule, lr in (("fa", 0.1), ("fa", 0.2), ("b_p", 0.2))]
    return [*rows, {"rule": "np", "seed": 0, "epoch": 1, "failed": "diverged, epoch 1, fc2",
                    "settings": {"rule": "np"}}]


def test_a_grid_has_a_row_a_setting_and_says_what_its_choice_is_made_by():
    table = tables.comparison_table(grid())
    named = [line[:12].rstrip() for line in table.splitlines()[2:6]]
    assert named == ["fa, lr 0.1", "fa, lr 0.2", "b_p", "np  diverged"]
    assert tables.OPTIMISTIC in table and tables.OPTIMISTIC == "chosen by test accuracy, so optimistic"
    assert "optimistic" not in tables.comparison_table(grid()[1:])          # nothing is chosen among these
    table = tables.comparison_table(grid(validation_accuracy=0.55, validation_loss=1.0))
    assert "optimistic" not in table and "validation accuracy %  test accuracy %" in table
    assert cells(table, "b_p")[1:3] == ["55.0", "20.0"]


def test_a_validation_loss_stands_in_a_regression():
    table = tables.comparison_table([row("fa", test_accuracy=None, validation_loss=0.25, validation_accuracy=None)])
    assert "validation loss  test loss" in table and cells(table, "fa")[1:3] == ["0.2500", "0.3000"]


def test_every_form_holds_the_same_cells():
    as_text = [line.split("  ") for line in tables.comparison_table(grid()).splitlines()[2:5]]
    as_text = [[cell.strip() for cell in line if cell.strip()] for line in as_text]
    read = list(csv.reader(io.StringIO(figures.table(grid(), "csv"))))
    assert read[0][:3] == ["rule", "test accuracy %", "angle to backprop fc1"] and read[1:4] == as_text
    assert read[4][:3] == ["np", "diverged, epoch 1, fc2 (1 of 1 seeds)", "-"]
    assert {len(line) for line in read} == {len(read[0])}
    marked = [[cell.strip() for cell in line.strip("|").split("|")]
              for line in figures.table(grid(), "markdown").splitlines() if line.startswith("|")]
    assert [marked[0], *marked[2:]] == read
    latex = figures.table(grid(), "latex")
    body = [line.removesuffix(r" \\").split(" & ") for line in latex.splitlines() if line.endswith(r"\\")]
    assert [[cell.replace("\\", "") for cell in line] for line in body[2:]] == read[1:]
    assert body[0][2] == r"\multicolumn{2}{c}{angle to backprop}" and r"b\_p" in latex and r"accuracy \%" in latex
    assert latex.startswith(r"\begin{tabular}{l" + "r" * (len(read[0]) - 1) + "}")


def test_plus_minus_is_mathematics_in_latex():
    latex = figures.table([row("fa"), row("fa", seed=1, test_accuracy=0.8)], "latex")
    assert r"fa & 85.0 $\pm$ 7.1 & 60.0" in latex


def test_a_form_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="unknown table format 'csw': did you mean 'csv'"):
        figures.table(grid(), "csw")


def test_only_failures_and_rows_with_little_in_them_are_tables_too(capsys):
    assert tables.comparison_table(grid()[3:]) == "np  diverged, epoch 1, fc2 (1 of 1 seeds)"
    assert figures.table(grid()[3:], "csv").splitlines()[1].startswith("np,")
    assert figures.table([{"rule": "fa", "epoch": 1, "test_accuracy": 0.5}]) is None
    assert "fa               50.0" in capsys.readouterr().out
