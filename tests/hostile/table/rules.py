"""The rules: every constructor with all its options, and every method that is called from outside."""

import inspect

import numpy as np

import feedbackalign as fa
from tests.hostile.calls import Entry
from tests.hostile.public import methods
from tests.hostile.values import (Fresh, Kind, dtype, flag, floats, integer, labels, named_arrays, network, number, rng,
                                  word)

POSITIVE = number(0, low_open=True, good=(0.5, 1))
AT_LEAST_0 = number(0, good=(0.5, 0, 1))
SHARE = number(0, 1, low_open=True, good=(1.0, 0.9))
COUNT = integer(0, good=(2, np.uint8(3)))
STEPS = integer(1, good=(2, np.uint8(3)))
BOUNDED = word("tanh", "sigmoid").or_none()
OPTIONS = {
    "density": SHARE, "expansion": STEPS, "sigma": number(0, low_open=True, good=(0.1, 0.01)),
    "mirror_rate": number(0, 1, low_open=True, high_open=True, good=(0.02, 0.1)),
    "learn_start": flag(), "start_rate": POSITIVE,
    # settling
    "estimator": word("symmetric", "one-sided"), "beta": number(good=(0.1,)).or_none(),
    "free_steps": STEPS, "nudged_steps": STEPS, "activation": BOUNDED, "sweep": word("alternating"),
    "settled": number(0, 1, good=(0.0, 0.01)).or_none(),
    "damping": number(0, 1, high_open=True, good=(0.0, 0.5)), "update": word("different", "kolen-pollack"),
    "radius": number(0, low_open=True, good=(0.05, 0.1)), "points": integer(1, good=(4, 6)), "mode": word("points"),
    "periods": STEPS, "angle": number(0, 180, good=(90.0, 45)), "pooling": word("softmax").or_none().only(None),
    "coefficient": AT_LEAST_0, "probes": STEPS, "estimate": word("local"),
    # correlative information
    "sign": word("random", "fixed"), "phases": Kind((2, 3), integer(2, 3).bad),
    "step_size": POSITIVE, "step_rule": word("constant"), "slow_by": AT_LEAST_0, "smallest_step": POSITIVE,
    "leak": AT_LEAST_0, "epsilon": POSITIVE, "forgetting": number(0, 1, low_open=True, high_open=True, good=(0.9,)),
    "output_leak": AT_LEAST_0, "lateral": word("paper", "none"),
    "sets": word("antisparse").but(without=("a list", "a list of strange things")),
    "dual_rates": number(0, good=(0.1,)).or_none().but(without=("a list",)), "feedback_rate": AT_LEAST_0.or_none(),
    # targets and control
    "target_step": number(0, low_open=True, good=(0.1, 0.05)).or_none(), "gamma": AT_LEAST_0, "feedback_lr": POSITIVE,
    "feedback_decay": AT_LEAST_0.or_none(), "feedback_optimizer": word("adam", "sgd"), "pretraining": COUNT,
    "extra_epochs": COUNT, "hidden_units": STEPS, "recurrent": flag(), "alpha": number(0, good=(0.02,)),
    "k_p": AT_LEAST_0, "signal": word("rates"), "own_rates": flag(), "feedback": word("learned"),
    "output_feedback": word("identity"), "sleep_updates": COUNT, "sleep_steps": integer(2, good=(4,)),
    "sleep_alpha": number(0, good=(0.5,)), "sigma_floor": AT_LEAST_0, "feedback_clip": POSITIVE.or_none(),
    "feedback_beta1": number(0, 1, high_open=True, good=(0.9, 0)), "feedback_epsilon": POSITIVE,
    "feedback_beta2": number(0, 1, high_open=True, good=(0.999, 0)), "readout": flag(),
    "control_steps": STEPS, "dt": POSITIVE.only(0.02),
    "tau": POSITIVE.only(0.2), "proactive": flag(), "only_converged": flag(),
    # solved before the step
    "eta": number(0, low_open=True, good=(0.5,)), "weight_penalty": POSITIVE, "bias_penalty": POSITIVE,
    "solver": word("cg"), "top": word("proximal"), "silent_push": AT_LEAST_0.or_none(),
    "slope_floor": POSITIVE.or_none(),
}
ROUTES = {"ProductFeedbackAlignment": ("two-hop", "contracted"), "OrthogonalProductFeedbackAlignment": ("two-hop",),
          "IdentityProductFeedbackAlignment": ("two-hop",), "KolenPollack": ("explicit",)}
