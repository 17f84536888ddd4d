"""The small print says seeds, weight decay and names, in lines that fit."""

import pytest

from feedbackalign import optimizer, rules
from feedbackalign.figures.small_print import NAMES, decay_in_words, fill, small_print, spelled_out
from feedbackalign.runs.groups import Label
from feedbackalign.runs.rows import mean_curves
from tests.figures.records import record


def test_small_print_says_setting_seeds_more_and_decay():
    rows = record(rules=("fa",), seeds=2)
    curves = mean_curves(rows, lambda each: each["test_loss"])
    one = {"bp": curves["fa"]._replace(seeds=1)}
    assert small_print(rows, [curves], "", "more").split("   ·   ") == [
        "mlp, digits", "mean over 2 seeds, band: lowest to highest", "more", "weight decay: 1e-4"]
    assert small_print([{"rule": "fa", "epoch": 1}], [one]) == "one seed, so no bands"
    assert "1 to 2 seeds" in small_print(rows, [one, curves])


def decays(values, at_start=None, seeds=2):
    """Rows of rules with these weight decays, epoch by epoch after the first row; at_start: {rule: decay in step 0}."""
    starts = {rule: {"decay_at_start": decay} for rule, decay in (at_start or {}).items()}
    return [{"rule": rule, "seed": seed, "epoch": epoch, "weight_decay": decay, **starts.get(rule, {})}
            for rule, after in values.items() for seed in range(seeds) for epoch, decay in enumerate([0.0, *after])]


WEAK, STRONG, DROPPED = [1e-4] * 3, [0.03] * 3, [0.03, 0.03 * 0.003, 0.03 * 0.003]


@pytest.mark.parametrize("values, words", [
    ({"bp": WEAK, "fa": WEAK}, "1e-4"),
    ({"pfa": DROPPED}, "0.03 at first, then 9e-5"),
    ({"bp": WEAK, "fa": WEAK, "kp": WEAK, "pfa": DROPPED, "pfa-o": DROPPED},
     "0.03 at first, then 9e-5 for pfa, pfa-o; 1e-4 for all others"),
    ({"pfa": STRONG, "bp": WEAK, "fa": WEAK}, "0.03 for pfa; 1e-4 for bp, fa"),
    ({"fa": [None]}, ""), ({"fa": []}, ""), ({"fa": [{"fc1.weight": 1e-4}]}, ""),
])
def test_decay_in_words(values, words):
    assert decay_in_words(decays(values)) == words
    assert decay_in_words(decays(values), drop_step=934) == words.replace("at first", "until step 934")


def test_a_strong_phase_within_the_first_epoch_shows_in_the_start():
    fell = {"pfa": WEAK, "bp": WEAK}
    assert decay_in_words(decays(fell, {"pfa": 0.005, "bp": 1e-4})) == (
        "0.005 at first, then 1e-4 for pfa; 1e-4 for bp")
    assert decay_in_words(decays(fell)) == "1e-4"                # an older record says no more


@pytest.mark.parametrize("preset", ["authors", "equal"])
@pytest.mark.parametrize("lr", [0.5, 0.01, 1e-4], ids=["drops in epoch 1", "drops later", "never drops"])
def test_the_words_are_those_of_the_optimisers_presets(preset, lr):
    decay_at = {rule: optimizer.decay_schedule(preset, strong_first=rule == "pfa", lr=lr, momentum=0.9)
                for rule in ("bp", "pfa")}
    rows = decays({rule: [at(38 * epoch - 1) for epoch in range(1, 41)] for rule, at in decay_at.items()},
                  {rule: at(0) for rule, at in decay_at.items()})
    strong = "0.03" if lr == 1e-4 else "0.03 at first, then 9e-5"
    assert decay_in_words(rows) == (strong if preset == "equal" else f"{strong} for pfa; 1e-4 for bp")


def test_the_names_in_words_are_those_of_rules():
    assert set(NAMES) <= set(rules.TABLE)
    assert spelled_out(["dfa", "mine", "pfa"]) == "dfa: direct feedback alignment; pfa: product feedback alignment"


def test_small_print_is_filled_word_by_word():
    words = ["a" * 5, "b" * 5, "c" * 20, "d"]
    assert fill(words, 12, gap="--") == f"aaaaa--bbbbb\n{'c' * 20}\nd"
    assert fill([], 12) == ""


def test_a_decay_that_all_groups_of_a_rule_share_names_the_rule_once():
    rows = [{"rule": Label(f"{rule}, lr {lr}", rule, place), "epoch": 1, "weight_decay": decay}
            for place, lr in enumerate((0.1, 0.2))
            for rule, decay in (("fa", 1e-4), ("pfa", 0.03 * lr), ("np", 1e-4), ("usf", 0.5))]
    assert decay_in_words(rows) == "0.5 for usf; 0.006 for pfa, lr 0.2; 0.003 for pfa, lr 0.1; 1e-4 for fa, np"
    assert decay_in_words(rows[:2]) == "0.003 for pfa; 1e-4 for fa"
