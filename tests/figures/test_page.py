"""The page to hand on: it parses, asks nothing of anywhere, and does in a browser what it says."""

import html.parser
import json
import re
import shutil
import subprocess

import pytest

from feedbackalign import figures
from tests.figures.records import changed, record

VOID = {"meta", "input", "br"}
MAY_STAY_OPEN = {"th", "td", "tr", "tbody", "thead", "html"}
HOSTILE = 'my <b>"rule" & </script><script>document.title = "taken"</script>'


class Reader(html.parser.HTMLParser):
    """All elements as dicts: tag, attributes, text of their own, and the element that they stand in."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open, self.problems = [], [], []
        self.feed(text)
        self.close()
        self.problems += [each["tag"] for each in self.open if each["tag"] not in MAY_STAY_OPEN]

    def handle_starttag(self, tag, attributes):
        self.found.append({"tag": tag, "text": "", "above": self.open[-1] if self.open else None, **dict(attributes)})
        if tag not in VOID:
            self.open.append(self.found[-1])

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        while self.open and self.open[-1]["tag"] != tag and self.open[-1]["tag"] in MAY_STAY_OPEN:
            self.open.pop()
        if not self.open or self.open.pop()["tag"] != tag:
            self.problems.append(f"/{tag}")

    def handle_data(self, data):
        if self.open:
            self.open[-1]["text"] += data

    def all(self, tag, **attributes):
        return [each for each in self.found
                if each["tag"] == tag and all(each.get(key) == value for key, value in attributes.items())]


def above(element):
    while element["above"]:
        element = element["above"]
        yield element


def svg_of(element):
    """A name for the figure that an element stands in; None outside of figures."""
    return next((id(each) for each in above(element) if each["tag"] == "svg"), None)


def of_a_rule(element):
    return next((each["class"] for each in above(element) if re.fullmatch(r"rule-\d+", each.get("class") or "")), None)


def written(rows, tmp_path, **options):
    path = figures.page(rows, tmp_path / "page.html", **options)
    return path, Reader(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    rows = record(rules=("bp", "fa", HOSTILE), epochs=12)
    return rows, *written(rows, tmp_path_factory.mktemp("page"), command="feedbackalign compare --rules <all>",
                          versions={"numpy": "2.0"})


def test_the_page_is_well_formed_and_its_ids_are_unique(read):
    _, _, found = read
    assert found.problems == []
    ids = [each["id"] for each in found.found if each.get("id")]
    assert len(ids) == len(set(ids)) > 50
    assert [each["class"] for each in found.all("figure")[1:]] == 3 * ["light"] + 3 * ["dark"]


def test_every_reference_is_to_an_id_of_its_own_figure_and_nothing_is_asked_of_anywhere(read):
    _, path, found = read
    ids = {each["id"] for each in found.found if each.get("id")}
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?:|\ssrc=|@import|<link", text)
    named = [each["href"] for each in found.found if "href" in each]
    named += re.findall(r"url\((#[^)]*)\)", text)
    assert len(named) > 100 and {name[1:] for name in named} <= ids
    inside = {}                                                 # {figure: the ids in it}
    for each in found.found:
        inside.setdefault(svg_of(each), set()).add(each.get("id"))
    for each in found.all("use"):
        assert each["href"][1:] in inside[svg_of(each)]


def test_every_marker_of_a_rule_has_a_title(read):
    rows, _, found = read
    markers = [each for each in found.all("use") if of_a_rule(each)]
    titles = {id(each["above"]): each["text"] for each in found.all("title") if each["above"]["tag"] == "use"}
    assert len(markers) > 100 and all(titles.get(id(marker)) for marker in markers)
    assert {of_a_rule(marker) for marker in markers} == {"rule-0", "rule-1", "rule-2"}
    told = [titles[id(marker)] for marker in markers]
    for epoch in (0, 12):
        ends = [100 * row["test_accuracy"] for row in rows if (row["rule"], row["epoch"]) == ("bp", epoch)]
        assert f"bp, epoch {epoch}: {sum(ends) / len(ends):.4g}" in told
    assert any(words.startswith(f"{HOSTILE}, epoch ") for words in told)


def test_a_marker_of_a_logarithmic_axis_with_holes_tells_the_value_of_its_epoch(tmp_path):
    rows = changed(record(rules=("bp",), seeds=1, epochs=4),
                   lambda row: row.update(test_loss=None if row["epoch"] in (0, 2) else 10.0 ** -row["epoch"]))
    _, found = written(rows, tmp_path)
    told = [each["text"] for each in found.all("title")]
    assert {"bp, epoch 1: 0.1", "bp, epoch 3: 0.001", "bp, epoch 4: 0.0001"} <= set(told)


def test_text_stays_text(read):
    _, _, found = read
    texts = [each["text"] for each in found.all("text")]
    assert {"Learning curves", "epoch", "training loss"} <= set(texts)


def test_the_rows_come_back_and_no_name_ends_the_script(read):
    rows, _, found = read
    held, = found.all("script", id="rows")
    assert json.loads(held["text"]) == rows and "<" not in held["text"]
    assert len(found.all("script")) == 2


def test_rows_that_are_too_large_are_left_out_and_the_page_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(figures.page.__globals__, "MOST_BYTES", 1000)
    _, found = written(record(rules=("bp",), epochs=1), tmp_path)
    assert found.all("script", id="rows")[0]["text"] == "[]"
    assert any(each["text"].startswith("The rows are left out: 0.0 MB") for each in found.all("p"))


def test_command_settings_and_versions_stand_there_and_what_differs_does_not(tmp_path):
    rows = [{**row, "settings": {"lr": 0.1 * (1 + (row["rule"] == "fa")), "batch_size": 32, "data": "digits"}}
            for row in record(rules=("bp", "fa"), seeds=1, epochs=1)]
    _, found = written(rows, tmp_path, command="feedbackalign compare --rules 'a<b'", versions={"numpy": "2.0"})
    facts = dict(zip([each["text"] for each in found.all("dt")], [each["text"] for each in found.all("dd")]))
    assert facts["command"] == "feedbackalign compare --rules 'a<b'" and facts["versions"] == "numpy 2.0"
    assert facts["batch size"] == "32" and "lr" not in facts


def test_the_table_holds_failed_rules_and_a_figure_of_too_many_groups_is_said_to_be_left_out(tmp_path):
    def settings(row):
        row["settings"] = {"lr": 0.1}
        if row["rule"] == "np":
            row.update(failed="diverged, epoch 1, fc2")
    rows = changed(record(rules=("bp", "np"), seeds=1, epochs=1), settings)
    for lr in (0.2, 0.3, 0.4, 0.5, 0.6):
        rows += changed(record(rules=("bp",), seeds=1, epochs=1), lambda row, lr=lr: row.update(settings={"lr": lr}))
    _, found = written(rows, tmp_path)
    assert "np" in [each["text"] for each in found.all("th")] and len(found.all("svg")) == 2
    assert any("diverged" in each["text"] for each in found.all("td"))
    assert sum("is left out: bp: 6 groups" in each["text"] for each in found.all("p")) == 3
    curves = {of_a_rule(each) for each in found.all("use")}
    assert "rule-0" in curves                               # of the figure over the numbers, where a group is its rule


@pytest.mark.slow
def test_the_same_rows_give_the_same_page(tmp_path):
    rows = record(rules=("bp", "pfa"), epochs=1)
    first = figures.page(rows, tmp_path / "one.html").read_bytes()
    assert figures.page(rows, tmp_path / "two.html").read_bytes() == first


ASK = """<script>
const shown = place => getComputedStyle(document.querySelector("figure svg .rule-" + place)).display;
const names = () => [...document.querySelectorAll("tbody th")].map(head => head.textContent.slice(0, 2)).join();
const told = [names()];
document.querySelector("#show-1").click();
told.push(shown(0), shown(1), getComputedStyle(document.querySelector("tr.rule-1")).display);
document.querySelector("#show-1").click();
told.push(shown(1));
const heads = [...document.querySelectorAll("thead button")];
for (const head of [heads[1], heads[1], heads[0]]) { head.click(); told.push(names()); }
told.push(document.querySelectorAll("[aria-sort]").length, getComputedStyle(document.querySelector(".dark")).display);
document.body.innerHTML = "<p id=told>" + told.join(" ") + "</p>";
</script>"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_in_a_browser_rules_switch_off_and_on_and_headings_sort(tmp_path):
    accuracy = {"bp": 0.9, "fa": 0.08, "wm": 1.0}
    rows = [{**row, "test_accuracy": accuracy[row["rule"]]} for row in record(rules=accuracy, seeds=1, epochs=1)]
    path, _ = written(rows, tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("</html>", ASK + "</html>"), encoding="utf-8")
    dumped = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
                             f"--user-data-dir={tmp_path / 'profile'}", path.as_uri()],
                            capture_output=True, text=True, encoding="utf-8", timeout=120, check=True).stdout
    told = re.search('<p id="told">(.*)</p>', dumped)[1].split()
    assert told[:5] == ["bp,fa,wm", "inline", "none", "none", "inline"]
    assert told[5:8] == ["fa,bp,wm", "wm,bp,fa", "bp,fa,wm"] and told[8:] == ["1", "none"]
