"""A page to hand on: a record's settings, table, figures and rows in one HTML file, which asks nothing of anywhere.

Checkboxes and CSS switch the rules on and off, CSS the light figures and the dark; the one script sorts the table.
"""

import io
import itertools
import json
import re
from html import escape
from xml.etree import ElementTree

from feedbackalign.data.writing import written_whole
from feedbackalign.figures import looks, style
from feedbackalign.figures.table_formats import completed
from feedbackalign.runs.groups import grouped, in_words, rule_of
from feedbackalign.training.record import plain
from feedbackalign.version import __version__
from feedbackalign.validation import require_dict, require_file, require_text

MOST_BYTES = 5_000_000      # of rows that the page carries

HEAD = """<!DOCTYPE html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'unsafe-inline'">
<style>:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 1rem auto; padding: 0 1rem; max-width: 80rem; background: Canvas; color: CanvasText; }
figure { margin: 1rem 0; overflow-x: auto; } .dark { display: none; }
@media (prefers-color-scheme: dark) { .dark { display: block; } .light { display: none; } }
svg { display: block; min-width: 46rem; width: 100%; height: auto; font-family: "DejaVu Sans", Verdana, sans-serif; }
fieldset { display: flex; flex-wrap: wrap; gap: .6rem 1.2rem; border: 1px solid gray; background: Canvas; }
@media (min-width: 60rem) and (min-height: 50rem) { fieldset { position: sticky; top: 0; z-index: 1; } }
input { width: 1.2rem; height: 1.2rem; vertical-align: text-bottom; }
table { border-collapse: collapse; white-space: nowrap; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid gray; text-align: right; font-weight: normal; }
th:first-child { position: sticky; left: 0; background: Canvas; text-align: left; } .of { text-align: center; }
button { all: unset; padding: .4rem 0; text-decoration: underline dotted; } button:focus-visible { outline: auto; }
[aria-sort=ascending] ::after { content: "▲"; } [aria-sort=descending] ::after { content: "▼"; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; } dd { margin: 0; overflow-wrap: anywhere; }"""

SORT = """for (const button of document.querySelectorAll("thead button")) button.onclick = () => {
  const head = button.parentNode, place = head.cellIndex, body = document.querySelector("tbody");
  const way = head.getAttribute("aria-sort") == "ascending" ? -1 : 1;
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
  const text = row => row.cells[place].textContent, number = row => parseFloat(text(row));
  body.append(...[...body.rows].sort((a, b) => place == 0 ? way * text(a).localeCompare(text(b))
    : isNaN(number(a)) - isNaN(number(b)) || way * (number(a) - number(b)) || 0));
};"""


def page(rows, path, command=None, versions=None):
    """Write one HTML file about a record, to read in a browser or to mail: -> its path.

    A marker tells its value where the pointer rests on it. The settings are those in which all rows agree. The page
    says what is left out: figures of too many groups, and rows above 5 MB of JSON.

    rows : list of dict
        Of `training.train`, `compare` or `training.read_record`.
    command, versions : str and dict, optional
        The command line that made the rows, and {name: version}.

    >>> import tempfile
    >>> import feedbackalign as fa
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page(fa.compare(["bp", "fa"], seeds=1, epochs=1), f"{folder}/page.html").name
    'page.html'
    """
    from feedbackalign.figures import drawn

    path = require_file(path, "path")
    if command is not None:
        require_text(command, "command")
    if versions is not None:
        require_dict(versions, "versions")
    labels, left_out = dict.fromkeys(row["rule"] for row in grouped(rows)), {}
    rules = list(dict.fromkeys(map(rule_of, labels)))
    classes = {str(name): f"rule-{rules.index(rule_of(name))}" for name in [*labels, *rules]}
    figures = [_inline(figure, theme, f"{theme}-{name}", classes) for theme in looks.THEMES
               for name, figure in drawn(rows, say=left_out.setdefault, theme=theme)]
    data = json.dumps(plain(rows), allow_nan=False).replace("<", r"\u003c")
    if len(data) > MOST_BYTES:
        data, left_out[f"The rows are left out: {len(data) / 1e6:.1f} MB, more than {MOST_BYTES / 1e6:g}."] = "[]", None
    settings = [row.get("settings") or {} for row in rows]
    facts = {"command": command, "versions": versions, "page written by": f"feedbackalign {__version__}",
             **{key: value for key, value in settings[0].items() if all(other.get(key) == value for other in settings)}}
    title = escape(" · ".join(filter(None, ["Learning rules", rows[0].get("model"), rows[0].get("data")])))
    boxes = [f'<label><input type="checkbox" id="show-{place}" checked> {escape(rule)}</label>' for place, rule in
             enumerate(rules)]
    hide = [f"body:has(#show-{place}:not(:checked)) .rule-{place} {{ display: none; }}" for place in range(len(rules))]
    text = "\n".join([
        HEAD, *hide, f"</style>\n<title>{title}</title>\n<h1>{title}</h1>", "<fieldset><legend>Show</legend>", *boxes,
        "</fieldset>", *_table(rows, classes), *figures, *(f"<p>{escape(line)}</p>" for line in left_out), "<dl>",
        *(f"<dt>{escape(name.replace('_', ' '))}</dt><dd>{escape(in_words(value))}</dd>"
          for name, value in facts.items() if value not in (None, [], {})),
        f'</dl>\n<script type="application/json" id="rows">{data}</script>\n<script>{SORT}</script>\n</html>\n'])
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


