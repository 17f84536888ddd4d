"""Commands that take a moment: runs in this process, small figures, and a folder of files to name on a line."""

import contextlib
import warnings

import numpy as np
import pytest

from feedbackalign import figures
from feedbackalign.cli import commands as cli
from feedbackalign.data import fetch
from feedbackalign.figures import style
from feedbackalign.figures.experiments.trained import Planned
from feedbackalign.runs import workers
from feedbackalign.runs.run import Run
from tests.cli.test_commands import MY_RULE, Here
from tests.data.test_fetch import CONTENT, remote
from tests.data.test_mnist import idx, some_images, some_labels, write_folder

ANSWER = "import numpy as np\n\ndef hidden_error(error, weight, v):\n    return error @ weight / np.cosh(v)**2\n"


def fill(folder):
    """Put into the folder data, code, files that are neither, and a finished run."""
    rng = np.random.default_rng(0)
    rows = "".join(f"{'ab'[k % 2]},{k},{k * k % 7}\n" for k in range(100))
    (folder / "mine.csv").write_text("kind,width,height\n" + rows)
    np.savez(folder / "mine.npz", x=rng.normal(size=(100, 3)), y=np.arange(100) % 2)
    (folder / "my_rule.py").write_text(MY_RULE)
    (folder / "raises.py").write_text("1 / 0")
    (folder / "my_net.py").write_text("import feedbackalign as fa\n\ndef net(data, rng):\n    return fa.networks.mlp("
                                      "[64, 4, data.outputs], rng=rng)\n")
    (folder / "my_data.py").write_text("from feedbackalign.data import digits\n\ndef make(rng):\n    return digits()\n")
    (folder / "answer.py").write_text(ANSWER)
    for name in ("a-file", "a-file.npz", "a-file.csv"):
        (folder / name).write_text("")
    (folder / "mnist").mkdir()
    write_folder(folder / "mnist", train_images=idx(some_images(40, 0)), train_labels=idx(some_labels(40)))
    (folder / "source").mkdir()
    (folder / "source" / "images").write_bytes(CONTENT)
    with short_runs(folder, pytest.MonkeyPatch()):
        assert cli.main(["train", "--rule", "fa", "--epochs", "1", "--quiet", "--out", str(folder / "run")]) == 0


@contextlib.contextmanager
def short_runs(files, monkeypatch):
    """Runs are done in this process, and figures are small and of few runs."""
    @contextlib.contextmanager
    def in_this_process(jobs, *, threads, tell):
        yield Here()

    def planned(scale):
        return [Planned(Run(rule, epochs=1, hidden=(4,), batch_size=300), {"hidden_layers": 1})
                for rule in ("bp", "fa")]

    def of_files(scale):
        return [Planned(Run("bp", data="mnist", epochs=0, hidden=(4,), batch_size=5), {})]

    _, draw = figures.EXPERIMENTS["nudge_bias"]
    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("default")
        patch.setattr(workers, "workers", in_this_process)
        patch.setattr(style, "DPI", 20)
        patch.setitem(figures.EXPERIMENTS, "nudge_bias", (lambda: figures.nudge_bias_rows([1e-3, 1e-2]), draw))
        patch.setitem(figures.TRAINED, "depth", (planned, figures.depth))
        patch.setitem(figures.TRAINED, "mlp", (of_files, figures.mlp))
        patch.setitem(fetch.SOURCES, "mnist", fetch.Source((remote(),), ((files / "source").as_uri(),), "ask"))
        patch.setattr(fetch, "WAIT", 0.0)
        yield