OF_RULE = {
    **dict.fromkeys(("AnalyticFeedbackControl", "DeepFeedbackControl", "SteadyStateFeedbackControl"), {
        "leak": word("integral"), "feedback_decay": AT_LEAST_0, "target_step": number(0, low_open=True, good=(0.05,))}),
    "Consequentialism": {"epsilon": AT_LEAST_0}, "CorInfoMax": {"beta": number(good=(1.0, -0.5))},
    "ProxProp": {"eta": number(0, low_open=True, good=(0.5, "mean")).but(an_unknown_word="median"), "tau": POSITIVE},
    **dict.fromkeys(("EquilibriumPropagation", "VectorFieldEquilibriumPropagation"), {
        "free_steps": STEPS.or_none(), "nudged_steps": STEPS.or_none(),
        "damping": number(-0.5, 1, high_open=True, good=(-0.3, 0.0, 0.5)).or_none()}),
    **{name: {"route": word(*routes).or_none()} for name, routes in ROUTES.items()},
}
ABSTRACT = (fa.rules.Rule, fa.rules.ErrorSendingRule, fa.rules.TargetRule)
KINDS = {name: kind for name, kind in vars(fa.rules).items()
         if inspect.isclass(kind) and issubclass(kind, fa.rules.Rule)}


def small(kind):
    """(network, x, labels) that a rule takes."""
    return next(iter(kind.small_networks(np.random.default_rng(5))))[1:]


def constructor(name, kind):
    draws = "rng" in inspect.signature(kind).parameters and \
        inspect.signature(kind).parameters["rng"].default is inspect.Parameter.empty
    own = OF_RULE.get(name, {})
    return {"network": network(Fresh(lambda: small(kind)[0])), "rng": rng() if draws else rng().or_none(),
            **{option: own.get(option) or OPTIONS[option] for option in fa.rules.options_of(kind)}}


def of_methods(name, kind):
    """Entries of the methods of one rule, made on the first of its small networks."""
    _, x, y = small(kind)

    def on():
        net = small(kind)[0]
        options = {option: 2 for option in ("pretraining", "hidden_units") if option in fa.rules.options_of(kind)}
        made = fa.rules.make(kind, net, rng=np.random.default_rng(1), **options)
        if issubclass(kind, fa.rules.ErrorSendingRule):
            net.loss_and_error(net.forward(x), y)
        return made

    X = floats(x.shape, good=x)
    Y = labels(len(y), 3).only(y)
    if name == "CorInfoMax" or small(kind)[0].loss_name == "squared-error":
        Y = Y.but(without=("floats",))
    names = word(*[layer.name for layer in small(kind)[0].weighted_layers()])
    batch = {"x": X, "targets": Y}
    table = {"gradients": batch, "references": batch, "beside_references": batch, "trace": batch,
             "backprop_gradients": batch, "predict": {"x": X},
             "feedback_weights": {"name": names}, "direct_feedback": {"name": names},
             "set_feedback": {"name": names},
             "load_state": {"state": named_arrays(Fresh(lambda: on().state()))}, "astype": {"dtype": dtype()},
             "small_networks": {"rng": rng()},
             "backward": {"error": floats((len(x), small(kind)[0].outputs), free=()).but(
                 without=("NaN inside", "infinity inside"))}}
    slow = ("references", "beside_references", "trace")
    return {f"rules.{name}.{method}": Entry(table[method], on=on, quick=method not in slow)
            for method in methods(kind)}


CONCRETE = {name: kind for name, kind in KINDS.items() if kind not in ABSTRACT}
RULE = word("fa", "bp", "pfa", fa.rules.Backprop).but(without=("a class",), another_class=fa.layers.ReLU)
TABLE = {f"rules.{name}": Entry(constructor(name, kind)) for name, kind in CONCRETE.items()}
for name, kind in CONCRETE.items():
    TABLE |= of_methods(name, kind)
B = floats((6, 5), free=(), lists=True, seed=6).but(1 + np.arange(30).reshape(6, 5), without=("bool array", "integers"),
                                                   too_large_for_float32=np.full((6, 5), 1e308 * 1e10))
TABLE["rules.FeedbackAlignment.set_feedback"].arguments.update(name=word("fc1"), B=B)
TABLE |= {
    "rules.find": Entry({"rule": RULE}),
    "figures.schematic": Entry({"rule": RULE}),
    "rules.options_of": Entry({"rule": RULE}),
    "rules.make": Entry({"rule": RULE, "network": network(), "rng": rng()}),
}
