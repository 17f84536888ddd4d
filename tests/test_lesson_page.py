"""lessons/README.md: it shows every lesson with a picture of its own, and its session in the debugger is a real one."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.lesson_pictures import LESSONS, pictures_shown, shrunk

PAGE = LESSONS / "README.md"
FILES = sorted(LESSONS.glob("*.py"))


def text():
    return PAGE.read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", text(), flags=re.M | re.S)


# ----------------------------------------------------------------------------------------------------------- the map

@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_map_shows_every_lesson_with_a_picture(path):
    assert f"]({path.name})" in text()
    shown = [name for name in pictures_shown() if name.startswith(path.stem[:3])]
    assert len(shown) == 1
    assert f'"{shown[0]}"' in path.read_text(encoding="utf-8"), "made by the lesson itself"
    assert 2_000 < (LESSONS / "figures" / f"{shown[0]}.png").stat().st_size < 80_000


def test_no_picture_of_a_lesson_is_left_over():
    kept = {path.stem for path in (LESSONS / "figures").glob("[0-9]*.png")}
    assert kept == set(pictures_shown())


def test_a_picture_is_shrunk_by_means():
    image = np.zeros((6, 9, 4))
    image[:3, :3, 0] = 1.0
    image[3, 3, 1] = 1.0
    small = shrunk(image)
    assert small.shape == (2, 3, 3)
    assert small[0, 0].tolist() == [1, 0, 0] and small[1, 1, 1] == pytest.approx(2 / 15)


# --------------------------------------------------------------------------------------------------- in the debugger

def turns(session):
    """A session -> [(what was typed, what came)], the first turn being what came unasked."""
    parts = re.split(r"^\(Pdb\) (.*)$\n?", session, flags=re.M)
    return list(zip(["", *parts[1::2]], parts[::2]))


def without_places(came):
    """The files by their names, without folders, line numbers, and the beginnings of what is returned."""
    came = re.sub(r"[^\s>]*?([\w.]+\.py)(\((\d+|…)\)|:(\d+|…))", r"\1", came)
    came = re.sub(r"\)->.*", ")", came)
    return [re.sub(r"\s+", " ", line).strip() for line in came.splitlines() if line.strip()]


def sessions():
    """[script, session] of each: a whole script, or a line in place of the first script's; then what was typed."""
    found = []
    for language, block in re.findall(r"^```(python|pdb)\n(.*?)^```", text(), flags=re.M | re.S):
        if language == "pdb":
            found[-1][1] += block
        elif "breakpoint()" in block:
            found.append([block, ""])
        elif found and block.startswith("rule = "):
            lines = found[0][0].splitlines(keepends=True)
            found.append(["".join(block if line.startswith("rule = ") else line for line in lines), ""])
    return found


@pytest.mark.parametrize("number", [0, 1], ids=["fa", "pfa"])
def test_the_session_in_the_debugger_is_a_real_one(number, tmp_path):
    assert len(sessions()) == 2
    script, session = sessions()[number]
    (tmp_path / "one_step.py").write_text(script, encoding="utf-8")
    shown = turns(session)
    typed = [command for command, _ in shown[1:]]
    assert len(typed) > 15
    done = subprocess.run([sys.executable, "one_step.py"], input="\n".join(typed) + "\n", capture_output=True,
                          encoding="utf-8", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    came = [without_places(part) for part in done.stdout.split("(Pdb) ")]
    expected = [without_places(part) for _, part in shown]
    expected[0], came[0] = expected[0][:1], came[0][:1]             # Python 3.13 stops one line earlier
    assert came == expected


def test_the_sentence_of_an_exercise_is_a_real_one(capsys):
    import feedbackalign as fa

    fa.exercise("3.1", lambda error, W, B, v, x: (error @ W * (v > 0)).T @ x)
    assert f"```\n{capsys.readouterr().out}```" in text()
    assert Path(LESSONS.parent / "tests" / "solutions").is_dir() and "tests/solutions/" in text()


# ------------------------------------------------------------------------------------------------- for the lecturer

def test_the_page_for_lecturers_has_a_row_for_every_lesson():
    page = (LESSONS / "TEACHING.md").read_text(encoding="utf-8").split("## Lesson by lesson")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", page, flags=re.M)
    about = {int(number) for number, aha, stumble in rows if len(aha) > 20 and len(stumble) > 20}
    assert about >= {int(path.stem[:2]) for path in FILES}
