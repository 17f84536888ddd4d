"""The explicit route, and how a rule hands over to another one.

`rule.way` is the object that knows how the rule is computed now. Three kinds are there:

    Explicit      the lines of the rule's own file
    Contracted    the same products in another order, layer by layer where that is cheaper (`contracted`)
    ClosedForm    the formula (`closed_form`)

Until the first training step every array is an ordinary one, and the way is `Contracted`, or `Explicit` if the user
wished for it. At the first step the way looks at the optimiser, and hands over to the closed form where that is exact
and the user has not chosen another route.
"""

import numpy as np

from feedbackalign.ops.norms import norm
from feedbackalign.rules.product.closed_form import ClosedForm
from feedbackalign.validation import require_entries, require_known

# What the formula replaces, and what it takes for granted. A subclass that has its own stays explicit.
TAKEN_FOR_GRANTED = ("update", "learns", "gradients", "backward", "walk_down", "local_gradients", "send_back",
                     "learn_feedback", "parameters", "feedback_weights", "difference")


class Explicit:
    """The learned feedback is an array with a gradient, by the lines of the rule's own file.

    Parameters
    ----------
    rule : Rule
        With `routes`, the words it knows, and `formula`, its `ClosedForm`.
    plain : class
        The class of the published rule; `rule` may be of a subclass.
    wish : one of `rule.routes`, or None
        None lets the rule choose.

    Attributes
    ----------
    why_explicit : str
        The reason, for the record.
    """

    answers = ()                                            # the rule's methods that are answered here in its place

    def __init__(self, rule, plain, wish):
        self.wish = None if wish is None else require_known(wish, rule.routes, "route")
        self.plain = plain
        self.decided = self.wish not in (None, "closed-form")
        self.why_explicit = "chosen by the user" if self.decided else "no training step yet"

    def meet_optimizer(self, rule, optimizer):
        """Decide at the first training step."""
        if self.decided:
            return
        self.why_explicit = self.why_not(rule, optimizer)
        if self.why_explicit and self.wish == "closed-form":
            raise ValueError(f"{rule.name}: the closed form is not exact here: {self.why_explicit}")
        self.decided = True
        if not self.why_explicit:
            D = {layer.name: rule.difference(layer) for layer in rule.network.weighted_layers()}
            hand_over(rule, rule.formula(rule, D))

    def why_not(self, rule, optimizer):
        """The reason why the closed form would not be exact; "" where it is."""
        own = replaced(type(rule), self.plain)
        if own:
            return f"{type(rule).__name__} has its own {own}"
        if rule.network.masks() or rule.masks():
            return "a mask on W or on the learned feedback"
        if not hasattr(optimizer, "why_not_uniform"):
            return f"the optimiser {type(optimizer).__name__} does not say that it treats all weights alike"
        if optimizer.carries_momentum():
            return "the optimiser already carries momentum"
        return optimizer.why_not_uniform()

    def after_batch(self):
        pass

    def difference_norms(self, rule):
        return {layer.name: norm(rule.difference(layer)) for layer in rule.network.weighted_layers()}

    def notes(self, rule):
        return {"difference_norm": self.difference_norms(rule), "route": "explicit", "why_explicit": self.why_explicit}

    def state(self):
        return {"closed_form/decided": np.array(self.decided), "closed_form/why_explicit": np.array(self.why_explicit)}


def replaced(kind, plain):
    """The first method taken for granted that `kind` does not have from `plain`; "" if there is none."""
    return next((name for name in TAKEN_FOR_GRANTED if getattr(kind, name) is not getattr(plain, name)), "")


def hand_over(rule, way):
    """From here on `way` answers for the rule: its methods lie in the rule itself, before those of the rule's class.

    So nothing stands between: a debugger that steps into `rule.send_back` is in the lines that compute.
    """
    for name in getattr(rule, "way", Explicit).answers:
        delattr(rule, name)
    for name in way.answers:
        setattr(rule, name, getattr(way, name))
    rule.way = way


def resume(rule, state):
    """Go to the route of `state`; the arrays are still to be loaded."""
    require_entries(state, ("closed_form/decided", "closed_form/why_explicit"), "state")
    D = {key.removeprefix("closed_form/").removesuffix(".D"): np.array(array) for key, array in state.items()
         if key.startswith("closed_form/") and key.endswith(".D")}
    if isinstance(rule.way, ClosedForm):                                        # back to arrays: D has their shape
        getattr(rule, rule.way.array).update(rule.D)
        del rule.D, rule.P, rule.G
        hand_over(rule, rule.way.before)
    rule.way.decided = bool(state["closed_form/decided"])
    rule.way.why_explicit = str(state["closed_form/why_explicit"])
    if D:
        for key, B in rule.constants().items():
            B[...] = state[f"constants/{key}"]
        hand_over(rule, rule.formula(rule, D))
