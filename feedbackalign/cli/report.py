"""The text beside the tables: weight decay, the trace of one learning phase, checks, the list of rules.

Pure functions from plain rows to strings; the commands print them.
"""

import math
import textwrap

from feedbackalign.figures.tables import WIDTH
from feedbackalign.figures.small_print import decay_in_words, fill
from feedbackalign.rules.option_help import docstring, option_help


def decay_text(preset, rows, drop_step):
    """What a preset made of each rule's weight decay: lines of at most 120 columns.

    Parameters
    ----------
    preset : str
        "authors" or "equal".
    rows : list of dict
        With `weight_decay`.
    drop_step : int or None
        The step in which the strong decay ended, where it did; None if that differs from run to run.

    Examples
    --------
    >>> rows = [{"rule": rule, "epoch": 1, "weight_decay": decay} for rule, decay in [("fa", 1e-4), ("pfa", 0.03)]]
    >>> print(decay_text("authors", rows, 934))
    decay preset authors: 0.03 for pfa; 1e-4 for fa
    """
    words = decay_in_words(rows, drop_step)
    return textwrap.fill(f"decay preset {preset}" + (f": {words}" if words else ""), WIDTH, subsequent_indent="    ",
                         break_on_hyphens=False)


# ------------------------------------------------------------------------------------------------------------ trace

def trace_text(rows):
    """One learning phase, as the rule tells it: layer by layer from the top, or phase by phase.

    Parameters
    ----------
    rows : list of dict
        What `rule.trace` returns.

    Examples
    --------
    >>> print(trace_text([{"phase": "free", "steps": 20, "residual": 1e-9}]))
    phase free   steps 20   residual 1e-09
    """
    parts = [_trace_layer(row) if "route" in row and "weight" in row else _trace_phase(row) for row in rows]
    if any("converged" in row for row in rows):
        parts.append("residual: how far from its steady state, over the output's length, the farthest sample is; "
                     "converged: the share\nof samples that are within 1e-5 of it")
    return "\n\n".join(parts)


def _trace_layer(row):
    numbers = [f"{row['layer']:<6}  input {shape(row['input'])}   W {shape(row['weight'])}   "
               f"output {shape(row['output'])}"]
    numbers.append(f"        error at the output   norm {row['error_norm']:<10.4g} "
                   f"angle to backprop's {angle_text(row['delta_angle'])}")
    numbers.append(f"        update of W           norm {row['update_norm']:<10.4g} "
                   f"angle to backprop's {angle_text(row['update_angle'])}")
    for name, (sizes, norm) in row.get("feedback_updates", {}).items():
        numbers.append(f"        update of {name.split('.')[-1]:<12}norm {norm:<10.4g} {shape(sizes)}")
    if "silent_share" in row:
        numbers.append(f"        spikes                silent {row['silent_share']:.1%}   before a spike "
                       f"{row['causal_share'] or 0:.1%} of its inputs'   smallest S {row['smallest_slope'] or 0:.3g}")
    numbers.append(f"        sends down            {row['route']}")
    return "\n".join(numbers)


def _trace_phase(row):
    def word(key, value):
        if key.startswith("angle"):
            return angle_text(value)
        if isinstance(value, float):
            return f"{value:.4g}"
        return shape(value) if isinstance(value, (tuple, list)) else str(value)
    words = [f"{key.replace('_', ' ')} {word(key, value)}" for key, value in row.items() if value is not None]
    return fill(words, WIDTH - 4, gap="   ").replace("\n", "\n    ")


def angles_text(angles, reference):
    """Per-parameter update angles, a line each, for rules whose trace says nothing.

    >>> print(angles_text({"fc1.weight": 89.5}, "backprop"))
    fc1.weight    update at 89.5° to backprop's
    """
    width = max(map(len, angles), default=0)
    return "\n".join(f"{name:<{width}}    update at {angle_text(angle)} to {reference}'s"
                     for name, angle in angles.items())


def angle_text(angle):
    """
    >>> angle_text(0.0), angle_text(3e-7), angle_text(12.34), angle_text(float("nan"))
    ('0°', '3e-07°', '12.3°', 'undefined')
    """
    if angle is None or math.isnan(angle):
        return "undefined"
    if angle == 0:
        return "0°"
    return f"{angle:.1f}°" if angle >= 0.05 else f"{angle:.0e}°"


def shape(numbers):
    """
    >>> shape((64, 10))
    '(64,10)'
    """
    return f"({','.join(map(str, numbers))})"


# -------------------------------------------------------------------------------------------------- checks and rules

def check_line(row):
    """One line of the checker: verdict, number, tolerance, what.

    >>> check_line({"what": "gradient of Linear(4, 3)", "value": 2e-9, "tolerance": "1e-06", "passed": True})
    'ok           2e-09   tolerance 1e-06     gradient of Linear(4, 3)'
    """
    number, tolerance = (f"{value:.2g}" if isinstance(value, (int, float)) else str(value)
                         for value in (row["value"], row["tolerance"]))
    return f"{'ok' if row['passed'] else 'FAILED':<7} {number:>10}   tolerance {tolerance:<8}  {row['what']}"


def rule_text(name, kind, options):
    """A few lines on one rule: its name and idea, its paper, its own options with their defaults.

    >>> from feedbackalign import rules
    >>> print(rule_text("fa", rules.find("fa"), rules.options_of("fa")))
    fa      Backward weights B, one array per weighted layer, in the shape of the layer's W.
            Lillicrap et al. 2016, arXiv 1411.0247
            --density 1.0   float in (0, 1]: Share of feedback synapses that exist; the others stay zero.
    """
    idea = (docstring(kind) or "(no description)").splitlines()[0]
    details = [kind.paper] if kind.paper else []
    if kind.takes != "any network":
        details.append(f"takes {kind.takes}")
    for option, default in options.items():
        usual = "(chosen by itself)" if default is None else default
        details.append(textwrap.fill(f"{flag(option)} {usual}   {option_text(kind, option)}", WIDTH - 8,
                                     subsequent_indent=12 * " ", break_on_hyphens=False).rstrip())
    if kind.own_step:
        details.append("takes a step of its own: learning rate, momentum and decay do not apply")
    else:
        details += [f"learning rate of {name} x {factor:g}" for name, factor in (
            ("SGD", kind.learning_rate_factor), ("Adam", kind.adam_learning_rate_factor)) if factor != 1]
    return "\n".join([f"{name:<7} {idea}", *(textwrap.indent(detail, 8 * " ") for detail in details)])


def option_text(kind, option):
    """What an option of a rule takes and means, as the docstring of the rule says; else the words that it takes.

    >>> from feedbackalign import rules
    >>> option_text(rules.find("wp"), "sigma")
    'float above 0: σ. Too large bends the estimate, too small drowns it in rounding.'
    """
    return option_help(kind).get(option) or " or ".join(getattr(kind, option + "s", ()))


def flag(option):
    """
    >>> flag("mirror_rate")
    '--mirror-rate'
    """
    return "--" + option.replace("_", "-")
