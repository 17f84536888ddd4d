"""How far the runs are, on stderr while they go on.

On a terminal one line is rewritten. Elsewhere (a log, a pipe) there is one plain line per finished run, or per epoch of
a single run; where nothing ends for a minute, one line per minute. The time left is computed from the time that the
finished share of the work took.
"""

import shutil
import threading
import time

REDRAW_EVERY = 0.1                  # seconds between two lines on a terminal
LOG_EVERY = 60.0                    # and elsewhere, inside an epoch


class Display:
    """Shows how far the runs are.

    Parameters
    ----------
    runs : int
        How many runs there will be.
    epochs : int or dict
        How many epochs each has; {(rule, seed): epochs} where they differ.
    stream : text stream
        Where to write; nowhere if None.
    start_epoch : int
        Epochs that a resumed run already has: they take no time, and their rows are not shown again.
    clock : callable
        Seconds, for the tests to turn.

    Examples
    --------
    >>> import sys
    >>> with Display(1, 2, sys.stdout, clock=iter([0.0, 1.0]).__next__) as display:
    ...     display.news("fa", 3, {"epoch": 1, "step": 38, "train_loss": 0.25, "test_accuracy": 0.9})
    fa seed 3  epoch 1/2  loss 0.25  accuracy 90.0 %  1 s left
    """

    def __init__(self, runs, epochs, stream, *, start_epoch=0, clock=time.monotonic):
        self.runs, self.epochs, self.stream, self.start_epoch, self.clock = runs, epochs, stream, start_epoch, clock
        self.is_terminal = stream is not None and stream.isatty()
        self.started = clock()
        self.shares = {}                    # {(rule, seed): share of the run that is done, 0 to 1}
        self.last_rows = {}                 # {(rule, seed): its last row}
        self.first_steps = {}               # {(rule, seed): (seconds, steps) when it was first heard of}
        self.stepping = set()               # (rule, seed) of those of which a step was heard
        self.finished = 0
        self.shares_at_start = start_epoch / epochs if start_epoch else 0.0
        self.drawn_at, self.logged_at = -REDRAW_EVERY, self.started
        self.width_drawn = 0
        self.lock = threading.RLock()       # news comes from a thread of its own

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        with self.lock:
            self.erase()
            self.stream = None

    def news(self, rule, seed, news):
        """A step {"epoch", "epochs", "step", "steps", "loss"} of a run, or the row of an epoch."""
        with self.lock:
            if self.stream is None:
                return
            if "epochs" in news:
                self.after_step(rule, seed, news)
            elif news["epoch"] > self.start_epoch or news["epoch"] == 0 == self.start_epoch:
                self.after_epoch(rule, seed, news)

    def after_step(self, rule, seed, step):
        now, steps_done = self.clock(), (step["epoch"] - 1) * step["steps"] + step["step"]
        total = step["steps"] * max(step["epochs"], 1)
        self.shares[rule, seed] = steps_done / total
        if (rule, seed) not in self.stepping:
            self.stepping.add((rule, seed))
            if steps_done > 1:                                              # it was resumed, perhaps inside an epoch
                self.first_steps[rule, seed] = now, steps_done
                self.shares_at_start += (steps_done - 1) / total - self.start_epoch / step["epochs"]
        self.first_steps.setdefault((rule, seed), (now, steps_done))
        is_due = now >= (self.drawn_at + REDRAW_EVERY if self.is_terminal else self.logged_at + LOG_EVERY)
        if is_due:
            within = f"step {step['step']}/{step['steps']}"
            parts = self.parts(rule, seed, step["epoch"], steps_done, step["loss"], now, within)
            if self.is_terminal:
                self.rewrite(parts, now)
            else:
                self.log(parts, now)

    def after_epoch(self, rule, seed, row):
        now = self.clock()
        self.first_steps.setdefault((rule, seed), (now, row["step"]))
        epochs = self.epochs_of(rule, seed)
        self.shares[rule, seed] = row["epoch"] / epochs if epochs else 1.0
        self.last_rows[rule, seed] = row
        is_finished = row["epoch"] >= epochs
        self.finished += is_finished
        loss = row["test_loss"] if row["train_loss"] is None else row["train_loss"]
        parts = self.parts(rule, seed, row["epoch"], row["step"], loss, now)
        if self.is_terminal:
            self.rewrite(parts, now)
        elif is_finished or (self.runs == 1 and row["epoch"] > 0):
            self.log(parts, now)

    def epochs_of(self, rule, seed):
        return self.epochs[rule, seed] if isinstance(self.epochs, dict) else self.epochs

    def taken_over(self, rule, seed):
        """A run that was finished before: it takes no time."""
        with self.lock:
            self.shares[rule, seed] = 1.0
            self.shares_at_start += 1.0
            self.finished += 1

    def say(self, line):
        """A line that stays."""
        with self.lock:
            self.erase()
            self.write(line + "\n")

    def failed(self, rule, seed, message):
        """A run that ended early, in a line that stays."""
        with self.lock:
            self.finished += 1
            self.shares[rule, seed] = 1.0
            self.say(f"{rule} seed {seed} failed: {message}")

    # ------------------------------------------------------------------------------------------------------- a line

    def parts(self, rule, seed, epoch, steps_done, loss, now, within=None):
        """What a line says, the most telling first; what is not known yet is left out."""
        parts = [f"{rule} seed {seed}", f"epoch {epoch}/{self.epochs_of(rule, seed)}"]
        if within:
            parts[-1] += f", {within}"
        if loss is not None:
            parts.append(f"loss {loss:.3g}")
        accuracy = self.last_rows.get((rule, seed), {}).get("test_accuracy")
        if accuracy is not None:
            parts.append(f"accuracy {100 * accuracy:.1f} %")
        left = self.seconds_left(now)
        if left is not None and left >= 0.5:
            parts.append(f"{in_words(left)} left")
        since, steps_then = self.first_steps[rule, seed]
        if steps_done > steps_then and now > since:
            parts.append(pace(steps_done - steps_then, now - since))
        if self.runs > 1:
            parts.append(f"{self.finished} of {self.runs} runs done")
        return parts

    def seconds_left(self, now):
        """None until something is done."""
        at_start = self.shares_at_start / self.runs
        done = sum(self.shares.values()) / self.runs
        if done <= at_start:
            return None
        return (now - self.started) * (1 - done) / (done - at_start)

    def rewrite(self, parts, now):
        """As many parts as the terminal is wide, over the line before."""
        room = shutil.get_terminal_size().columns - 1
        while len(parts) > 1 and len("  ".join(parts)) > room:
            parts = parts[:-1]
        line = "  ".join(parts)[:room]
        self.drawn_at = now
        self.write("\r" + line.ljust(min(self.width_drawn, room)))          # blanks over what was longer
        self.width_drawn = len(line)

    def log(self, parts, now):
        """A plain line of its own."""
        self.logged_at = now
        self.write("  ".join(parts) + "\n")

    def erase(self):
        if self.width_drawn:
            self.write("\r" + " " * self.width_drawn + "\r")
            self.width_drawn = 0

    def write(self, text):
        if self.stream is None:
            return
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):                                       # no reader any longer
            self.stream = None


def pace(steps, seconds):
    """
    >>> pace(938, 2), pace(28, 20), pace(12, 30)
    ('469 steps/s', '1.4 steps/s', '2.5 s/step')
    """
    rate = steps / seconds
    if rate < 1:
        return f"{seconds / steps:.2g} s/step"
    return f"{rate:.0f} steps/s" if rate >= 10 else f"{rate:.2g} steps/s"


def in_words(seconds):
    """A time as people say it.

    >>> in_words(8.4), in_words(95), in_words(7300)
    ('8 s', '1 min 35 s', '2 h 1 min')
    """
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"
