"""The small pictures of lessons/README.md, made from those that the lessons themselves have saved, and the schematics.

    for lesson in lessons/*.py; do MPLBACKEND=Agg python $lesson; done
    python -m tests.lesson_pictures

Every lessons/output/NAME.png of which the page shows figures/NAME.png is shrunk to a third and written there. Of the
rules in `SCHEMATICS`, RUNNING.md shows who speaks to whom.
"""

import io
import re
from pathlib import Path

import numpy as np

import feedbackalign as fa

LESSONS = Path(__file__).resolve().parents[1] / "lessons"
SHRINK = 3                  # 1920 x 1080 -> 640 x 360
SHADES = 15                 # of red, green and blue: fewer colours make a smaller file
SCHEMATICS = (("bp", "fa", "dfa"), ("pfa", "ep", "dfc"))
MIDDLE = slice(330, 1590)   # columns of a schematic that something is drawn in


def pictures_shown():
    """Names of the pictures that the page shows, without folder and suffix."""
    return re.findall(r"\(figures/(\d\d_\w+)\.png\)", (LESSONS / "README.md").read_text(encoding="utf-8"))


def shrunk(image):
    """The mean of every SHRINK × SHRINK pixels: (rows, cols, 3 or 4) from 0 to 1 -> (rows, cols, 3), smaller."""
    rows, cols, _ = image.shape
    blocks = image[..., :3].reshape(rows // SHRINK, SHRINK, cols // SHRINK, SHRINK, 3)
    return np.round(blocks.mean(axis=(1, 3)) * SHADES) / SHADES


def schematics():
    """The schematics of SCHEMATICS, a row of rules in a row of pictures: -> (rows, cols, 3) from 0 to 1."""
    return np.vstack([np.hstack([drawn(rule)[:, MIDDLE] for rule in row]) for row in SCHEMATICS])


def drawn(rule):
    """A rule's schematic as an image, (rows, cols, 3)."""
    from matplotlib import pyplot

    file = io.BytesIO()
    fa.figures.schematic(rule).savefig(file, format="png")
    file.seek(0)
    return pyplot.imread(file)[..., :3]


def main():
    from matplotlib import pyplot

    write("schematics", shrunk(schematics()))
    for name in pictures_shown():
        write(name, shrunk(pyplot.imread(LESSONS / "output" / f"{name}.png")))


def write(name, image):
    """Keep a small picture in lessons/figures."""
    from matplotlib import pyplot

    path = LESSONS / "figures" / f"{name}.png"
    pyplot.imsave(path, image, metadata={"Software": None}, pil_kwargs={"optimize": True})
    print(f"{path.relative_to(LESSONS.parent)}: {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
