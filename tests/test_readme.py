"""README.md: its links lead somewhere, and its code does what is said of it."""

import re
from pathlib import Path

import pytest

from feedbackalign import check, rules

README = Path(__file__).resolve().parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")


def code(first_line):
    """The block of Python in the README that starts like this."""
    block, = [block for block in re.findall(r"```python\n(.*?)```", TEXT, re.S) if block.startswith(first_line)]
    return block


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", TEXT))))
def test_links_lead_somewhere(link):
    if link.startswith("https://"):
        return
    path, _, heading = link.partition("#")
    assert not path or (README.parent / path).exists()
    headings = [re.sub(r"[^\w -]", "", line.lstrip("# ")).strip().lower().replace(" ", "-")
                for line in TEXT.splitlines() if line.startswith("#")]
    assert not heading or heading in headings


def test_the_twelve_lines_turn_unrelated_updates_towards_the_gradient(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(code("import numpy as np\nimport feedbackalign"), "README.md", "exec"), {})
    before, after = (dict(re.findall(r"'(fc\d\.weight)': ([\d.e-]+)", line))
                     for line in capsys.readouterr().out.splitlines())
    for layer in ("fc1.weight", "fc2.weight"):
        assert 75 < float(before[layer]) < 105 and float(after[layer]) < 30, layer
    assert (tmp_path / "path.png").stat().st_size > 10_000


def test_the_rule_of_ones_own_holds_what_it_says():
    scope = {}
    exec(compile(code('"""Feedback alignment through synapses'), "README.md", "exec"), scope)
    kind = scope["TernaryFeedback"]
    assert [row["what"] for row in check.run(rules=[kind]) if not row["passed"]] == []
    assert rules.options_of(kind) == {"present": 0.5}
