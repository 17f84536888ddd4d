"""The words of the command line: which commands there are, and which options each takes.

Options of the rules are not written here: they are read off the rules themselves, those of a user's own file included.
"""

import argparse
import contextlib
import dataclasses
import difflib
import sys
import textwrap

from feedbackalign import data, rules
from feedbackalign.cli.examples import ABOUT, EXAMPLES, STATUS
from feedbackalign.cli.report import flag, option_text
from feedbackalign.cli.streams import say
from feedbackalign.cli.words import (decay, folder, formats, integers, one, one_or_several, rule_items, seeds, size,
                                     theme)
from feedbackalign.figures import EXPERIMENTS, FORMATS, SCALES, TABLE_FORMATS, THEMES, TRAINED
from feedbackalign.layers import ACTIVATIONS
from feedbackalign.ops.initialisers import NAMES as INITIALISERS
from feedbackalign.rules.option_help import docstring
from feedbackalign.runs import models
from feedbackalign.runs.items import number_or_word, split_item, split_list
from feedbackalign.runs.run import GENTLE, Run
from feedbackalign.training.checkpoints import SAVE_EVERY
from feedbackalign.validation import require_known
from feedbackalign.version import __version__

COMPARED = ("bp", "fa", "dfa", "usf", "kp", "wm", "pfa", "pfa-o")
DEFAULTS = {field.name: field.default for field in dataclasses.fields(Run)}


class UsageError(ValueError):
    """What the command line asks for is not there or makes no sense: exit status 2."""


class Parser(argparse.ArgumentParser):
    """argparse, but an error is one line and an exception."""

    def __init__(self, command=None, **settings):
        examples = f"examples:{EXAMPLES[command]}\n\n{STATUS}" if command in EXAMPLES else None
        super().__init__(epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
                         **settings)

    def _print_message(self, message, file=None):               # of argparse: --help and --version
        say(message, end="")

    def error(self, message):
        raise UsageError(f"{message} (see {self.prog} --help)")


def parse(argv):
    """The words of a command line -> argparse.Namespace; UsageError for words that make no sense."""
    parser, commands = build_parser(_rules_in(argv))
    if argv and not argv[0].startswith("-"):
        require_known(argv[0], commands, "command")
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        asked = commands.get(arguments.command, parser)
        known = [option for action in asked._actions for option in action.option_strings]
        near = difflib.get_close_matches(unknown[0].split("=")[0], known, n=1)
        hint = f": did you mean {near[0]}?" if near else "" if arguments.command else ": expected a command first"
        asked.error(f"unknown argument {unknown[0]!r}{hint}")
    if arguments.command == "compare" and arguments.rules is None:      # what is repeated would be added to a default
        arguments.rules = list(COMPARED)
    return arguments


