"""Commands that are killed at random and at writes go on to the same bytes; `tests.benchmarks.kills` does more."""

import os
import random

import pytest

from tests.benchmarks import kills

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="SIGKILL and process groups are POSIX")]


@pytest.fixture(scope="module")
def wholes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return {command: kills.do_whole(command, folder / command) for command in kills.LINES}


@pytest.mark.parametrize("command, kind", list(zip(["train", "compare", "figure"] * 2, kills.KINDS)))
def test_a_killed_command_goes_on_to_the_same_bytes(command, kind, wholes, tmp_path):
    outcome = kills.kill_and_resume(command, kind, wholes[command], random.Random(kind), tmp_path / "killed")
    assert outcome.is_same and outcome.left_over == 0, outcome.told
    assert kind == "other child" or outcome.seconds < 20, outcome.told


def test_what_another_run_leaves_is_not_the_same(wholes, tmp_path, monkeypatch):
    monkeypatch.setitem(kills.LINES, "train", [*kills.LINES["train"], "--lr", "0.0100001"])
    rows, arrays = kills.do_whole("train", tmp_path / "other").left
    assert rows != wholes["train"].left[0] and arrays != wholes["train"].left[1]
