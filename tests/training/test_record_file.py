"""The record in a run's folder: every row is written once, and a run goes on from those its checkpoint knows."""

import json
import types

import pytest

from feedbackalign.training import record_file
from feedbackalign.training.checkpoints import CheckpointError
from feedbackalign.training.record import read_record
from tests.small_runs import SmallRun, without_times


def test_every_row_is_written_once_and_a_checkpoint_holds_none(tmp_path, monkeypatch):
    """So the hundredth epoch costs what the first one did."""
    written, sizes = [], []

    def counting(row, **how):
        written.append(row["epoch"])
        return json.dumps(row, **how)

    def progress(news):
        if "steps" not in news:
            sizes.append((tmp_path / "checkpoint.npz").stat().st_size)
    monkeypatch.setattr(record_file, "json", types.SimpleNamespace(dumps=counting))
    SmallRun("fa").train(epochs=40, folder=tmp_path, checkpoint_every=1, progress=progress)
    assert written == list(range(41))
    assert max(sizes[2:]) - min(sizes[2:]) < 400                        # digits of times and steps, four bytes each


@pytest.mark.parametrize("tail", ["", '{"epoch": 2}\n', '{"epoch": 2}\n{"epoch": 3}\n', '{"epoch": 2, "test_lo', "\n\n",
                                  "no JSON at all\n"])
@pytest.mark.parametrize("epochs", [1, 3])
def test_resume_cuts_the_record_back_to_the_checkpoint(tail, epochs, tmp_path):
    """What stands in the record after the checkpoint was written by a run that died before its next checkpoint."""
    whole = SmallRun("fa")
    whole_rows = whole.train(epochs=epochs)
    SmallRun("fa").train(epochs=1, folder=tmp_path)
    with open(tmp_path / "record.jsonl", "a", encoding="utf-8") as file:
        file.write(tail)
    resumed = SmallRun("fa")
    rows = resumed.train(epochs=epochs, folder=tmp_path, resume=True)
    assert resumed.bytes() == whole.bytes()
    assert without_times(rows) == without_times(whole_rows)
    assert read_record(tmp_path / "record.jsonl") == rows


@pytest.mark.parametrize("spoil, says", [
    (None, "No such file or directory"), (lambda text: b"", "does not begin with the rows that were written"),
    (lambda text: text[:50], "does not begin"), (lambda text: text[:-1], "does not begin"),
    (lambda text: text.replace(b"1.", b"2.", 1), "does not begin"),
    (lambda text: b"\n".join(reversed(text.splitlines())) + b"\n", "does not begin"),
    (lambda text: b"\xff\xfe" + text, "does not begin")])
def test_a_record_that_is_lost_or_changed_is_refused_by_name(spoil, says, tmp_path):
    """Nothing is written then, neither in the folder nor in the run."""
    SmallRun("fa").train(epochs=1, folder=tmp_path)
    path = tmp_path / "record.jsonl"
    spoilt = None if spoil is None else spoil(path.read_bytes())
    path.unlink() if spoil is None else path.write_bytes(spoilt)
    held = (tmp_path / "checkpoint.npz").read_bytes()
    run = SmallRun("fa", draw=1)
    before = run.bytes()
    with pytest.raises(CheckpointError, match=f"record.jsonl: .*{says}.*put the record back, or remove the checkpoint"):
        run.train(epochs=2, folder=tmp_path, resume=True)
    assert run.bytes() == before and (tmp_path / "checkpoint.npz").read_bytes() == held
    assert path.read_bytes() == spoilt if path.exists() else spoil is None


def test_a_record_that_vanishes_while_the_run_goes_on_is_written_anew(tmp_path):
    def progress(news):
        if news.get("step") == 1 and "steps" in news:
            (tmp_path / "record.jsonl").unlink()
    rows = SmallRun("fa").train(folder=tmp_path, progress=progress)
    assert read_record(tmp_path / "record.jsonl") == rows
    assert SmallRun("fa").train(folder=tmp_path, resume=True) == rows
