"""The lessons as they stand: how they are built, that their text and the package agree, and how they travel.

That each runs, and that what it asserts holds, is for .ci/run: it runs every lesson as it ships.
"""

import ast
import builtins
import importlib
import inspect
import json
import keyword
import re
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

import feedbackalign as fa
from feedbackalign import exercises, rules
from feedbackalign.cli import lessons as copying
from feedbackalign.cli.arguments import build_parser
from feedbackalign.cli.commands import main

CHECKOUT = Path(__file__).resolve().parents[1]
FILES = sorted((CHECKOUT / "lessons").glob("*.py"))
every_lesson = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def cells_of(path):
    return copying.cells(path.read_text(encoding="utf-8"))


def code_of(path):
    return "\n".join(text for kind, text in cells_of(path) if kind == "code")


def number_of(path):
    return int(path.stem[:2])


# ------------------------------------------------------------------------------------------------ how they are built

def test_there_are_lessons_and_they_are_numbered_once():
    assert FILES and all(re.fullmatch(r"\d\d_[a-z0-9_]+", path.stem) for path in FILES)
    assert len({number_of(path) for path in FILES}) == len(FILES)


@every_lesson
def test_a_lesson_is_short_and_opens_with_its_question(path):
    assert 80 <= len(path.read_text(encoding="utf-8").splitlines()) <= 200
    kind, text = cells_of(path)[0]
    assert kind == "markdown" and text.startswith(f"# {number_of(path)}. ")


@every_lesson
def test_it_names_its_papers_and_says_what_it_takes(path):
    line = cells_of(path)[0][1].split("\n\n")[1].replace("\n", " ")
    told = re.fullmatch(r"\*Papers: (.+)\. (\d+) minutes to read, (\d+) to do\. Know before: (.+)\.\*", line)
    assert told, f"below the heading stands {line!r}"
    papers, read, do, before = told.groups()
    of_rules = {paper.split(", arXiv")[0]: paper for kind in rules.TABLE.values() for paper in kind.paper.split("; ")}
    for paper in papers.split("; "):
        assert re.fullmatch(r"[^\d]+ (19|20)\d\d(, arXiv \d{4}\.\d{4,5}|, [\w ]+ \d+, \w+)?", paper)
        assert of_rules.get(paper.split(", arXiv")[0], paper) == paper, "another number than the rule's own"
    assert 5 <= int(read) <= 30 and 10 <= int(do) <= 60
    earlier = [int(number) for number in re.findall(r"\d+", before)]
    assert all(0 < number < number_of(path) for number in earlier) and bool(earlier) == (number_of(path) > 1)


@every_lesson
def test_its_first_cell_of_code_takes_one_thread_and_says_why(path):
    first = next(text for kind, text in cells_of(path) if kind == "code")
    code = [line for line in first.splitlines() if line and not re.match(r"(from|import) ", line)]
    assert re.fullmatch(r"fa\.blas_threads\(1\) +# .*thread.*", code[0]), "right below the imports"


@every_lesson
def test_it_asserts_what_it_said_and_closes_with_exercises(path):
    texts = cells_of(path)
    ask = [place for place, (kind, text) in enumerate(texts) if kind == "markdown" and "## Is it so?" in text]
    close = [place for place, (kind, text) in enumerate(texts) if kind == "markdown" and "## Exercises" in text]
    assert len(ask) == len(close) == 1 and ask[0] < close[0], "one '## Is it so?', and then one '## Exercises'"
    asserting = "\n".join(text for kind, text in texts[ask[0]:close[0]] if kind == "code")
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(asserting)))
    listed = re.findall(r"(?:\*\*|Exercise )(\d+\.\d)\b", "\n".join(text for _, text in texts[close[0]:]))
    listed = list(dict.fromkeys(listed))
    assert listed == [f"{number_of(path)}.{place + 1}" for place in range(len(listed))] and 3 <= len(listed) <= 5


