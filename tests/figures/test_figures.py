"""Every figure of every record is written, fits its slide, and comes out in the same bytes."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

import feedbackalign as fa
from feedbackalign import figures
from tests.figures.records import FIFTEEN, RECORDS, assert_fits_its_slide, changed, record

WITHOUT_PATH = ("no weight angles",)


def shown(name):
    return [kind for kind in figures.FIGURES if not (kind == "path_alignment" and name in WITHOUT_PATH)]


@pytest.fixture
def few_pixels(monkeypatch):
    """The same slide, painted faster."""
    monkeypatch.setattr("feedbackalign.figures.style.DPI", 40)


CROWDED = ("default", "deep", "five layers", "many rules", "regression")


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=() if name == "no weight angles" else pytest.mark.slow)
    for name in RECORDS if name not in CROWDED[1:]])
@pytest.mark.usefixtures("few_pixels")
def test_every_record_is_drawn_without_a_warning(name, tmp_path):
    written = figures.draw_all(RECORDS[name], tmp_path / "new" / "folder")
    assert [path.name for path in written] == [f"{kind}.png" for kind in shown(name)]
    assert all(path.parent == tmp_path / "new" / "folder" and path.stat().st_size > 5_000 for path in written)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("kind", figures.FIGURES)
def test_nothing_overlaps_and_nothing_leaves_the_slide(kind, name):
    if kind in shown(name):
        assert_fits_its_slide(figures.FIGURES[kind](RECORDS[name]))


SIZES = {"1280x720": (1280 / 150, 720 / 150), "1920x1080": (1920 / 150, 1080 / 150), "8x4.5 in": (8, 4.5),
         "4:3": (10, 7.5)}


@pytest.mark.slow
@pytest.mark.parametrize("size", [pytest.param(size, marks=() if name == "8x4.5 in" else pytest.mark.slow, id=name)
                                  for name, size in SIZES.items()])
@pytest.mark.parametrize("kind", figures.FIGURES)
def test_nothing_overlaps_or_leaves_the_slide_at_any_size(kind, size):
    figure = figures.FIGURES[kind](RECORDS["default"], size=size, theme="dark")
    assert tuple(figure.get_size_inches()) == pytest.approx(size)
    assert_fits_its_slide(figure)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", CROWDED)
@pytest.mark.parametrize("kind", figures.FIGURES)
def test_crowded_figures_fit_at_any_size(kind, name, size):
    assert_fits_its_slide(figures.FIGURES[kind](RECORDS[name], size=size))


def pixels_of(path):
    import matplotlib.image

    return (255 * matplotlib.image.imread(path)[..., :3]).round().astype(int)


@pytest.mark.slow
def test_a_dark_slide_is_dark_all_over_and_of_its_size(tmp_path):
    rows = record(rules=("np", "pfa"), epochs=1)
    paths = figures.draw_all(rows, tmp_path, size=(8, 4.5), theme="dark")
    assert [path.stem for path in paths] == list(figures.FIGURES)
    for pixels in map(pixels_of, paths):
        assert pixels.shape == (675, 1200, 3)
        assert np.mean((pixels == [0x14, 0x17, 0x1c]).all(axis=2)) > 0.8
        assert not (pixels == 0).all(axis=2).any()              # nothing is left in black


@pytest.mark.parametrize("wrong", [{"theme": "drak"}, {"size": (0, 4)}])
def test_a_wrong_slide_is_refused_before_anything_is_drawn(wrong, tmp_path):
    with pytest.raises(ValueError, match="theme|size"):
        figures.draw_all(record(), tmp_path / "folder", **wrong)
    assert not (tmp_path / "folder").exists()


def test_text_of_an_svg_is_text(tmp_path):
    text = figures.save(figures.learning_curves(record(epochs=1)), tmp_path / "curves.svg").read_text(encoding="utf-8")
    for words in ("Learning curves", "test accuracy (%)", "mean over 3 seeds", "epoch"):
        assert words in re.sub(r"<!--.*?-->", "", text, flags=re.S), words


def test_the_colour_of_a_rule_is_one_in_every_figure_and_legend():
    rows = record(rules=FIFTEEN, epochs=1, layers=("fc1",))
    for draw in figures.FIGURES.values():
        figure = draw(rows)
        for axes in figure.axes:
            for line in axes.get_lines():
                if not line.get_label().startswith("_"):
                    assert line.get_color() == figures.look(line.get_label()).colour
                    assert line.get_marker() == figures.look(line.get_label()).marker
        handles = getattr(figure.legends[0], "legend_handles", None) or figure.legends[0].legendHandles
        for handle, text in zip(handles, figure.legends[0].get_texts()):
            assert handle.get_color() == figures.look(text.get_text().split()[0]).colour


@pytest.mark.parametrize("kind, suffix", [
    pytest.param(kind, suffix, marks=() if (kind, suffix) == ("learning_curves", "svg") else pytest.mark.slow)
    for kind in figures.FIGURES for suffix in figures.FORMATS])
def test_the_same_rows_give_the_same_bytes(kind, suffix, tmp_path):
    import matplotlib

    rows = record(rules=("bp", "pfa"), epochs=1)
    first = figures.save(figures.FIGURES[kind](rows), tmp_path / f"first.{suffix}")
    with matplotlib.rc_context({"font.size": 7, "savefig.dpi": 40, "axes.facecolor": "pink"}):  # a reader's own taste
        second = figures.save(figures.FIGURES[kind](rows), tmp_path / f"second.{suffix}")
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.slow
def test_a_figure_looks_the_same_when_its_reader_writes_it(tmp_path):
    figure = figures.path_alignment(record(rules=("bp", "pfa"), epochs=2))
    figure.savefig(tmp_path / "readers.png", metadata={"Software": None})
    again = figures.path_alignment(record(rules=("bp", "pfa"), epochs=2))
    assert figures.save(again, tmp_path / "ours.png").read_bytes() == (tmp_path / "readers.png").read_bytes()


@pytest.mark.slow
def test_a_png_is_of_the_size_of_a_slide(tmp_path):
    import matplotlib.image

    path = figures.save(figures.learning_curves(record()), tmp_path / "curves.PNG")
    assert matplotlib.image.imread(path).shape[:2] == (1080, 1920)


@pytest.mark.usefixtures("few_pixels")
def test_every_format_is_what_its_suffix_says(tmp_path):
    formats = ("svg", "pdf", "png", "svg")
    rows = [{"rule": "bp", "epoch": epoch, "weight_angle": {"fc1": 0.0}} for epoch in (0, 1)]
    written = figures.draw_all(rows, tmp_path, formats=formats)
    assert [path.suffix for path in written] == [".svg", ".pdf", ".png"]
    for path in written:
        start = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[path.suffix]
        assert path.read_bytes().startswith(start)
    assert [path.name for path in figures.draw_all(rows, tmp_path, formats="png")] == ["path_alignment.png"]


@pytest.mark.parametrize("formats", [("gif",), ("png", "jpeg"), "exe", ("",)])
def test_an_unknown_format_is_refused_before_anything_is_drawn(formats, tmp_path):
    with pytest.raises(ValueError, match="unknown figure format"):
        figures.draw_all(record(), tmp_path / "folder", formats=formats)
    assert not (tmp_path / "folder").exists()
    with pytest.raises(ValueError, match="path: expected a file that ends in"):
        figures.save(None, tmp_path / "figure.gif")


def test_an_empty_record_is_refused_before_a_folder_is_made(tmp_path):
    with pytest.raises(ValueError, match="at least one row"):
        figures.draw_all([], tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_drawing_changes_no_row():
    import copy

    rows = record(rules=("bp", "pfa"), epochs=1)
    before = copy.deepcopy(rows)
    for draw in figures.FIGURES.values():
        draw(rows)
    assert rows == before


def test_importing_the_package_loads_no_matplotlib_and_drawing_no_pyplot(tmp_path):
    code = ("import sys; import feedbackalign as fa; assert 'matplotlib' not in sys.modules\n"
            "rows = [{'rule': 'bp', 'epoch': epoch, 'test_loss': 1.0} for epoch in (0, 1)]\n"
            "fa.figures.draw_all(rows, sys.argv[1]); assert 'matplotlib.pyplot' not in sys.modules")
    without_display = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "MPLBACKEND")}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env=without_display)
    assert (tmp_path / "learning_curves.png").exists()


def test_in_a_real_record_backprop_lies_at_zero():
    rows = fa.compare(["bp", "pfa"], seeds=1, epochs=1)
    for axes in figures.gradient_angles(rows).axes:
        curve = next(line for line in axes.get_lines() if line.get_label() == "bp")
        np.testing.assert_array_equal(curve.get_ydata(), 0.0)


@pytest.mark.usefixtures("few_pixels")
def test_every_reference_has_a_figure_of_its_own(tmp_path):
    few = {"epochs": 1, "layers": ("fc1",)}
    settling = changed(record(("ep",), **few), lambda row: row.update(reference="implicit", backprop_angle=None))
    other = changed(record(("ep-vf",), **few), lambda row: row.update(reference="bptt(15) (not settled)",
                                                                      backprop_angle=None))
    names = [path.stem for path in figures.draw_all(record(("bp", "pfa"), **few) + settling + other, tmp_path)]
    assert names == [*figures.FIGURES, "gradient_angles-implicit", "gradient_angles-bptt-15-not-settled"]
    assert figures.references_drawn(settling) == ["implicit"]


@pytest.mark.usefixtures("few_pixels")
def test_a_reference_to_which_no_angle_is_defined_has_no_figure(tmp_path):
    few = {"epochs": 1, "layers": ("fc1",)}
    silent = changed(record(("dfc",), **few), lambda row: row.update(
        reference="joint-gauss-newton(0.1)", update_angle=dict.fromkeys(row["update_angle"]), backprop_angle=None))
    names = [path.stem for path in figures.draw_all(record(("bp", "fa"), **few) + silent, tmp_path)]
    assert names == list(figures.FIGURES)
    with pytest.raises(figures.NothingToShow, match="none that is defined"):
        figures.gradient_angles(silent)


def test_a_convolutional_record_is_drawn():
    rows = fa.compare(["pfa"], seeds=1, epochs=0, model="digits-conv")
    titles = [axes.get_title() for axes in figures.gradient_angles(rows).axes]
    assert titles[0] == "conv1 (lowest)" and titles[-1] == "fc1"           # the top layer is exact
    assert len(figures.path_alignment(rows).axes) == 2 * (len(titles) + 1)


@pytest.mark.parametrize("backend", [
    "nonsense", *(pytest.param(f"module://{name}", marks=pytest.mark.slow)
                  for name in ("matplotlib_inline.backend_inline", "nobody"))])
def test_files_and_lessons_need_no_backend(backend, tmp_path):
    code = ("import feedbackalign as fa\n"
            "rows = [{'rule': 'bp', 'epoch': epoch, 'test_loss': 1.0} for epoch in (0, 1)]\n"
            "print(*(path.name for path in fa.figures.draw_all(rows, '.')))\n"
            "fa.figures.show(fa.figures.learning_curves(rows), 'shown')\n"
            "import os; print(os.environ['MPLBACKEND'])\n")
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"} | {"MPLBACKEND": backend}
    done = subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=tmp_path, text=True,
                          capture_output=True)
    lines = done.stdout.splitlines()
    assert [*lines[:2], lines[-1]] == ["learning_curves.png", "figure: output/shown.png", backend]


def test_a_backend_that_is_there_is_taken():
    code = ("from feedbackalign.figures.style import load_matplotlib; load_matplotlib()\n"
            "import matplotlib; print(matplotlib.get_backend())")
    done = subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "MPLBACKEND": "svg"}, text=True,
                          capture_output=True)
    assert done.stdout.strip() == "svg"
