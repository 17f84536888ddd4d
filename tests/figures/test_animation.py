"""The moving figure: every frame one epoch, in one palette, small enough for a mail."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedbackalign import figures
from feedbackalign.figures import animation, looks
from tests.figures.records import CONVOLUTIONAL, RECORDS, assert_fits_its_slide, record, words


def frames_of(path):
    with Image.open(path) as picture:
        for place in range(picture.n_frames):
            picture.seek(place)
            yield picture.convert("RGB"), picture.info["duration"]


@pytest.fixture
def drawn(monkeypatch):
    """Of every frame (axes, words, {rule's colour: [(x, y), …]}, the picture before it had a palette)."""
    seen = []
    frame = animation._frame

    def watched(axes, *rest):
        plot = axes.plot
        axes.plot = lambda x, y, **look: lines.setdefault(look["color"], list(zip(x, y))) and plot(x, y, **look)
        lines = {}
        picture = frame(axes, *rest)
        del axes.plot
        seen.append((axes, rest[-1], lines, picture))
        return picture
    monkeypatch.setattr(animation, "_frame", watched)
    return seen


def test_one_frame_an_epoch_in_one_palette_of_a_slides_size(tmp_path, drawn):
    path = figures.animate(record(epochs=3), tmp_path / "moving.gif")
    frames, durations = zip(*frames_of(path))
    assert len(frames) == 4 and durations == (500, 500, 500, 2000)
    assert {frame.size for frame in frames} == {(960, 540)} and path.stat().st_size < 200_000
    assert len({colour for frame in frames for _, colour in frame.getcolors(10_000)}) <= 128
    assert all(frame.getpixel((1, 1)) == (255, 255, 255) for frame in frames)
    for frame, (*_, picture) in zip(frames, drawn):                 # the palette has all colours
        off = np.abs(np.asarray(frame, float) - np.asarray(picture, float)).max(axis=2)
        assert off.mean() < 0.5 and np.mean(off > 60) < 0.001
    assert figures.animate(record(epochs=3), tmp_path / "again.GIF").read_bytes() == path.read_bytes()


def test_a_marker_is_the_mean_of_its_rule_layer_and_epoch(tmp_path, drawn):
    rows = record(rules=("bp", "fa"), seeds=2, epochs=1)
    figures.animate(rows, tmp_path / "moving.gif")
    for epoch, (_, said, lines, _) in enumerate(drawn):
        assert said == f"epoch {epoch} of 1"
        for rule in ("bp", "fa"):
            points = lines[looks.look(rule).colour]
            assert [round(x) for x, _ in points] == [0, 1, 2]
            for layer, (_, y) in zip(("fc1", "fc2", "fc3"), points):
                both = [row["backprop_angle"][f"{layer}.weight"] for row in rows if (row["rule"], row["epoch"]) == (
                    rule, epoch)]
                assert y == pytest.approx(sum(both) / 2)
        assert lines[looks.look("bp").colour][0][0] != lines[looks.look("fa").colour][0][0]    # side by side
    assert not drawn[0][0].get_lines()[1:]                          # only the line at 90° stays from frame to frame


@pytest.mark.parametrize("name", ["holes", *(
    pytest.param(name, marks=pytest.mark.slow)
    for name in ("deep", "default", "many rules", "one layer", "one epoch"))])
def test_the_moving_figure_fits_its_slide(name, tmp_path, drawn):
    figures.animate(RECORDS[name], tmp_path / "moving.gif", theme="dark")
    assert_fits_its_slide(drawn[0][0].figure)
    first = next(frames_of(tmp_path / "moving.gif"))[0]
    assert first.getpixel((1, 1)) == (0x14, 0x17, 0x1c)


def test_epochs_and_layers_are_thinned_and_both_ends_stay(tmp_path, drawn, monkeypatch):
    assert animation.MOST_FRAMES == 60
    monkeypatch.setattr(animation, "MOST_FRAMES", 6)
    monkeypatch.setattr(animation, "MOST_LAYERS", 4)
    path = figures.animate(record(rules=("bp",), seeds=2, epochs=150, layers=CONVOLUTIONAL), tmp_path / "moving.gif")
    assert len(list(frames_of(path))) == 6
    assert drawn[0][1] == "epoch 0 of 150" and drawn[-1][1] == "epoch 150 of 150"
    assert [label.get_text() for label in drawn[0][0].get_xticklabels()][::3] == ["conv1", "fc1"]
    assert "4 of 9 layers" in words(drawn[0][0].figure) and "bar: lowest to highest" in words(drawn[0][0].figure)


def test_what_cannot_move_is_refused(tmp_path):
    with pytest.raises(figures.NothingToShow, match="no angle"):
        figures.animate([{"rule": "bp", "epoch": 0, "test_loss": 1.0}], tmp_path / "moving.gif")
    with pytest.raises(ValueError, match="ends in .gif"):
        figures.animate(record(), tmp_path / "moving.png")
    assert list(tmp_path.iterdir()) == []


def test_the_one_on_the_courses_page_is_small_enough():
    path = Path(__file__).resolve().parents[2] / "lessons" / "figures" / "gradient_angles.gif"
    frames = [frame for frame, _ in frames_of(path)]
    assert path.stat().st_size <= 1_000_000 and len(frames) == 41 and frames[0].size == (960, 540)
