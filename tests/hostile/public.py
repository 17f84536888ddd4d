"""What is public: all that `feedbackalign` exports, what its modules export in turn, and the methods of those classes.

A module exports the names in `__all__`, and one without it the functions and classes that it defines. `ops` exports
nothing by itself: its functions are the definitions that layers are made of, and get what layers have checked. The
commands have doors of their own.
"""

import inspect

import feedbackalign as fa

# What the training loop and the package itself call: the writer of a rule or layer provides it, nobody calls it.
HOOKS = {
    "Rule": ("meet_optimizer", "update", "before_training", "after_batch", "after_epoch", "sent_down",
             "local_gradients", "send_back", "learn_feedback", "walk_down", "route", "no_error_for"),
    "Layer": ("drawn", "draw_feedback", "is_large", "floored", "answer", "respond", "correlate", "outer",
              "output_shape", "answer_shape", "remember_error", "require_error",
              "local_gradients", "transport", "mix_outputs"),      # steps that rules are made of, to step through
    "Optimizer": ("moving", "carries_momentum"),
    "Network": ("checked_targets",),
    "Run": ("lr_at", "decay_at", "make_rule", "load_data", "about", "rate_factor"),
    "CropAndFlip": ("check",),
}
# Bases, whose methods are called on their subclasses, and records of results that the package makes itself.
BASES = ("layers.Layer", "layers.WeightedLayer", "optimizer.Optimizer", "rules.Rule", "rules.ErrorSendingRule",
         "rules.TargetRule")
RECORDS = ("rules.Step", "jacobians.Pass", "check.GradientReport", "models.Model", "exercises.Exercise")
FACES = (fa.rules.Rule, fa.rules.ErrorSendingRule, fa.layers.Layer, fa.layers.WeightedLayer)


def exported(module):
    """{name: thing} that a module exports."""
    names = getattr(module, "__all__", None) or [
        name for name, thing in vars(module).items()
        if not name.startswith("_") and getattr(thing, "__module__", None) == module.__name__]
    return {name: getattr(module, name) for name in names}


def functions_and_classes(module=fa, path=""):
    """{dotted path: function or class}, each under the first path that leads to it; exceptions are left out."""
    found = {}
    inner = {}
    for name, thing in exported(module).items():
        if inspect.ismodule(thing):
            inner |= functions_and_classes(thing, f"{path}{name}.")
        elif inspect.isroutine(thing) or inspect.isclass(thing) and not issubclass(thing, Exception):
            found[path + name] = thing
    return found | {key: thing for key, thing in inner.items() if thing not in found.values()}


def methods(kind):
    """Names of the methods of a class that are called from outside and take arguments.

    Of a layer or rule, those that all layers or rules have; a name in `HOOKS` is not called from outside.
    """
    hidden = {name for base, names in HOOKS.items() if base in (one.__name__ for one in kind.__mro__) for name in names}
    shared = [face for face in FACES if issubclass(kind, face)] or [kind]
    shared += [fa.layers.Linear] * issubclass(kind, fa.layers.WeightedLayer)
    names = {name for face in shared for name, method in inspect.getmembers(face, inspect.isroutine)
             if not name.startswith("_") and getattr(method, "__module__", "").startswith("feedbackalign")}
    return sorted(name for name in names - hidden if hasattr(kind, name) and arguments(getattr(kind, name), bound=True))


def callables():
    """{dotted path: its argument names} of all that is public; methods as `layers.Linear.forward`."""
    found = {}
    public = functions_and_classes() | functions_and_classes(fa.exercises, "exercises.")
    for path, thing in public.items():
        if path in (*BASES, *RECORDS):
            continue
        found[path] = arguments(thing)
        if inspect.isclass(thing):
            found |= {f"{path}.{name}": arguments(getattr(thing, name), bound=True) for name in methods(thing)}
            if "__call__" in vars(thing):
                found[f"{path}.__call__"] = arguments(thing.__call__, bound=True)
    return {path: names for path, names in found.items() if names or path.startswith("networks.resnet")}


def arguments(function, bound=False):
    """Names of what a callable takes, without self; those of **options stand with the callable that reads them."""
    names = [name for name, parameter in inspect.signature(function).parameters.items()
             if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)]
    return [name for name in names if not (bound and name == "self")]
