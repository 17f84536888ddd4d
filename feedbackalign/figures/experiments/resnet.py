"""The paper's deep network, ResNet-20: accuracy, path angle and norm ratio over epochs."""

from feedbackalign.figures.experiments import accuracy_and_path, trained
from feedbackalign.runs import sweep
from feedbackalign.runs.rows import check_rows

RULES = ("bp", "fa", "dfa", "usf", "pfa", "pfa-o")

# Li & Benna: ResNet-20 on CIFAR-10, batches of 128, lr 0.1 (×0.1 after 100, 150 and 200 of 250 epochs), five seeds.
# `laptop` is Fashion-MNIST, four rules, one seed; `quick` is 314 steps, in which R forgets four fifths of its start.
COMMON = {"model": "resnet20", "batch_size": 128, "lr": 0.1, "momentum": 0.9, "decay": "authors"}
SCALES = {
    "quick": {**COMMON, "rules": ("bp", "fa", "usf", "pfa"), "data": "fashion-mini", "batch_size": 32, "epochs": 2,
              "seeds": 1},
    "laptop": {**COMMON, "rules": ("bp", "fa", "usf", "pfa"), "data": "fashion", "epochs": 3, "seeds": 1},
    "paper": {**COMMON, "rules": RULES, "data": "cifar10", "epochs": 250, "seeds": 5, "lr_milestones": (100, 150, 200),
              "lr_factor": 0.1},
}


def planned_runs(scale="quick"):
    """The runs at a scale: every rule with every seed -> list of `trained.Planned`."""
    settings = trained.settings_at(SCALES, scale)
    return [trained.Planned(run, {}) for run in sweep.plan(settings.pop("rules"), **settings)]


def resnet_rows(scale="quick", **how):
    """Train at a scale: -> the rows of all runs; `how` as in `trained.do`."""
    return trained.do(planned_runs(scale), **how)


def resnet(rows):
    """Test accuracy on the left; path angle and norm ratio of three layers on the right, over epochs.

    rows : list of dict
        Of `resnet_rows`.
    -> matplotlib.figure.Figure

    >>> import feedbackalign as fa
    >>> figure = resnet(fa.compare(["bp", "pfa"], seeds=1, epochs=1, model="digits-conv"))
    >>> [axes.get_title() for axes in figure.axes][:2]
    ['test accuracy (%)', 'conv2']
    """
    steps = max((row.get("step", 0) for row in check_rows(rows)), default=0)
    return accuracy_and_path.draw(rows, "ResNet-20", note=f"{steps} steps in all")