@every_lesson
def test_two_exercises_are_coded_and_stand_in_the_package_letter_by_letter(path):
    coded = importlib.import_module(f"feedbackalign.exercises.lesson_{number_of(path):02d}").EXERCISES
    assert list(coded) == [f"{number_of(path)}.1", f"{number_of(path)}.2"]
    tree = ast.parse(code_of(path))
    asked = {node.args[0].value: node.args[1].id for node in ast.walk(tree) if is_call_of_exercise(node)}
    assert asked == {number: exercise.name for number, exercise in coded.items()}
    stubs = {node.name: ast.unparse(node) for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    for number, exercise in coded.items():
        assert stubs[exercise.name] == ast.unparse(ast.parse(inspect.getsource(exercise.task))), number
        assert inspect.getdoc(exercise.task).startswith(f"Exercise {number}. ")


def is_call_of_exercise(node):
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "fa.exercise"


@every_lesson
def test_it_imports_little_and_every_generator_has_its_seed(path):
    tree = ast.parse(code_of(path))
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \
            [node.module] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name.split(".")[0] in {"numpy", "matplotlib", "feedbackalign", *sys.stdlib_module_names}, name
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "np.random":
            assert node.attr in ("default_rng", "Generator"), f"line {node.lineno}: state of the whole module"
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("default_rng"):
            assert node.args, "a Generator without a seed"


@every_lesson
def test_its_pictures_bear_its_number(path):
    names = [node.args[0 if ast.unparse(node.func) == "fa.figures.panels" else 1].value
             for node in ast.walk(ast.parse(code_of(path)))
             if isinstance(node, ast.Call) and ast.unparse(node.func) in ("fa.figures.panels", "fa.figures.show")]
    assert names and all(name.startswith(path.stem[:3]) for name in names)


# ------------------------------------------------------------------------------------------- text and package agree

SYMBOL = re.compile(r"\w{1,3}|\w{1,2}_\w+")


@lru_cache
def names_in_package():
    """Every name that the package defines or uses as a key: functions, classes, arguments, attributes, words."""
    known = set(dir(builtins)) | set(keyword.kwlist) | set(rules.TABLE)
    for path in (CHECKOUT / "feedbackalign").rglob("*.py"):
        known |= {path.stem} | names_in(ast.parse(path.read_text(encoding="utf-8")))
    return known


def names_in(tree):
    known = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            known.add(node.name)
        elif isinstance(node, ast.arg):
            known.add(node.arg)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            known.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            known.add(node.id)
        elif isinstance(node, ast.alias):
            known.add(node.asname or node.name)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[\w.-]+", node.value):
            known.update([node.value, *node.value.split(".")])
    return known


def unknown_names(text, code):
    """What stands in backticks in a text and exists neither in the lesson's code nor in the package.

    Symbols of equations are free: up to three letters, or one or two with an index.
    """
    known = names_in_package() | names_in(ast.parse(code))
    commands = build_parser()[1]
    unknown = []
    for quoted in set(re.findall(r"`([^`]+)`", text)) - set(rules.TABLE):
        if re.search(r"\.(py|png|ipynb|md)\b", quoted):
            unknown += [word for word in re.findall(r"[\w/.-]+\.(?:py|png|ipynb|md)\b", quoted) if not is_file(word)]
            continue
        command = re.match(r"feedbackalign (\w+)", quoted)
        if command:
            unknown += [] if command[1] in commands else [quoted]
            continue
        for dotted in re.findall(r"[^\W\d][\w.]*(?:-[^\W\d]\w*)*", quoted):
            parts = dotted.strip(".").split(".")
            if parts[0] in ("fa", "np"):
                unknown += [] if resolves({"fa": fa, "np": np}[parts[0]], parts[1:]) else [dotted]
            else:
                unknown += [dotted] if any(part not in known and not SYMBOL.fullmatch(part) for part in parts) else []
    return unknown


def resolves(thing, parts):
    for part in parts:
        if not hasattr(thing, part):
            return False
        thing = getattr(thing, part)
    return True


def is_file(name):
    return name.startswith("my_") or "output/" in name or any(
        (folder / name).exists() for folder in (CHECKOUT, CHECKOUT / "feedbackalign", CHECKOUT / "lessons"))


@every_lesson
def test_every_name_in_backticks_exists(path):
    prose = "\n".join(text for kind, text in cells_of(path) if kind == "markdown")
    assert unknown_names(prose, code_of(path)) == []


@pytest.mark.parametrize("text, found", [
    ("see `fa.alignment.angle` and `net.forward(x)`, e = `e_in = e W`", []),
    ("see `fa.alignment.corner`", ["fa.alignment.corner"]),
    ("see `net.forwards(x)`", ["net.forwards"]),
    ("see `mine`", []),
    ("say `route=\"closed-form\"`", []),
    ("say `route=\"open-form\"`", ["open-form"]),
    ("see `yours`", ["yours"]),
    ("type `feedbackalign compair`", ["feedbackalign compair"]),
    ("read `rules/backprop.py` and `rules/nobody.py`", ["rules/nobody.py"]),
    ("`np.linalg.nrm`", ["np.linalg.nrm"]),
])
def test_the_search_for_unknown_names_finds_them(text, found):
    assert unknown_names(text, "mine = 1") == found


# ------------------------------------------------------------------------------------------------------ how they travel

def test_the_lessons_are_copied_and_answers_in_them_are_left_alone(tmp_path, capsys):
    assert main(["lessons", "--to", str(tmp_path / "course")]) == 0
    for path in FILES:
        assert (tmp_path / "course" / path.name).read_bytes() == path.read_bytes()
    mine = tmp_path / "course" / FILES[0].name
    mine.write_text("my answers", encoding="utf-8")
    capsys.readouterr()
    assert main(["lessons", "--to", str(tmp_path / "course")]) == 0
    assert mine.read_text(encoding="utf-8") == "my answers"
    assert f"{mine}: left as it is" in capsys.readouterr().out


def test_the_page_beside_notebooks_leads_to_notebooks(tmp_path):
    assert main(["lessons", "--to", str(tmp_path), "--notebook"]) == 0
    links = re.findall(r"\]\((\d\d_\w+\.\w+)\)", (tmp_path / "README.md").read_text(encoding="utf-8"))
    assert len(links) == len(FILES) and all(link.endswith(".ipynb") and (tmp_path / link).exists() for link in links)


def test_notebooks_are_valid_and_hold_the_same_code(tmp_path):
    assert main(["lessons", "--to", str(tmp_path), "--notebook"]) == 0
    for path in FILES:
        made = json.loads((tmp_path / f"{path.stem}.ipynb").read_text(encoding="utf-8"))
        assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)
        ids = [cell["id"] for cell in made["cells"]]
        assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in ids)
        for cell in made["cells"]:
            keys = {"cell_type", "id", "metadata", "source"}
            assert set(cell) == keys | ({"execution_count", "outputs"} if cell["cell_type"] == "code" else set())
        for kind, text in cells_of(path):
            assert kind == "code" or not re.search(r"^# %%|^#$", text, flags=re.M), "markers in a text"
        code = "\n".join("".join(cell["source"]) for cell in made["cells"] if cell["cell_type"] == "code")
        assert ast.dump(ast.parse(code)) == ast.dump(ast.parse(path.read_text(encoding="utf-8")))


def test_the_list_of_lessons_tells_their_questions(capsys):
    assert main(["lessons"]) == 0
    assert [line.split(".")[0] for line in capsys.readouterr().out.splitlines()] == [
        str(number_of(path)) for path in FILES]
    assert main(["lessons", "--notebook"]) == 2


@pytest.mark.parametrize("source", ["x = 1\n", "# %% [markdown]\ntext without its mark\n"])
def test_what_is_no_script_of_cells_is_refused(source):
    with pytest.raises(ValueError, match="expected a line"):
        copying.cells(source)


def test_all_exercises_belong_to_a_lesson():
    assert {number.split(".")[0] for number in exercises.numbers()} == {str(number_of(path)) for path in FILES}
