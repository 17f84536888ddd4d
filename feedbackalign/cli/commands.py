"""The commands that train or draw, one function each, and `main`, which calls the command that was typed.

Every function takes the parsed arguments and returns the exit status: None or 0 if all went well, 1 for a failed run.
Wrong arguments raise a UsageError, status 2. Every error is one line on stderr.
"""

import contextlib
import dataclasses
import datetime
import inspect
import os
import pathlib
import shlex
import sys
import time
import warnings

import numpy as np

from feedbackalign import training
from feedbackalign.cli import course, inspection, report
from feedbackalign.cli import data as data_sets
from feedbackalign.cli.arguments import UsageError, build_parser, options_of, parse, settings_of
from feedbackalign.cli.errors import complain, in_one_line, reading_the_line, warn
from feedbackalign.cli.folders import (PAGE, claim, find_record, locked, made_by, refuse_other_comparison,
                                       remove_pictures, writable_folder)
from feedbackalign.cli.progress import Display
from feedbackalign.cli.streams import note, open_missing, say, silence
from feedbackalign.data import DataError
from feedbackalign.data.loaders import FROM_FILES
from feedbackalign.figures import page, table_formats, tables
from feedbackalign.figures.experiments import trained
from feedbackalign.ops.fast.threads import count as count_threads
from feedbackalign.runs import sweep, worker, workers
from feedbackalign.runs.finished import FinishedRuns, write_rows
from feedbackalign.runs.workers import WorkerDiedError
from feedbackalign.training.checkpoints import HIDDEN
from feedbackalign.training.threads import blas_threads, one_thread_unless_told
from feedbackalign.validation import require_integer, require_known

GO_ON = (["train"], ["compare"], ["figure"])


class RunFailedError(RuntimeError):
    """One or several runs of a comparison ended early."""