def _table(rows, classes):
    """Lines of the table, with a button in every heading, and of its legend."""
    columns, legend = completed(rows)
    above = [f'<th class="of" colspan="{len(list(members))}">{escape(group)}</th>'
             for group, members in itertools.groupby(columns, lambda column: column.group)]
    heads = [f'<th><button aria-label="{escape(f"{column.group} {column.heading}".strip())}">{escape(column.heading)}'
             "</button></th>" for column in columns]
    body = [f'<tr class="{classes[str(label)]}"><th>' + "<td>".join(map(escape, [label, *cells]))
            for label, *cells in zip(*(column.cells for column in columns))]
    return ['<figure tabindex="0" aria-label="table">\n<table><thead><tr>', *above, "<tr>", *heads, "<tbody>", *body,
            f"</table></figure>\n<p>{'<br>'.join(map(escape, legend))}</p>"]


def _inline(figure, theme, name, classes):
    """The figure as SVG: ids begin with its name, what is of a rule has the rule's class, markers have a <title>."""
    marks = {}                                                          # {id: (class, words or a function)}
    for artist, label, words in _labelled(figure):
        if label in classes:
            artist.set_gid(f"mark_{len(marks)}")
            marks[f"{name}-{artist.get_gid()}"] = classes[label], words
    file = io.StringIO()
    with style.slide():
        figure.savefig(file, format="svg", metadata={"Date": None})
    text = re.sub(r'<metadata>.*</metadata>|<style.*</style>| xmlns(:xlink)?="[^"]*"|xlink:(?=href)|font-family[^;"]*;',
                  "", file.getvalue(), flags=re.DOTALL)                 # what HTML knows by itself, or the page says
    svg = ElementTree.fromstring(re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", text))
    for mark in [part for part in svg.iter() if part.get("id") in marks]:
        name, words = marks[mark.get("id")]
        mark.set("class", name)
        for marker in list(mark.iter("use")):
            ElementTree.SubElement(marker, "title").text = words(float(marker.get("x"))) if callable(words) else words
    return (f'<figure class="{theme}" tabindex="0" aria-label="{escape(figure._suptitle.get_text())}">\n'
            f'{ElementTree.tostring(svg, encoding="unicode")}\n</figure>')


def _labelled(figure):
    """(artist, label, what its markers tell: words or a function) of every line, band and entry of the legend."""
    for axes in figure.axes:
        for artist in axes.get_children():
            if hasattr(artist, "get_markevery"):
                label = artist.get_label()
                yield artist, label, lambda x, axes=axes, line=artist: _value(figure, axes, line, x)
            elif hasattr(artist, "get_paths"):                          # a band follows its line
                yield artist, label, f"{label}, lowest to highest seed"
    for legend in figure.legends:
        for handle, text in zip(legend.get_lines(), legend.get_texts(), strict=True):
            for artist in (handle, text):
                yield artist, re.split("  |: ", text.get_text())[0], text.get_text()


def _value(figure, axes, line, x):
    """What the marker at `x`, in points, tells: it stands on a point of its line."""
    place, _ = axes.transData.inverted().transform((x * figure.dpi / 72, 0.0))
    x, y = min(zip(*line.get_data()), key=lambda point: abs(point[0] - place))
    return f"{line.get_label()}, {axes.get_xlabel() or 'epoch'} {x:g}: {y:.4g}"
