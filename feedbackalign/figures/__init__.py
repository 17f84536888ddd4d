"""Figures, one file per figure: of the rows of a record (`FIGURES`), or of an experiment of their own.

Of the experiments some are measured in seconds to a minute or two (`EXPERIMENTS`), others train, at a scale of the
user's choice (`TRAINED`).

matplotlib is imported inside the functions that draw.
"""

import functools
import re
import warnings

from feedbackalign.data.writing import written_whole
from feedbackalign.figures.animation import animate
from feedbackalign.figures.experiments.autoencoder_feedback import autoencoder_feedback, autoencoder_feedback_rows
from feedbackalign.figures.experiments.cauchy_error import cauchy_error, cauchy_error_rows
from feedbackalign.figures.experiments.compartments import compartments, compartments_rows
from feedbackalign.figures.experiments.controller_at_work import controller_at_work, controller_at_work_rows
from feedbackalign.figures.experiments.decay import decay, decay_rows
from feedbackalign.figures.experiments.decay import planned_runs as planned_decay
from feedbackalign.figures.experiments.depth import depth, depth_rows
from feedbackalign.figures.experiments.depth import planned_runs as planned_depth
from feedbackalign.figures.experiments.detection_power import detection_power, detection_power_rows
from feedbackalign.figures.experiments.estimators import estimators, estimators_rows
from feedbackalign.figures.experiments.expansion import expansion, expansion_rows
from feedbackalign.figures.experiments.filtration import filtration, filtration_rows
from feedbackalign.figures.experiments.first_layer import first_layer, first_layer_rows
from feedbackalign.figures.experiments.gradient_band import gradient_band, gradient_band_rows
from feedbackalign.figures.experiments.homeostasis import homeostasis, homeostasis_rows
from feedbackalign.figures.experiments.input_scale import input_scale, input_scale_rows
from feedbackalign.figures.experiments.mlp import mlp, mlp_rows
from feedbackalign.figures.experiments.mlp import planned_runs as planned_mlp
from feedbackalign.figures.experiments.nudge_bias import nudge_bias, nudge_bias_rows
from feedbackalign.figures.experiments.null_space import null_space, null_space_rows
from feedbackalign.figures.experiments.predictors import predictors, predictors_rows
from feedbackalign.figures.experiments.resnet import resnet, resnet_rows
from feedbackalign.figures.experiments.resnet import planned_runs as planned_resnet
from feedbackalign.figures.experiments.sparse import sparse, sparse_rows
from feedbackalign.figures.experiments.sparse import planned_runs as planned_sparse
from feedbackalign.figures.experiments.spike_kernels import spike_kernels, spike_kernels_rows
from feedbackalign.figures.experiments.spike_times import spike_times, spike_times_rows
from feedbackalign.figures.experiments.step_tolerance import step_tolerance, step_tolerance_rows
from feedbackalign.figures.experiments.target_angles import target_angles, target_angles_rows
from feedbackalign.figures.experiments.topology import topology, topology_rows
from feedbackalign.figures.experiments.trained import SCALES
from feedbackalign.figures.gradient_angles import gradient_angles, references_drawn
from feedbackalign.figures.learning_curves import learning_curves
from feedbackalign.figures.page import page
from feedbackalign.figures.panels import output_folder, panels, require_figure, show
from feedbackalign.figures.path_alignment import path_alignment
from feedbackalign.figures.schematic import schematic
from feedbackalign.figures.style import THEMES, check_slide, look, slide
from feedbackalign.figures.swept import swept
from feedbackalign.figures.table_formats import TABLE_FORMATS, table
from feedbackalign.figures.tidy import tidy
from feedbackalign.runs.groups import TooManyGroups
from feedbackalign.runs.rows import NothingToShow, check_rows
from feedbackalign.validation import require_file, require_folder, require_function, require_known, require_list

__all__ = ["EXPERIMENTS", "FIGURES", "FORMATS", "NothingToShow", "SCALES", "TABLE_FORMATS", "THEMES", "TRAINED",
           "animate", "autoencoder_feedback", "autoencoder_feedback_rows", "cauchy_error", "cauchy_error_rows",
           "compartments", "compartments_rows", "controller_at_work", "controller_at_work_rows", "decay", "decay_rows",
           "depth", "depth_rows", "detection_power", "detection_power_rows", "draw_all", "estimators",
           "estimators_rows", "expansion", "expansion_rows", "filtration", "filtration_rows", "first_layer",
           "first_layer_rows", "gradient_angles", "gradient_band", "gradient_band_rows", "homeostasis",
           "homeostasis_rows", "input_scale", "input_scale_rows", "learning_curves", "look", "mlp", "mlp_rows",
           "nudge_bias", "nudge_bias_rows", "null_space", "null_space_rows", "output_folder", "page", "panels",
           "path_alignment", "predictors", "predictors_rows", "resnet", "resnet_rows", "save", "schematic", "show",
           "slide", "sparse", "sparse_rows", "spike_kernels", "spike_kernels_rows", "spike_times", "spike_times_rows",
           "step_tolerance", "step_tolerance_rows", "swept", "table", "target_angles", "target_angles_rows", "tidy",
           "topology", "topology_rows"]

