"""The paper's multilayer perceptron, 784-512-512-10: accuracy, path angle and norm ratio over epochs."""

from feedbackalign.figures.experiments import accuracy_and_path, trained
from feedbackalign.runs import sweep

RULES = ("bp", "fa", "dfa", "usf", "pfa", "pfa-o")

# Li & Benna: 784-512-512-10 ReLU, batches of 64, lr 0.01 (×0.5 after 20 and 30 of 40 epochs), momentum 0.9, five seeds.
COMMON = {"model": "mlp", "hidden": (512, 512), "batch_size": 64, "lr": 0.01, "momentum": 0.9, "decay": "authors"}
SCALES = {
    "quick": {**COMMON, "data": "fashion-mini", "epochs": 16, "seeds": 1},
    "laptop": {**COMMON, "data": "fashion", "epochs": 10, "seeds": 3},
    "paper": {**COMMON, "data": "fashion", "epochs": 40, "seeds": 5, "lr_milestones": (20, 30), "lr_factor": 0.5},
}


def planned_runs(scale="quick"):
    """The runs at a scale: every rule with every seed -> list of `trained.Planned`."""
    return [trained.Planned(run, {}) for run in sweep.plan(RULES, **trained.settings_at(SCALES, scale))]


def mlp_rows(scale="quick", **how):
    """Train at a scale: -> the rows of all runs; `how` as in `trained.do`."""
    return trained.do(planned_runs(scale), **how)


def mlp(rows):
    """Test accuracy on the left; path angle and norm ratio of every layer on the right, over epochs.

    rows : list of dict
        Of `mlp_rows`.
    -> matplotlib.figure.Figure

    >>> import feedbackalign as fa
    >>> figure = mlp(fa.compare(["bp", "dfa", "pfa"], seeds=1, epochs=2, hidden=(8, 8)))
    >>> [axes.get_title() for axes in figure.axes][:2]
    ['test accuracy (%)', 'fc1 (lowest:\\nroutes no error)']
    """
    return accuracy_and_path.draw(rows, "MLP")
