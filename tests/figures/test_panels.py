"""A lesson's picture: where it is saved, that it fits its slide, and how it is shown."""

import sys
import types

import numpy as np
import pytest

from feedbackalign import figures
from feedbackalign.figures.panels import SHOWN_WIDTH
from tests.figures.records import boxes


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """With slides painted small."""
    monkeypatch.setattr(figures.style, "DPI", 40)
    monkeypatch.chdir(tmp_path)


def test_one_panel_is_an_axes_and_several_are_a_flat_array():
    with figures.panels("one", "One") as axes:
        axes.plot([1, 2])
    with figures.panels("six", "Six", columns=3, rows=2, sharey=True) as axes:
        assert axes.shape == (6,)
    assert axes[0].get_shared_y_axes().joined(axes[0], axes[5])


def test_it_goes_to_output_below_the_present_folder_or_below_its_lessons(tmp_path, capsys):
    with figures.panels("first", "First") as axes:
        axes.plot([1, 2])
    (tmp_path / "lessons").mkdir()
    figures.show(axes.figure, "second")
    assert (tmp_path / "output" / "first.png").stat().st_size > 1_000
    assert (tmp_path / "lessons" / "output" / "second.png").stat().st_size > 1_000
    assert capsys.readouterr().out.splitlines() == ["figure: output/first.png", "figure: lessons/output/second.png"]


def test_nothing_is_saved_of_a_picture_that_failed(tmp_path):
    with pytest.raises(ZeroDivisionError):
        with figures.panels("broken", "Broken"):
            raise ZeroDivisionError
    assert not (tmp_path / "output").exists()


@pytest.mark.slow
def test_the_title_stands_clear_of_the_panels_and_all_is_on_the_slide():
    with figures.panels("titles", "One line\nand another", columns=2) as axes:
        for panel in axes:
            panel.set_title("a panel's own title\nof two lines")
            panel.set_xlabel("steps")
            panel.set_ylabel("angle (degrees)")
    parts = boxes(axes[0].figure)
    title = parts.pop("One line\nand another"[:20])
    assert all(box.y1 < title.y0 and box.y0 >= 0 and box.x0 >= 0 and box.x1 <= 512 for box in parts.values())
    assert parts["panel 0"].x1 < parts["panel 1"].x0


def test_a_notebook_is_handed_the_saved_picture(monkeypatch):
    shown = []
    display = types.SimpleNamespace(display=shown.append, Image=lambda filename, width: (filename, width))
    shell = types.SimpleNamespace(kernel="a kernel")
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    with figures.panels("cell", "In a cell") as axes:
        axes.plot([1, 2])
    assert shown == [("output/cell.png", SHOWN_WIDTH)]


def test_a_script_opens_a_window_where_there_is_one_and_closes_it(monkeypatch):
    from matplotlib import pyplot
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    opened = []
    monkeypatch.setattr(pyplot, "show", lambda: opened.append(pyplot.gcf().axes[0].images[0].get_array().shape))
    with figures.panels("nobody", "Nobody looks") as axes:
        axes.plot([1, 2])
    assert opened == []
    monkeypatch.setattr(FigureCanvasAgg, "required_interactive_framework", "a framework")
    with figures.panels("somebody", "Somebody looks") as axes:
        axes.plot([1, 2])
    assert opened == [(288, 512, 4)] and pyplot.get_fignums() == []


@pytest.mark.parametrize("wrong", [{"columns": 0}, {"rows": -1}])
def test_a_count_of_panels_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        with figures.panels("none", "None", **wrong):
            raise AssertionError("nothing to draw on")


def test_the_users_own_settings_come_back():
    import matplotlib

    with matplotlib.rc_context({"lines.linewidth": 7.0}):
        with figures.panels("mine", "Mine") as axes:
            axes.plot(np.arange(3))
        assert matplotlib.rcParams["lines.linewidth"] == 7.0
    assert axes.lines[0].get_linewidth() == 2.4
