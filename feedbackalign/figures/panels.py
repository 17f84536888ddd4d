"""The pictures of a lesson: saved as PNG, and shown where there is a display.

    with fa.figures.panels("03_angles", "What a random error knows", columns=2) as (left, right):
        left.plot(steps, angles)
    fa.figures.show(fa.figures.gradient_angles(rows), "10_gradient_angles")        # a figure made elsewhere
"""

import contextlib
import importlib
import pathlib
import sys

from feedbackalign.figures import style
from feedbackalign.validation import describe, require_integer, require_text

SHOWN_WIDTH = 960           # pixels of a picture in a notebook


@contextlib.contextmanager
def panels(name, title, columns=1, rows=1, **options):
    """An empty slide to draw on; at the end of the `with` block it is saved and shown.

    Parameters
    ----------
    name : str
        The file is NAME.png in `output_folder()`.
    title : str
        What the picture shows; as many lines as you like.
    columns, rows : int
        Of panels.
    **options
        Go to `matplotlib.figure.Figure.subplots`: sharey=True, width_ratios in gridspec_kw, …

    Yields
    ------
    matplotlib.axes.Axes, or a flat array of them, row by row, if there are several

    >>> import os, tempfile
    >>> here = os.getcwd()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     os.chdir(folder)
    ...     with panels("squares", "They grow") as axes:
    ...         line = axes.plot([0, 1, 4, 9])
    ...     os.chdir(here)
    figure: output/squares.png
    """
    columns = require_integer(columns, "columns", low=1)
    rows = require_integer(rows, "rows", low=1)
    require_text(name, "name"), require_text(title, "title")
    with style.slide():
        figure = style.new_figure(title)
        axes = figure.subplots(rows, columns, squeeze=False, **options).ravel()         # (rows · columns,)
        yield axes[0] if len(axes) == 1 else axes
        for panel in axes:
            panel.tick_params(which="both", labelsize=style.TICK_SIZE)
        figure.tight_layout(rect=(0.01, 0.01, 0.99, 0.98), w_pad=2.0)          # it leaves room for the title itself
        show(figure, name)


def show(figure, name):
    """Save a figure as `output_folder()`/NAME.png and show it: in a notebook below its cell, else in a window.

    Where there is no display, with MPLBACKEND=Agg, or where that names a backend that is not there, it is only saved. A
    script goes on when its window is closed.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    name : str

    Returns
    -------
    None
        So that nothing is printed twice below a cell; the line "figure: …" says where the file is.
    """
    from feedbackalign.figures import save

    require_figure(figure), require_text(name, "name")
    folder = output_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = save(figure, folder / f"{name}.png")
    print(f"figure: {path.as_posix()}")
    _display(path)


def require_figure(figure):
    """Refuse anything but a figure of matplotlib, made."""
    if isinstance(figure, type) or not callable(getattr(figure, "savefig", None)):
        raise TypeError(f"figure: expected a matplotlib.figure.Figure, got {describe(figure)}")


def output_folder():
    """lessons/output where the present folder holds lessons/ (a checkout), else output: -> pathlib.Path, relative."""
    return pathlib.Path("lessons/output") if pathlib.Path("lessons").is_dir() else pathlib.Path("output")


def _display(path):
    """Show a saved picture in the way that this Python has: a notebook's cell, a window, or not at all."""
    if "IPython" in sys.modules:
        shell = sys.modules["IPython"].get_ipython()
        if hasattr(shell, "kernel"):                                    # Jupyter, Colab, VS Code's and Spyder's cells
            display = importlib.import_module("IPython.display")
            display.display(display.Image(filename=str(path), width=SHOWN_WIDTH))
            return
    import matplotlib
    from matplotlib import pyplot

    try:
        window = pyplot.figure(figsize=style.SIZE, dpi=75)
    except ImportError:                                                 # a backend that is not there
        return
    if window.canvas.required_interactive_framework or matplotlib.get_backend().startswith("module://"):
        window.add_axes((0.0, 0.0, 1.0, 1.0)).imshow(pyplot.imread(path))
        window.axes[0].axis("off")
        pyplot.show()
    pyplot.close(window)