FIGURES = {"learning_curves": learning_curves, "gradient_angles": gradient_angles, "path_alignment": path_alignment}

# {name: (measures its rows, draws them)}; each is measured in seconds to a minute or two.
EXPERIMENTS = {
    "nudge_bias": (nudge_bias_rows, nudge_bias),
    "estimators": (estimators_rows, estimators),
    "cauchy_error": (cauchy_error_rows, cauchy_error),
    "homeostasis": (homeostasis_rows, homeostasis),
    "expansion": (expansion_rows, expansion),
    "target_angles": (target_angles_rows, target_angles),
    "null_space": (null_space_rows, null_space),
    "first_layer": (first_layer_rows, first_layer),
    "controller_at_work": (controller_at_work_rows, controller_at_work),
    "autoencoder_feedback": (autoencoder_feedback_rows, autoencoder_feedback),
    "compartments": (compartments_rows, compartments),
    "predictors": (predictors_rows, predictors),
    "gradient_band": (gradient_band_rows, gradient_band),
    "input_scale": (input_scale_rows, input_scale),
    "spike_times": (spike_times_rows, spike_times),
    "spike_kernels": (spike_kernels_rows, spike_kernels),
    "step_tolerance": (step_tolerance_rows, step_tolerance),
    "filtration": (filtration_rows, filtration),
    "topology": (topology_rows, topology),
    "detection_power": (detection_power_rows, detection_power),
}

# {name: (its planned runs at one of SCALES, draws their rows)}; `mlp_rows("laptop")` and its like do the runs.
TRAINED = {"mlp": (planned_mlp, mlp), "resnet": (planned_resnet, resnet), "sparse": (planned_sparse, sparse),
           "depth": (planned_depth, depth), "decay": (planned_decay, decay)}

# A file does not say when and by what it was made, so the same rows give the same bytes.
FORMATS = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


def draw_all(rows, folder, formats=("png",), say=warnings.warn, *, size=None, theme="light"):
    """Every figure that the record can show, into a folder: learning_curves.png, gradient_angles.png, …

    Where rules of the record claim to approach something else than backprop, every further reference has a figure of
    its own, for example gradient_angles-implicit.png. Where exactly one number differs between runs of a rule, `swept`
    shows what it changes.

    Parameters
    ----------
    rows : list of dict
        Of `training.train`, `compare` or `training.read_record`.
    folder : path
        Made if it is not there.
    formats : sequence of str
        "png" (1920 x 1080 pixels, or 150 an inch of `size`), "svg", "pdf".
    say : callable
        Called with a line for each figure that is left out because it would hold too many groups of one rule.
    size, theme
        Of the slides: (width, height) in inches, and "light" or "dark".

    Returns
    -------
    list of pathlib.Path
        What was written, without figures of which the record holds nothing.

    Raises
    ------
    ValueError
        For an unknown format or theme, or a size that is none, before anything is drawn.

    >>> import tempfile
    >>> import feedbackalign as fa
    >>> rows = fa.compare(["bp", "dfa"], seeds=1, epochs=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in draw_all(rows, folder)]
    ['learning_curves.png', 'gradient_angles.png', 'path_alignment.png']
    """
    formats = [formats] if isinstance(formats, str) else require_list(formats, "formats", least=0)
    formats = list(dict.fromkeys(require_known(name, FORMATS, "figure format") for name in formats))
    size = check_slide(size, theme)
    rows, folder = check_rows(rows), require_folder(folder, "folder")
    require_function(say, "say")
    folder.mkdir(parents=True, exist_ok=True)
    return [save(figure, folder / f"{name}.{suffix}") for name, figure in drawn(rows, say, size=size, theme=theme)
            for suffix in formats]


def drawn(rows, say, **slides):
    """(name, figure) one after the other of all that the record can show; `say` is told what is left out.

    `slides` is size and theme.
    """
    drawings = dict(FIGURES)
    for to in references_drawn(rows)[1:]:
        name = "gradient_angles-" + "-".join(re.findall(r"[\w.]+", to))        # "bptt(15)": gradient_angles-bptt-15
        drawings[name] = functools.partial(gradient_angles, to=to)
    drawings["swept"] = swept
    for name, draw in drawings.items():
        try:
            yield name, draw(rows, **slides)
        except TooManyGroups as error:
            say(f"{name} is left out: {error}")
        except NothingToShow:
            continue


def save(figure, path):
    """Write a figure, in the format of the file's suffix: -> its path. The same figure gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : path
        Ending in .png, .svg or .pdf.
    """
    path = require_file(path, "path")
    suffix = path.suffix[1:].lower()
    if suffix not in FORMATS:
        raise ValueError(f"path: expected a file that ends in .{', .'.join(FORMATS)}, got {path}")
    require_figure(figure)
    with slide(), written_whole(path) as part:
        figure.savefig(part, format=suffix, metadata=FORMATS[suffix])
    return path
