"""The line that says how far the runs are: plain in a log, rewritten on a terminal, and right about the time left."""

import io

import pytest

from feedbackalign.cli.progress import Display, in_words


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def step(epoch, step, epochs=4, steps=10, loss=0.5):
    return {"epoch": epoch, "epochs": epochs, "step": step, "steps": steps, "loss": loss}


def row(epoch, steps=10, accuracy=0.5, loss=0.25):
    return {"epoch": epoch, "step": epoch * steps, "train_loss": loss if epoch else None, "test_loss": 1.0,
            "test_accuracy": accuracy}


@pytest.fixture
def clock():
    return Clock()


def test_several_runs_give_one_plain_line_each(clock):
    stream = io.StringIO()
    with Display(2, 4, stream, clock=clock) as display:
        for seed in (0, 1):
            for epoch in range(5):
                display.news("fa", seed, row(epoch))
                clock.now += 1.0
    assert stream.getvalue().splitlines() == [
        "fa seed 0  epoch 4/4  loss 0.25  accuracy 50.0 %  4 s left  10 steps/s  1 of 2 runs done",
        "fa seed 1  epoch 4/4  loss 0.25  accuracy 50.0 %  10 steps/s  2 of 2 runs done"]


def test_a_run_alone_gives_one_plain_line_an_epoch(clock):
    stream = io.StringIO()
    with Display(1, 2, stream, clock=clock) as display:
        for epoch in range(3):
            display.news("fa", 0, row(epoch))
            clock.now += 2.0
            if epoch < 2:
                display.news("fa", 0, step(epoch + 1, 1, epochs=2))         # quick steps are for terminals
    assert stream.getvalue().splitlines() == ["fa seed 0  epoch 1/2  loss 0.25  accuracy 50.0 %  2 s left  5 steps/s",
                                              "fa seed 0  epoch 2/2  loss 0.25  accuracy 50.0 %  5 steps/s"]


def test_a_long_epoch_is_heard_of_once_a_minute(clock):
    stream = io.StringIO()
    with Display(1, 4, stream, clock=clock) as display:
        display.news("fa", 0, row(0, steps=400))
        for k in range(1, 401):
            clock.now += 0.5
            display.news("fa", 0, step(1, k, steps=400))
        display.news("fa", 0, row(1, steps=400))
        display.news("fa", 0, step(2, 1, steps=400))
    assert stream.getvalue().splitlines() == [
        "fa seed 0  epoch 1/4, step 120/400  loss 0.5  accuracy 50.0 %  12 min 20 s left  2 steps/s",
        "fa seed 0  epoch 1/4, step 240/400  loss 0.5  accuracy 50.0 %  11 min 20 s left  2 steps/s",
        "fa seed 0  epoch 1/4, step 360/400  loss 0.5  accuracy 50.0 %  10 min 20 s left  2 steps/s",
        "fa seed 0  epoch 1/4  loss 0.25  accuracy 50.0 %  10 min 0 s left  2 steps/s"]


def test_a_run_resumed_inside_an_epoch_is_timed_from_there(clock):
    """50 of 400 steps of the second of two epochs are done before; 100 more take 200 seconds, 250 are left."""
    stream = Terminal()
    with Display(1, 2, stream, start_epoch=1, clock=clock) as display:
        display.news("fa", 0, row(0, steps=400))
        display.news("fa", 0, row(1, steps=400))
        for k in range(51, 151):
            clock.now += 2.0
            display.news("fa", 0, step(2, k, epochs=2, steps=400))
    last = stream.getvalue().split("\r")[-3]
    assert "epoch 2/2, step 150/400" in last and "8 min 20 s left" in last and "0.5 steps/s" not in last
    assert "2 s/step" in last


