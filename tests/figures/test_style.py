"""The settings of a slide: its size, its letters and the lines of its legend."""

import pytest

from feedbackalign.figures import style


def test_settings_are_ours_inside_and_the_readers_own_afterwards():
    import matplotlib

    with matplotlib.rc_context({"font.size": 3.0, "axes.axisbelow": False}):
        with style.slide():
            assert matplotlib.rcParams["font.size"] == 14 and matplotlib.rcParams["axes.axisbelow"]
        assert matplotlib.rcParams["font.size"] == 3.0 and not matplotlib.rcParams["axes.axisbelow"]


def test_letters_and_lines_grow_with_the_slide_as_far_as_both_sides_allow():
    import matplotlib

    for size, scale in (((6.4, 3.6), 0.5), ((6.4, 7.2), 0.5), ((25.6, 3.6), 0.5), ((25.6, 14.4), 2.0)):
        with style.slide(size):
            assert style.new_figure("title").get_size_inches() == pytest.approx(size)
            assert style.points(12) == pytest.approx(12 * scale)
            assert matplotlib.rcParams["lines.linewidth"] == pytest.approx(2.4 * scale)


@pytest.mark.parametrize("size, told", [("8x4", "width, height"), ((8,), "width, height"), ((8, 0.5), "in .1, 100"),
                                        ((8, float("nan")), "finite"), ((8, 101), "in .1, 100")])
def test_what_is_no_size_is_refused(size, told):
    with pytest.raises(ValueError, match=f"size: expected.*{told}"), style.slide(size):
        pass
    with pytest.raises(ValueError, match="unknown theme"), style.slide(theme="drak"):
        pass


@pytest.mark.parametrize("labels, room, lines", [(["bp"], 100, 1), (["bp", "fa"], 5, 2), (["fa"] * 8, 80, 1),
                                                 (["fa"] * 8, 79, 2), (["x" * 200, "fa"], 100, 2)])
def test_a_legend_takes_as_few_lines_as_fit(labels, room, lines):
    assert style._lines_needed(labels, room) == lines