def main(argv=None):
    """Run the command of a command line: -> the exit status.

    >>> main(["train", "--rule", "pfo"])                      # one line on stderr says: did you mean 'pfa'?
    2
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    open_missing()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")                # a terminal without ± gets a question mark
    try:
        with reading_the_line():
            arguments = parse(argv)
            arguments.line = shlex.join(["feedbackalign", *argv])
            count_threads()                                     # refuse a bad FEEDBACKALIGN_THREADS before any work
        if arguments.command is None:
            note(build_parser()[0].format_help())
            return 2
        with one_thread_unless_told(), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.showwarning = warn                         # NumPy's are off: a run that diverges says so itself
            status = COMMANDS[arguments.command](arguments)
        return status or 0
    except SystemExit as done:                                  # --help and --version
        return done.code or 0
    except BrokenPipeError:                                     # `| head` has closed the pipe
        silence()
        return 0
    except KeyboardInterrupt:
        return complain(f"interrupted{goes_on(argv)}", 130)
    except Exception as error:                                  # whatever it is, one line
        text = f"{in_one_line(error)}{goes_on(argv)}" if isinstance(error, (MemoryError, WorkerDiedError)) else error
        return complain(text, 2 if isinstance(error, UsageError) else 1, debug="--debug" in argv)


def goes_on(argv):
    """A hint for the commands that keep what they have done."""
    return "; the same line with --resume goes on" if argv[:1] in GO_ON else ""


# --------------------------------------------------------------------------------------------------------- compare

def compare(arguments):
    """Train once per rule and seed; write summary.json and figures, and print a table."""
    chosen = {"seeds": arguments.seeds, "options": options_of(arguments), **settings_of(arguments)}
    with reading_the_line():
        runs = sweep.plan(arguments.rules, **chosen)
        require_integer(arguments.threads, "threads", low=1)
        jobs = require_integer(usable_cores() if arguments.jobs is None else arguments.jobs, "jobs", low=1)
        sweep.rehearse(runs)
    names = sweep.labels(runs)
    folder = writable_folder(arguments.out or "compare-output")
    with contextlib.closing(locked(folder)):
        for run in runs if arguments.resume else ():
            FinishedRuns(folder / HIDDEN).rows(run)             # refuses one whose files have changed
        refuse_other_comparison(folder, runs, arguments.overwrite)
        if not arguments.quiet:
            note(sweep.in_numbers(runs))
        groups, failures, jobs = train_all(runs, folder, jobs, arguments, names)
        rows = [row for run, group in zip(runs, groups) for row in group or [sweep.failed_row(run, failures[run])]]
        if rows:
            settings = {**sweep.settings_of(runs), "options": options_of(arguments), "jobs": jobs,
                        "threads": arguments.threads}
            write_rows(folder / "summary.json", {"command": arguments.line, "settings": settings}, rows)
            written = draw(rows, folder, arguments)
            remove_pictures(folder, keep=written)
            say(f"{in_words(runs, rows)}\n\n{tables.comparison_table(rows)}")
            say(f"\n{where(folder, ['summary.json'], written)}")
    if failures:
        raise failed(runs, failures, dict(zip(runs, names)))


def failed(runs, failures, names=None):
    """What a command ends with where some of its runs failed, {run: error}: it tells the first."""
    run, error = next(iter(failures.items()))
    words = f"{(names or {}).get(run, run.rule_name)} seed {run.seed}: {in_one_line(error)}"
    raised = RunFailedError(f"{len(failures)} of {len(runs)} runs failed; {words}")
    raised.__cause__ = error
    return raised


def train_all(runs, folder, jobs, arguments, names=None):
    """Train in worker processes, with a display: -> (rows of every run, {failed run: error}, jobs at a time).

    Finished runs are kept in the folder; with --resume those that are there already are not trained again. The display
    calls the runs by `names`, by default by their rules.
    """
    names = dict(zip(runs, names or [run.rule_name for run in runs]))
    failures = {}
    jobs = min(jobs, len(runs))
    epochs_are_long = any(run.data in FROM_FILES or run.known.is_residual for run in runs)
    epochs = {(names[run], run.seed): run.epochs for run in runs}
    with Display(len(runs), epochs, None if arguments.quiet else sys.stderr) as display:
        finished = FinishedRuns(folder / HIDDEN, checkpoints=epochs_are_long, fresh=not arguments.resume,
                                say=display.say)
        taken_over = [run for run in runs if finished.rows(run)]
        for run in taken_over:
            display.taken_over(names[run], run.seed)
        if taken_over:
            display.say(f"{len(taken_over)} of {len(runs)} runs were finished before")
        finished.say = None                                     # `do_runs` reads them again

        def note_failure(run, error):
            failures[run] = error
            display.failed(names[run], run.seed, in_one_line(error))

        if len(taken_over) == len(runs):
            return sweep.do_runs(runs, finished=finished), failures, jobs
        with listened_to(display, jobs, arguments.threads, names) as executor:
            groups = sweep.do_runs(runs, executor=executor, on_failure=note_failure, finished=finished)
    return groups, failures, jobs


def in_words(runs, rows):
    """Model, data and optimizer in a line above the table; a decay preset and its rates per rule in a second line."""
    run = runs[0]
    rates, sizes = (", ".join(f"{value:g}" for value in dict.fromkeys(getattr(run, field) for run in runs))
                    for field in sweep.SWEPT)
    momentum = f", momentum {run.momentum:g}" if run.optimizer == "sgd" else ""
    words = f"{run.model_name} on {run.data_name}: {run.optimizer}, batches of {sizes}, lr {rates}{momentum}"
    if not isinstance(run.decay, str):
        return f"{words}, decay {run.decay:g}"
    ends = {one.strong_phase.steps(one.lr, one.momentum) for one in runs}         # of other rates at other steps
    text = report.decay_text(run.decay, rows, min(ends) if len(ends) == 1 else None)
    last = max(row["epoch"] for row in rows)
    steps = [row["step"] for row in rows if (row["epoch"], row.get("weight_decay")) == (last, run.strong_phase.decay)]
    if steps and steps[0] < min(ends):
        text += (f"\n    The strong decay lasts until step {min(ends)}, and these runs end at step {steps[0]}: "
                 "train longer.\n    A product rule learns well only after the strong decay.")
    return f"{words}\n{text}"



def where(folder, files, figures):
    """What was written, and where: figures by their names, with all formats at the end."""
    names = ", ".join([*files, *dict.fromkeys(path.stem for path in figures)])
    formats = ", ".join(dict.fromkeys(path.suffix[1:] for path in figures))
    return f"Written to {folder}\n    {names}" + (f" ({formats})" if formats else "")


def usable_cores():
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def listened_to(display, jobs, threads, names=None):
    """Worker processes whose news the display shows; runs are called by their names, also where a process dies."""
    def name(run):
        return (names or {}).get(run, run.rule_name)

    def tell(run, news):
        display.news(name(run), run.seed, news)

    try:
        with workers.workers(jobs, threads=threads, tell=tell) as executor:
            yield executor
    except WorkerDiedError as died:
        raise WorkerDiedError(died.how, died.run, died.others, lambda run: f"{name(run)} seed {run.seed}") from died


def draw(rows, folder, arguments):
    """Draw all figures of these rows: -> their paths."""
    from feedbackalign.figures import draw_all           # matplotlib is slow to load
    return draw_all(rows, folder, tuple(arguments.format), note,
                    size=arguments.size, theme=arguments.theme)


# ----------------------------------------------------------------------------------------------------------- train

def train(arguments):
    """Train one run, or the rest of it; write record, checkpoint and figures into its folder."""
    with reading_the_line():
        run, = sweep.plan([arguments.rule], seeds=[arguments.seed], options=options_of(arguments),
                          **settings_of(arguments))
        require_integer(arguments.threads, "threads", low=1)
        if arguments.checkpoint_every is not None:
            require_integer(arguments.checkpoint_every, "checkpoint-every", low=1)
        sweep.rehearse([run])
    folder = writable_folder(arguments.out or f"runs/{run.rule_name}-{run.model_name}-{run.data_name}-seed{run.seed}")
    epochs_done = claim(folder, run, arguments.resume, arguments.line)
    if epochs_done >= run.epochs > 0:
        say(f"{folder}: this run is finished, all {epochs_done} epochs")
        return
    with Display(1, run.epochs, None if arguments.quiet else sys.stderr, start_epoch=epochs_done) as display:
        with listened_to(display, 1, arguments.threads) as executor:
            future = executor.submit(worker.do_run, run, folder=folder, resume=arguments.resume,
                                     checkpoint_every=arguments.checkpoint_every)
            rows = [row for finished in sweep.as_they_finish([future]) for row in finished.result()]
    written = draw(rows, folder, arguments)
    say(f"{in_words([run], rows)}\n\n{tables.comparison_table(rows)}")
    say(f"\n{where(folder, ['record.jsonl', 'checkpoint.npz'], written)}")


# ---------------------------------------------------------------------------------------------------- plot, figure

def plot(arguments):
    """Print the table of a summary.json or a record.jsonl, and draw its figures; with --table only print it."""
    with reading_the_line():
        if arguments.table is not None:
            require_known(arguments.table, table_formats.TABLE_FORMATS, "table format")
    source = find_record(pathlib.Path(arguments.record).expanduser())
    folder = writable_folder(arguments.out or source.parent)
    try:
        rows = training.read_record(source)
        if arguments.table:
            say(table_formats.table(rows, arguments.table), end="")
        else:
            say(f"{tables.comparison_table(rows)}\n")
        written = [] if arguments.table else draw(rows, folder, arguments)
        if arguments.animate:
            from feedbackalign.figures import animate
            written.append(animate(rows, folder / "gradient_angles.gif", theme=arguments.theme))
        if arguments.page:
            written.append(page(rows, folder / PAGE, **made_by(source)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{source}: expected the rows that compare or train writes ({in_one_line(error)})") from error
    for path in written:
        (note if arguments.table else say)(path)


def figure(arguments):
    """Run one experiment: write its rows as NAME.json and its figure as NAME.png; print a table if it trains."""
    from feedbackalign import figures
    from feedbackalign.cli import figure_tables
    with reading_the_line():
        require_known(arguments.name, figures.TRAINED | figures.EXPERIMENTS, "figure")
        require_known(arguments.scale, figures.SCALES, "scale")
        if arguments.name in figures.EXPERIMENTS and (arguments.scale != "quick" or arguments.data_dir is not None):
            raise ValueError(f"figure {arguments.name}: it has one size; --scale and --data-dir are for "
                             f"{', '.join(figures.TRAINED)}")
        require_integer(arguments.threads, "threads", low=1)
        jobs = require_integer(usable_cores() if arguments.jobs is None else arguments.jobs, "jobs", low=1)
    folder = writable_folder(arguments.out or ".")
    if arguments.name in figures.TRAINED:
        return trained_figure(arguments, folder, jobs)
    measure, draw_rows = figures.EXPERIMENTS[arguments.name]
    with blas_threads(arguments.threads):
        rows = measure(**counted(arguments)) if "progress" in inspect.signature(measure).parameters else measure()
    if arguments.name in figure_tables.MEASURED:
        say(f"{figure_tables.MEASURED[arguments.name](rows)}\n")
    say(write_figure(arguments, folder, {"figure": arguments.name}, rows, draw_rows))


def counted(arguments):
    """Options for an experiment that make it print every run that it begins on stderr."""
    printed, started = set(), time.monotonic()

    def say(row):
        run = "  ".join(f"{key} {row[key]}" for key in ("rule", "feedback", "seed") if key in row)
        if run not in printed:
            note(f"{run}  ({time.monotonic() - started:.0f} s)")
        printed.add(run)
    return {} if arguments.quiet else {"progress": say}


def trained_figure(arguments, folder, jobs):
    """Train the runs of an experiment's plan in the same way as a comparison."""
    from feedbackalign import figures
    from feedbackalign.cli import figure_tables
    planned_runs, draw_rows = figures.TRAINED[arguments.name]
    planned = planned_runs(arguments.scale)
    if arguments.data_dir is not None:
        if not any(each.run.data in FROM_FILES for each in planned):
            raise UsageError(f"data_dir: figure {arguments.name} at scale {arguments.scale} reads no folder, got "
                             f"{arguments.data_dir!r}")
        planned = [each._replace(run=dataclasses.replace(each.run, data_dir=arguments.data_dir))
                   if each.run.data in FROM_FILES else each for each in planned]
    runs = [each.run for each in planned]
    for model, data in dict.fromkeys((run.model, run.data) for run in runs):
        sweep.rehearse([run for run in runs if (run.model, run.data) == (model, data)])
    with contextlib.closing(locked(folder)):
        groups, failures, jobs = train_all(runs, folder, jobs, arguments, [each.name for each in planned])
        rows = trained.labelled_rows(planned, groups)
        if rows:
            settings = {"figure": arguments.name, "scale": arguments.scale, "jobs": jobs, "threads": arguments.threads,
                        "date": datetime.date.today().isoformat(), "cores": usable_cores(),
                        **trained.settings_of(planned)}
            say(f"{figure_tables.table(arguments.name, rows)}\n\n{figure_tables.provenance(settings)}\n")
            say(write_figure(arguments, folder, settings, rows, draw_rows))
    if failures:
        raise failed(runs, failures, {run: each.name for run, each in zip(runs, planned)})


def write_figure(arguments, folder, settings, rows, draw_rows):
    """Write NAME.json and the figure in every format: -> `where` they are, as text."""
    from feedbackalign import figures
    write_rows(folder / f"{arguments.name}.json", {"settings": settings}, rows)
    drawn = draw_rows(rows)
    written = [figures.save(drawn, folder / f"{arguments.name}.{suffix}") for suffix in arguments.format]
    return where(folder, [f"{arguments.name}.json"], written)


COMMANDS = {"compare": compare, "train": train, "plot": plot, "figure": figure, "trace": inspection.trace,
            "check": inspection.check, "rules": inspection.list_rules, "lessons": course.lessons,
            "exercise": course.exercise, "data": data_sets.data}
