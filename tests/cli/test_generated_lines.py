"""Command lines made at random from the table of words: good ones do, and one bad word is refused in one sentence."""

import contextlib
import dataclasses
import re
import shlex

import numpy as np
import pytest

from feedbackalign.cli import arguments
from feedbackalign.cli import commands as cli
from tests.cli.short_runs import short_runs
from tests.cli.table_of_words import CALLED, FLAG, USUAL, WORDS

TIED = ("--model", "--data", "--hidden", "--init", "--activation", "--debug", "--rule", "--rules")     # to one another
FOREIGN = re.compile(r"Traceback|Errno|invalid literal|has no attribute|unsupported operand|not supported between|"
                     r"int too large|too big|broadcast|cannot convert|Exceeds the limit|must be real|out of memory|"
                     r"[A-Z]\w*(Error|Warning|Exception)\b|NoneType")


@dataclasses.dataclass(frozen=True)
class Line:
    """A command line: one option with one word of the table, of the kind good, bad, files or extreme."""

    command: str
    option: str
    kind: str
    word: object
    others: tuple = ()

    def words(self, files):
        """What is typed; positional arguments stand behind the command."""
        entry = WORDS[self.command][self.option]
        usual = USUAL[self.command]
        if self.kind == "extreme" and "--epochs" in usual:
            usual = usual | {"--epochs": "1"}
        chosen = {**usual, **dict(self.others), **entry.needs, self.option: self.word}
        positional = [word for option, word in in_order(self.command, chosen) if not option.startswith("-")]
        typed = [self.command, *positional]
        for option, word in chosen.items():
            if option.startswith("-") and word is not None:
                is_glued = word is not FLAG and self.kind == "bad" and entry.good == (FLAG,) and option == self.option
                typed.append(option + word if is_glued else option if word is FLAG else f"{option}={word}")
        return [word.replace("FILES", str(files)) for word in typed]


def in_order(command, chosen):
    return sorted(chosen.items(), key=lambda item: list(WORDS[command]).index(item[0]))


def all_lines(rng):
    """A line for every word of the table, each with up to two good words of other options beside it."""
    for command, options in WORDS.items():
        alone = [name for name, words in options.items() if not words.needs and words.good and name.startswith("-")]
        for option, words in options.items():
            for kind in ("good", "bad", "files", "extreme"):
                for word in getattr(words, kind):
                    names = rng.choice(alone, size=min(2, len(alone)), replace=False)
                    others = tuple((str(name), options[name].good[rng.integers(len(options[name].good))])
                                   for name in names if name not in (option, *TIED))
                    yield Line(command, option, kind, word, others)


LINES = list(all_lines(np.random.default_rng(0)))


def held(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "__pycache__" not in path.parts}


def faults(line, files, folder, capsys):
    """What is wrong with how the command answers, in words: a list."""
    before = held(folder) | held(files)
    typed = line.words(files)
    capsys.readouterr()
    try:
        status = cli.main(typed)
    except BaseException as error:
        status = f"{type(error).__name__}: {error}"
    told = capsys.readouterr().err
    after = held(folder) | held(files)
    for path in sorted(set(after) - set(before), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    found = [] if isinstance(status, int) else [f"foreign {status}"]
    if status == 0 and line.kind in ("bad", "files"):
        found.append("accepted")
    elif status != 0:
        allowed = {"good": (0,), "bad": (2,), "files": (1,), "extreme": (1, 2)}[line.kind]
        if status and status not in allowed:
            found.append(f"foreign status {status}")
        sentence = told.splitlines()[-1] if told else ""
        others = [text for text in told.splitlines()[:-1] if not text.startswith("feedbackalign: warning: ")]
        if others or not sentence.startswith("feedbackalign: error: "):
            found.append("foreign not one line")
        elif FOREIGN.search(sentence) and "raises.py" not in sentence:
            found.append("foreign words")
        if status == 2 or line.kind == "files":
            if line.kind != "files" and not names(sentence, line):
                found.append("unclear: does not name the option")
            if not says(sentence, line.word, files):
                found.append("unclear: does not say what came")
        if line.kind != "extreme" and after != before:
            found.append("wrote " + ", ".join(str(path) for path in set(after) ^ set(before)))
    return found and [*found, f"line: {shlex.join(typed)[:300]}", f"told: {told[-400:].strip()}"]


def names(sentence, line):
    """Whether the sentence names the option, as --lr-factor, lr_factor or lr factor, or one inside of its word."""
    inside = re.findall("([a-z]+)=", str(line.word))
    option = CALLED.get((line.command, line.option), line.option.strip("-").replace("-", " ").rstrip("s"))
    return any(name in re.sub(r"[-_]", " ", sentence) for name in [option, *inside])


def says(sentence, word, files):
    """Whether the sentence says what came: the word, its first letters, the number, or a part of a list or path."""
    word = word.removeprefix("=").replace("FILES", str(files))
    forms = [repr(word), word[:40]] if word.strip() else [repr(word)]
    with contextlib.suppress(ValueError):
        forms += [f"{float(word)!r}", f"{float(word):g}"]
    parts = [part for part in re.split("[,:=]", word) if part]
    return any(form in sentence for form in forms) or \
        any(re.search(rf"(?<![\w.-]){re.escape(part[:40])}(?!\w)", sentence) for part in parts)


# ------------------------------------------------------------------------------------------------------------ tests

def test_the_table_holds_every_command_and_every_option():
    _, commands = arguments.build_parser()
    assert set(WORDS) == set(USUAL) == set(commands)
    for command, parser in commands.items():
        options = {name for action in parser._actions for name in action.option_strings or [action.dest]}
        assert set(WORDS[command]) == options - {"-h", "--help"}, command


def some_lines(number, seed):
    return [LINES[place] for place in np.random.default_rng(seed).permutation(len(LINES))[:number]]


@pytest.mark.parametrize("number, seed", [(10, 1), *(
    pytest.param(*some, marks=pytest.mark.slow) for some in ((30, 1), (1000, 2)))])
def test_generated_lines(number, seed, files, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with short_runs(files, monkeypatch):
        found = ["\n    ".join(wrong) for line in some_lines(number, seed)
                 if (wrong := faults(line, files, tmp_path, capsys))]
    assert not found, f"{len(found)} of {number} lines:\n" + "\n".join(found)