def _rules_in(argv):
    """The rules that are named on this line, those of the user's own included."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument("--rules", "--rule", nargs="?", action="append", default=[])
    items = []
    for text in finder.parse_known_args(argv)[0].rules:
        with contextlib.suppress(ValueError):                       # the parser itself refuses it, with its own words
            items += split_list(text or "")
    named = dict.fromkeys(split_item(item)[0] for item in items)
    return [rule for rule in named if rule in rules.TABLE or ".py" in rule]


def build_parser(named=()):
    """-> (the parser, {command: its own parser}); help explains the options of the rules that are named."""
    parser = Parser(prog="feedbackalign", description=ABOUT)
    parser.add_argument("--version", action="version", version=f"feedbackalign {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)

    def command(name, summary, usage=None):
        made = commands.add_parser(name, command=name, help=summary, description=summary[0].upper() + summary[1:] + ".",
                                   usage=usage and f"feedbackalign {name} {usage}")
        made.add_argument("--debug", action="store_true", help="show the traceback of an error")
        return made

    compare = command("compare", "train the same network once per rule, setting and seed, and compare", "[OPTION ...]")
    compare.add_argument("--rules", type=rule_items, action="extend", metavar="A,B",
                         help="names (see `feedbackalign rules`), or your own FILE.py:CLASS; each with options of its "
                         "own, as in pfa:expansion=2, which win over the flags; may be repeated; default "
                         f"{','.join(COMPARED)}")
    compare.add_argument("--seeds", type=seeds, default=3, metavar="N or A,B",
                         help="how many (3: seeds 0, 1, 2) or which (4,7; one alone: 4,); default 3")
    compare.add_argument("--jobs", type=one(int), metavar="N", help="processes at a time; default: one per core")
    _add_output(compare, "compare-output")
    _add_slide(compare)
    _add_resume(compare)
    compare.add_argument("--overwrite", action="store_true", help="write over another finished comparison in --out")
    _add_settings(compare, lists=True)
    _add_rule_options(compare, named)

    train = command("train", "train one rule, with a record, checkpoints and figures in one folder",
                    "--rule NAME [OPTION ...]")
    _add_rule(train)
    _add_output(train, "runs/RULE-MODEL-DATA-seedN")
    _add_slide(train)
    train.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint, if there is one")
    train.add_argument("--checkpoint-every", type=one(int), metavar="STEPS",
                       help="checkpoints inside an epoch at these steps; there is one after every epoch in any case; "
                       f"default: one whenever {SAVE_EVERY:g} s have passed, less often where that would cost over "
                       "2 %% of the time")
    _add_settings(train)
    _add_rule_options(train, named)

    plot = command("plot", "print the table and draw the figures again from a record, without training")
    plot.add_argument("record", metavar="FOLDER_OR_FILE", help="what compare or train wrote, a summary.json or a "
                      "record.jsonl; of a folder that holds both, the summary")
    plot.add_argument("--out", type=folder, metavar="DIR", help="where to draw; default: beside the record")
    plot.add_argument("--table", metavar="FORMAT", help=f"only print the table, as {', '.join(TABLE_FORMATS)}")
    plot.add_argument("--animate", action="store_true",
                      help="write the angles to the gradient, moving from epoch to epoch, as gradient_angles.gif too")
    plot.add_argument("--page", action="store_true", help="write page.html too: all of it in one file, to hand on")
    _add_format(plot)
    _add_slide(plot)

    figure = command("figure", "measure and draw the figure of one experiment, with its settings and numbers beside it")
    ideas = {name: docstring(sys.modules[draw.__module__]).splitlines()[0]
             for name, (_, draw) in (TRAINED | EXPERIMENTS).items()}
    figure.description += "\n\n" + "\n".join(textwrap.fill(idea, 110, initial_indent=f"  {name:22}",
                                                           subsequent_indent=24 * " ") for name, idea in ideas.items())
    figure.add_argument("name", metavar="NAME", help="one of the above")
    figure.add_argument("--scale", default="quick", metavar="NAME", help=f"{', '.join(SCALES)}: seconds to minutes on "
                        f"what ships; an hour or so on Fashion-MNIST; as published. Of {', '.join(TRAINED)}; the "
                        f"others have one size. Default quick")
    figure.add_argument("--data-dir", type=folder, metavar="DIR",
                        help="folder with the original files, at the larger scales")
    figure.add_argument("--jobs", type=one(int), metavar="N", help="processes at a time; default: one per core")
    _add_output(figure, "this folder")
    _add_resume(figure)

    trace = command("trace", "print one learning phase on one batch, layer by layer from the top",
                    "--rule NAME [OPTION ...]")
    _add_rule(trace)
    trace.add_argument("--batch", type=one(int), default=64, metavar="N", dest="batch_size",
                       help="samples in the batch, and in those of the steps before it; default 64")
    trace.add_argument("--steps", type=one(int), default=0, metavar="K", help="train for K steps first; default 0")
    _add_settings(trace, training=False)
    _add_rule_options(trace, named)

    check = command("check", "check the gradients of every layer and the exact truths of every rule, with the numbers")
    check.add_argument("--rules", type=rule_items, action="extend", metavar="A,B",
                       help="these alone; default: all layers and all rules")
    check.add_argument("--seed", type=one(int), default=0, metavar="N",
                       help="of what is drawn to check them on; default 0")

    command("rules", "list the rules: name, idea, paper, options")

    lessons = command("lessons", "list the lessons of the course, or copy them into a folder")
    lessons.add_argument("--to", type=folder, metavar="DIR",
                         help="copy them there; a lesson that you have changed is left as it is")
    lessons.add_argument("--notebook", action="store_true", help="as .ipynb files, for Jupyter and Colab")

    sets = command("data", "list the data sets, or fetch the files of one: the only command that uses the network")
    sets.add_argument("action", metavar="fetch", nargs="?", help="without it: list")
    sets.add_argument("name", metavar="NAME", nargs="?", help="mnist, fashion or cifar10; the others ship or are "
                      "computed, and Debian's and Ubuntu's package dataset-fashion-mnist is found by itself")
    sets.add_argument("--to", type=folder, metavar="DIR",
                      help="the folder for the files, made if need be; what is there already and right is left alone")
    sets.add_argument("--from", metavar="URL", dest="mirror", help="a folder that holds the files (https, http, file), "
                      "instead of the mirrors that are known; contents are checked all the same")

    exercise = command("exercise", "print the task of an exercise, or check an answer to it")
    exercise.add_argument("number", metavar="NUMBER", nargs="?", help="lesson and exercise, such as 3.1; default: list "
                          "all, and which are done")
    exercise.add_argument("file", metavar="FILE.py", nargs="?", help="holds the answer, a function of the task's name; "
                          "what it calls outside of functions is not run; it has a process of its own, 5 "
                          "seconds of computing for a call and 60 in all")
    exercise.add_argument("--reset", action="store_true", help="forget which are done: delete exercises-done.json here")
    return parser, commands.choices


# -------------------------------------------------------------------------------------------- options in common

def _add_rule(parser):
    parser.add_argument("--rule", required=True, metavar="NAME or FILE.py:CLASS", help="see `feedbackalign rules`")
    parser.add_argument("--seed", type=one(int), default=0, metavar="N",
                        help="of weights, feedback and the order of the samples; default 0")


def _add_output(parser, default):
    parser.add_argument("--out", type=folder, metavar="DIR", help=f"output folder; default {default}")
    _add_format(parser)
    parser.add_argument("--threads", type=one(int), default=1, metavar="N",
                        help="threads of the matrix library in each process; default 1")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")


def _add_resume(parser):
    parser.add_argument("--resume", action="store_true", help="take over what the same line finished before it was "
                        "stopped, and do the rest; without it all is done anew")


def _add_format(parser):
    parser.add_argument("--format", type=formats, default=["png"], metavar="A,B",
                        help=f"of the figures: {', '.join(FORMATS)}; default png")


def _add_slide(parser):
    parser.add_argument("--size", type=size, metavar="WxH", help="width and height of the figures in inches, such as "
                        "8x4.5; letters grow with it, and a .png has 150 pixels an inch; default 12.8x7.2")
    parser.add_argument("--theme", type=theme, default="light", metavar="NAME",
                        help=f"of the figures: {', '.join(THEMES)}; default light")


def _add_settings(parser, training=True, lists=False):
    """Fields of `Run`: only those given appear in the namespace, so that every default stands in one place."""
    group = parser.add_argument_group("what is trained, and how")
    number, name, several = (one_or_several, "A,B", "; several are tried in turn") if lists else (one, "X", "")

    def usual(field):
        with_it = {}                                                # {value: models that have it}
        for name, model in models.MODELS.items():
            with_it.setdefault(getattr(model, field), []).append(name)
        first, *others = with_it.items()
        return "; ".join([str(first[0]), *(f"{value} with {', '.join(names)}" for value, names in others)])

    def add(option, text, **more):
        default = DEFAULTS[more.get("dest", option.strip("-").replace("-", "_"))]
        if default not in (None, (), False):
            text += f"; default {default}"
        group.add_argument(option, default=argparse.SUPPRESS, help=text, **more)

    add("--model", f"{', '.join(models.MODELS)}; or your own function (data, rng) -> Network",
        metavar="NAME or FILE.py:FUNCTION")
    add("--data", f"{', '.join(data.LOADERS)}; or your own FILE.npz with x_train, y_train, x_test, y_test or x, y; "
        "FILE.csv; FILE.py:FUNCTION, (rng) -> Dataset", metavar="NAME or FILE")
    add("--test-share", "share of the samples of your own file that becomes its test set, where it has none; default "
        f"{data.own.TEST_SHARE}", type=one(float), metavar="X")
    add("--label-column", "of a .csv, a name or a number from 0 on; default "
        f"{', '.join(data.own.LABELS)}, else the first", metavar="NAME_OR_NUMBER")
    add("--data-dir", "folder with the original files of mnist, fashion or cifar10", type=folder, metavar="DIR")
    add("--validation", "share of the training samples that are held out, to choose settings by; default 0",
        type=one(float), metavar="SHARE")
    add("--shuffled-labels", "train on labels in random order, which can only be learnt by heart", action="store_true")
    add("--hidden", "hidden units of the dense models, such as 64,64", type=integers, metavar="A,B")
    add("--activation", f"of the dense models: {', '.join(ACTIVATIONS)}", metavar="NAME")
    add("--init", f"initialiser of the weights: {', '.join(INITIALISERS)}; default {usual('init')}", metavar="NAME")
    add("--dtype", "float32 or float64, of the network and all that is computed; default float32, and whatever a model "
        "of your own makes", metavar="NAME")
    add("--augment", f"what happens to the training images: {', '.join(data.AUGMENTATIONS)} (a window moved by up to 4 "
        "pixels, half of them mirrored); default none, and crop-flip for ResNets on cifar10", metavar="NAME")
    if training:
        add("--epochs", f"passes over the training data; default {usual('epochs')}", type=one(int), metavar="N")
        add("--batch-size", f"samples a step{several}; default {usual('batch_size')}", type=number(int), metavar=name)
    add("--lr", f"learning rate, which some rules multiply with a factor of their own{several}; default {usual('lr')}, "
        f"and {GENTLE} for regression and for Adam on a model of SGD", type=number(float), metavar=name)
    add("--momentum", f"of SGD; default {usual('momentum')}", type=one(float), metavar="X")
    add("--lr-milestones", "epochs after which the learning rate is multiplied by --lr-factor; default none"
        + "".join(f", but by {model.lr_per_epoch:g} after every epoch with {name}"
                  for name, model in models.MODELS.items() if model.lr_per_epoch != 1), type=integers, metavar="A,B")
    add("--lr-factor", "see --lr-milestones; default 0.5", type=one(float), metavar="X")
    add("--decay", "weight decay: `authors` (the product rules start strong), `equal` (all rules do), or a number; "
        f"default {usual('decay')}", type=decay, metavar="X")
    add("--optimizer", f"sgd, adam; default {usual('optimizer')}", metavar="NAME")
    if training:
        add("--persistence", "record the topology of the weights after every epoch", action="store_true")


def _add_rule_options(parser, named):
    """A flag for every option of every rule; help explains those of the rules that are named on the line."""
    group = parser.add_argument_group(
        "options of the rules", "Every option of a rule is a flag, for those of the chosen rules that take it.\n"
        "`feedbackalign rules` lists all; with rules on the line, --help lists theirs.")
    meanings = {}                                                   # {option: {what it means: the rules that say so}}
    for rule in [*named, *(rule for rule in rules.TABLE if rule not in named)]:
        kind = rules.find(rule)
        for option, default in rules.options_of(kind).items():
            texts = meanings.setdefault(option, {})
            if rule in named:
                usual = "" if default is None else f" (default {default})"
                texts.setdefault((option_text(kind, option), usual), []).append(rule.split(":")[-1])
    for option, texts in meanings.items():
        if option in DEFAULTS:                                      # --activation is the network's, for all rules alike
            continue
        words = " ".join(f"{', '.join(names)}{usual}: {text}".rstrip(": ") for (text, usual), names in texts.items())
        group.add_argument(flag(option), dest=f"option_{option}", type=number_or_word, default=argparse.SUPPRESS,
                           metavar="X", help=words.replace("%", "%%") or argparse.SUPPRESS)


def settings_of(arguments):
    """The fields of `Run` that were given on the line, without rule, seed and the rule's options."""
    return {name: value for name, value in vars(arguments).items()
            if name in DEFAULTS and name not in ("rule", "seed", "options")}


def options_of(arguments):
    """The rules' own options that were given, {"expansion": 20}."""
    return {name.removeprefix("option_"): value for name, value in vars(arguments).items()
            if name.startswith("option_")}
