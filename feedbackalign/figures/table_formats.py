"""The table of a record, printed or in the form that another program takes: CSV, Markdown, LaTeX.

A table is a list of `tables.Column`; their groups become part of the headings, in LaTeX a line above them.
"""

import csv
import io
import itertools

from feedbackalign.figures.tables import compared, comparison_table
from feedbackalign.validation import require_known

IN_LATEX = str.maketrans({**{letter: f"\\{letter}" for letter in "&%$#_{}"}, "\\": r"\textbackslash{}",
                          "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "×": r"$\times$"})


def as_csv(columns, legend):
    """Headings and rows with commas between; without the legend, which no program would take."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(_lines(columns))
    return file.getvalue()


def as_markdown(columns, legend):
    """A table with bars, the numbers set right, and the legend below.

    >>> from feedbackalign.figures.tables import Column
    >>> print(as_markdown([Column("", "rule", ["bp"]), Column("angle", "fc1", ["0*"])], ["Angles in degrees."]))
    | rule | angle fc1 |
    |:--|--:|
    | bp | 0* |
    <BLANKLINE>
    Angles in degrees.
    <BLANKLINE>
    """
    lines = [[cell.replace("|", "\\|") for cell in line] for line in _lines(columns)]
    rows = ["| " + " | ".join(line) + " |" for line in lines]
    rule = "|:--" + "|--:" * (len(columns) - 1) + "|"
    return "\n".join([rows[0], rule, *rows[1:], "", *(f"{line}  " for line in legend[:-1]), *legend[-1:]]) + "\n"


def as_latex(columns, legend):
    """A tabular that needs no package, and the legend as comments below."""
    def line(cells):
        return " & ".join(cells) + r" \\"

    above = []
    for group, members in itertools.groupby(columns, key=lambda column: column.group):
        number = len(list(members))
        above += [rf"\multicolumn{{{number}}}{{c}}{{{group.translate(IN_LATEX)}}}"] if group else [""] * number
    rows = [line([cell.translate(IN_LATEX) for cell in cells])
            for cells in zip(*([column.heading, *column.cells] for column in columns))]
    return "\n".join([rf"\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}", r"\hline",
                      *([line(above)] if any(above) else []), rows[0], r"\hline", *rows[1:], r"\hline",
                      r"\end{tabular}", *(f"% {text}" for text in legend)]) + "\n"


def _lines(columns):
    """Headings with their groups, then the rows."""
    headings = [f"{column.group} {column.heading}".strip() for column in columns]
    return [headings, *zip(*(column.cells for column in columns))]


TABLE_FORMATS = {"csv": as_csv, "markdown": as_markdown, "latex": as_latex}


def table(rows, format=None):
    """Print how every rule ended, a row for each group of runs; or return the table in the form that a program takes.

    Parameters
    ----------
    rows : list of dict
        Of `training.train`, `compare` or `training.read_record`.
    format : "csv", "markdown" or "latex", optional
        In LaTeX a tabular that needs no package.

    >>> import feedbackalign as fa
    >>> print(fa.table(fa.compare(["bp"], seeds=1, epochs=0), format="csv").splitlines()[0])
    rule,test accuracy %,angle to backprop fc1,angle to backprop fc2,angle to backprop fc3,angle to backprop fc4
    """
    if format is None:
        return print(comparison_table(rows))
    return TABLE_FORMATS[require_known(format, TABLE_FORMATS, "table format")](*completed(rows))


def completed(rows):
    """Columns with a row for every group, also for one of which no run went well, and the legend's lines."""
    columns, legend, failed = compared(rows)
    for column in columns:                              # words stand in the place of an accuracy
        column.cells += failed if column.heading == "rule" else failed.values() if column.heading.startswith("test") \
            else ["-"] * len(failed)
    return columns, legend
