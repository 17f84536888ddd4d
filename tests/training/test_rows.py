"""Rows print as a short table, and are a list of dicts in all else."""

import copy
import json
import pickle

import pytest

import feedbackalign as fa
from feedbackalign.training.rows import MOST, Rows
from tests.small_runs import SmallRun


def rows(rules=("bp", "fa"), seeds=1, epochs=2):
    return Rows({"rule": rule, "seed": seed, "epoch": epoch, "test_loss": 1 / (1 + epoch), "weight_angle": {"fc1": 60}}
                for rule in rules for seed in range(seeds) for epoch in range(epochs + 1))


def test_training_comparing_and_reading_give_a_short_table(tmp_path):
    of_train = SmallRun("pfa").train(epochs=2, folder=tmp_path)
    found = [of_train, fa.Run("bp", epochs=1, hidden=(4,)).train(), fa.compare(["bp"], seeds=1, epochs=1, hidden=(4,)),
             fa.training.read_record(tmp_path / "record.jsonl"),
             SmallRun("pfa").train(epochs=3, folder=tmp_path, resume=True)]
    (tmp_path / "summary.json").write_text(json.dumps({"rows": of_train}))
    for some in [*found, fa.training.read_record(tmp_path / "summary.json")]:
        heading, *lines, last = repr(some).splitlines()
        assert heading.split()[0] == "rule" and heading.split()[-1] == "test_accuracy" and "{" not in repr(some)
        assert len(lines) == len(some) and last == f"{len(some)} rows; the last is a dict of {len(some[-1])} keys"
        assert all(len(line) <= 120 for line in lines)


def test_the_table_to_the_letter():
    assert str(rows(epochs=1)) == """\
rule  seed  epoch  test_loss
bp       0      0          1
bp       0      1        0.5
fa       0      0          1
fa       0      1        0.5
4 rows; the last is a dict of 5 keys"""


@pytest.mark.parametrize("some, lines, words", [
    (rows(epochs=MOST // 2 - 1), MOST, f"{MOST} rows; "),
    (rows(seeds=3, epochs=9), 6, "60 rows, here the last of every run; "),
    (rows(seeds=20), MOST + 1, "120 rows, here the last of every run; "),
    (rows(rules=["bp"], epochs=40), MOST + 1, "41 rows; "),
])
def test_many_rows_are_shortened(some, lines, words):
    text = repr(some).splitlines()
    assert len(text) == 1 + lines + 1 and text[-1].startswith(words) and ("..." in text) == (lines > MOST)
    assert text[1].split()[0] == some[0]["rule"] and text[-2].split()[2] == str(some[-1]["epoch"])


def test_it_stays_a_list_of_dicts():
    some = rows()
    plain = list(some)
    assert isinstance(some, list) and some == plain and json.dumps(some) == json.dumps(plain)
    for twin in (pickle.loads(pickle.dumps(some)), copy.deepcopy(some), some[:], some[:2] + some[2:], some + []):
        assert twin == plain and type(twin) is Rows
    assert [] + some == plain and some[0] is plain[0] and [*some] == plain and type(sorted(some, key=id)) is list
    assert fa.training.plain(some) == plain
    gathered = []
    gathered += some
    assert gathered == plain


@pytest.mark.parametrize("other", [[], [1, 2], [{"a": 1}], [{"rule": "bp"}, 3]])
def test_what_has_no_such_rows_prints_as_a_list(other):
    assert repr(Rows(other)) == repr(other)
