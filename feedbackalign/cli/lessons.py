"""Copy the course out of the package into a folder: as scripts in percent format, or as notebooks.

The lessons are in lessons/ of a checkout, and in feedbackalign/lessons/ of a wheel.
"""

import json
import pathlib
import re

from feedbackalign.data.writing import written_whole


PACKAGE = pathlib.Path(__file__).resolve().parents[1]
CELL = re.compile(r"# %%(?P<markdown> \[markdown\])?\s*$")
ALONGSIDE = ("*.md", "figures/*.png", "figures/*.gif")              # the pages, and their pictures


def lessons_folder():
    """Where the lessons are: in the installed package, or beside it in a checkout."""
    for folder in (PACKAGE / "lessons", PACKAGE.parent / "lessons"):
        if any(folder.glob("[0-9][0-9]_*.py")):
            return folder
    raise FileNotFoundError(f"{PACKAGE / 'lessons'}: this installation has no lessons")


def lesson_files():
    """The lessons' files, in order."""
    return sorted(lessons_folder().glob("[0-9][0-9]_*.py"))


def title(path):
    """The first heading of a lesson: "3. Who tells a synapse …"."""
    return re.search(r"^# # (.+)$", path.read_text(encoding="utf-8"), flags=re.M).group(1)


def copy_lessons(folder, as_notebooks=False):
    """Write every lesson into an existing folder: -> (paths written, paths kept because they hold another text)."""
    wanted = {}
    for path in lesson_files():
        if as_notebooks:
            text = json.dumps(notebook(path.read_text(encoding="utf-8"), path.stem[:2]), indent=1, ensure_ascii=False)
            wanted[folder / f"{path.stem}.ipynb"] = f"{text}\n".encode()
        else:
            wanted[folder / path.name] = path.read_bytes()
    for pattern in ALONGSIDE:
        for path in sorted(lessons_folder().glob(pattern)):
            is_page = path.suffix == ".md"
            wanted[folder / path.relative_to(lessons_folder())] = (
                page(path.read_text(encoding="utf-8"), as_notebooks).encode() if is_page else path.read_bytes())
    written, kept = [], []
    for path, content in wanted.items():
        if path.exists() and path.read_bytes() != content:          # it may hold a student's answers
            kept.append(path)
            continue
        path.parent.mkdir(exist_ok=True)
        with written_whole(path) as part:
            part.write_bytes(content)
        written.append(path)
    return written, kept


def page(text, as_notebooks=False):
    """A page's text with links that work where it is copied to.

    Links to lessons lead to the notebooks if these are written, links to code lead into this package. Of all other
    links out of the folder only the words are left.

    >>> page("[one](01_a.py), [two](../feedbackalign/ops/linear.py), [three](../tests/x.py)", as_notebooks=True)
    '[one](01_a.ipynb), [two](file:///.../feedbackalign/ops/linear.py), three'
    """
    if as_notebooks:
        text = re.sub(r"\]\((\d\d_\w+)\.py\)", r"](\1.ipynb)", text)
    text = re.sub(r"\]\(\.\./feedbackalign/([^)]+)\)", lambda link: f"]({(PACKAGE / link[1]).as_uri()})", text)
    return re.sub(r"\[([^][]*)\]\(\.\./[^)]*\)", r"\1", text)


def cells(source):
    """The cells of a script in percent format: -> [("markdown" or "code", text), …].

    >>> cells("# %% [markdown]\\n# # One\\n#\\n# two\\n\\n# %%\\nx = 1\\n")
    [('markdown', '# One\\n\\ntwo'), ('code', 'x = 1')]
    """
    found = []
    for line in source.splitlines():
        marker = CELL.match(line)
        if marker:
            found.append(("markdown" if marker["markdown"] else "code", []))
        elif not found:
            raise ValueError(f"lesson: expected a line that begins '# %%' first, got {line!r}")
        elif found[-1][0] == "markdown" and line.strip():
            if not re.match(r"#( |$)", line):
                raise ValueError(f"lesson: expected a line of text that begins '# ', got {line!r}")
            found[-1][1].append(line[2:])
        else:
            found[-1][1].append(line)
    return [(kind, "\n".join(lines).strip("\n")) for kind, lines in found]


def notebook(source, name):
    """A script in percent format as a notebook of nbformat 4.5, ready for json.

    >>> made = notebook("# %%\\nx = 1\\ny = 2", "03")
    >>> made["cells"][0]["id"], made["cells"][0]["source"]
    ('03-01', ['x = 1\\n', 'y = 2'])
    """
    made = []
    for place, (kind, text) in enumerate(cells(source), start=1):
        lines = text.splitlines(keepends=True)
        cell = {"cell_type": kind, "id": f"{name}-{place:02d}", "metadata": {}, "source": lines}
        made.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": made, "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}}, "nbformat": 4,
            "nbformat_minor": 5}