def test_runs_of_different_lengths_are_each_told_to_their_end(clock):
    stream = io.StringIO()
    with Display(2, {("fa", 0): 1, ("bp", 0): 4}, stream, clock=clock) as display:
        clock.now = 2.0
        display.news("fa", 0, row(1))
        display.news("bp", 0, row(2))
        clock.now = 3.0
        display.news("bp", 0, row(4))
    short, long = stream.getvalue().splitlines()
    assert short.startswith("fa seed 0  epoch 1/1") and "2 s left" in short and short.endswith("1 of 2 runs done")
    assert long.startswith("bp seed 0  epoch 4/4") and "left" not in long and long.endswith("2 of 2 runs done")


def test_runs_that_were_finished_before_count_and_take_no_time(clock):
    stream = io.StringIO()
    with Display(3, 4, stream, clock=clock) as display:
        display.taken_over("fa", 0)
        display.say("1 of 3 runs were finished before")
        clock.now = 4.0
        display.news("fa", 1, row(4))
    said, line = stream.getvalue().splitlines()
    assert said == "1 of 3 runs were finished before"
    assert "4 s left" in line and line.endswith("2 of 3 runs done")


def test_what_a_resumed_run_already_has_is_neither_shown_nor_timed(clock):
    stream = io.StringIO()
    with Display(1, 4, stream, start_epoch=2, clock=clock) as display:
        for epoch in range(3):
            display.news("fa", 0, row(epoch))
        clock.now = 3.0
        display.news("fa", 0, row(3))
    assert stream.getvalue().startswith("fa seed 0  epoch 3/4") and "3 s left" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_a_terminal_has_one_line_that_is_rewritten_and_taken_away(clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    stream = Terminal()
    with Display(3, 4, stream, clock=clock) as display:
        for k in range(1, 11):
            clock.now += 0.3
            display.news("a-rule-with-a-rather-long-name", 0, step(1, k))
        display.news("fa", 0, row(1))
    text = stream.getvalue()
    assert "\n" not in text
    pieces = text.split("\r")
    assert max(map(len, pieces)) <= 59
    assert pieces[-1] == "" and pieces[-2].strip() == ""                    # erased
    assert pieces[-3].startswith("fa seed 0  epoch 1/4")


def test_a_terminal_is_not_flooded(clock):
    stream = Terminal()
    with Display(1, 4, stream, clock=clock) as display:
        for k in range(1, 11):
            clock.now += 0.01
            display.news("fa", 0, step(1, k))
    assert stream.getvalue().count("fa seed 0") == 1


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_quiet_and_closed_displays_say_nothing(stream, clock):
    display = Display(1, 1, stream, clock=clock)
    with display:
        pass
    display.news("fa", 0, row(1))
    display.failed("fa", 0, "diverged")
    assert stream is None or stream.getvalue() == ""


def test_a_failed_run_leaves_a_line_and_counts(clock):
    stream = Terminal()
    with Display(2, 4, stream, clock=clock) as display:
        display.news("fa", 0, row(0))
        display.failed("fa", 0, "diverged")
        display.news("bp", 0, row(4))
    assert "fa seed 0 failed: diverged\n" in stream.getvalue()
    assert "2 of 2 runs done" in stream.getvalue()


def test_a_reader_who_left_stops_nothing(clock):
    tried = []

    class Gone(io.StringIO):
        def write(self, text):
            tried.append(text)
            raise BrokenPipeError
    with Display(1, 2, Gone(), clock=clock) as display:
        display.news("fa", 0, row(1))
        display.news("fa", 0, row(2))
    assert tried, "it was told, and went on"


def test_no_epochs_and_no_accuracy(clock):
    stream = io.StringIO()
    with Display(1, 0, stream, clock=clock) as display:
        display.news("fa", 0, {**row(0), "test_accuracy": None})
    assert stream.getvalue() == "fa seed 0  epoch 0/0  loss 1\n"
    stream = io.StringIO()
    with Display(1, 2, stream, clock=clock) as display:
        display.news("fa", 0, {**row(1), "test_accuracy": None})
    assert "accuracy" not in stream.getvalue()


@pytest.mark.parametrize("seconds, words", [(0.4, "0 s"), (59.7, "1 min 0 s"), (3600, "1 h 0 min"),
                                            (90061, "25 h 1 min")])
def test_times_in_words(seconds, words):
    assert in_words(seconds) == words
