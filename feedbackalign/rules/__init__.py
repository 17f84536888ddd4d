"""The learning rules, one file each, and the table of their names.

A new rule is one file and one line in `TABLE`; or no line at all: `make` takes a class as well as a name.
"""

import inspect

from feedbackalign.checks import describe, require_known
from feedbackalign.networks import Network
from feedbackalign.rules.backprop import Backprop
from feedbackalign.rules.base import ErrorSendingRule, Rule, Step
from feedbackalign.rules.deep_feedback_control import AnalyticFeedbackControl
from feedbackalign.rules.direct_feedback_alignment import DirectFeedbackAlignment
from feedbackalign.rules.direct_random_target_projection import DirectRandomTargetProjection
from feedbackalign.rules.direct_target_propagation import (DirectTargetPropagation, DirectTargetPropagationControl,
                                                           RandomHiddenTargetPropagation)
from feedbackalign.rules.equilibrium_propagation import EquilibriumPropagation
from feedbackalign.rules.feedback_alignment import FeedbackAlignment
from feedbackalign.rules.gauss_newton_targets import GaussNewtonTargets
from feedbackalign.rules.holomorphic_equilibrium_propagation import HolomorphicEP
from feedbackalign.rules.jacobian_homeostasis import JacobianHomeostasis
from feedbackalign.rules.kolen_pollack import KolenPollack
from feedbackalign.rules.perturbation import NodePerturbation, WeightPerturbation
from feedbackalign.rules.product_feedback_routes import (IdentityProductFeedbackAlignment,
                                                         OrthogonalProductFeedbackAlignment,
                                                         RoutedProductFeedbackAlignment)
from feedbackalign.rules.sign_symmetry import (BatchwiseRandomSignSymmetry, FixedRandomSignSymmetry,
                                               UniformSignSymmetry)
from feedbackalign.rules.simulated_feedback_control import DeepFeedbackControl, SteadyStateFeedbackControl
from feedbackalign.rules.target_propagation import (DifferenceReconstructionTargetPropagation,
                                                     DifferenceTargetPropagation, TargetPropagation)
from feedbackalign.rules.target_rule import TargetRule
from feedbackalign.rules.vector_field import VectorFieldEquilibriumPropagation
from feedbackalign.rules.weight_mirror import WeightMirror

TABLE = {
    "bp": Backprop,
    "fa": FeedbackAlignment,
    "dfa": DirectFeedbackAlignment,
    "drtp": DirectRandomTargetProjection,
    "usf": UniformSignSymmetry,
    "brsf": BatchwiseRandomSignSymmetry,
    "frsf": FixedRandomSignSymmetry,
    "kp": KolenPollack,
    "wm": WeightMirror,
    "pfa": RoutedProductFeedbackAlignment,
    "pfa-o": OrthogonalProductFeedbackAlignment,
    "pfa-i": IdentityProductFeedbackAlignment,
    "wp": WeightPerturbation,
    "np": NodePerturbation,
    "ep": EquilibriumPropagation,
    "ep-vf": VectorFieldEquilibriumPropagation,
    "hep": HolomorphicEP,
    "hep-homeo": JacobianHomeostasis,
    "dfc": DeepFeedbackControl,
    "dfc-ss": SteadyStateFeedbackControl,
    "dfc-ssa": AnalyticFeedbackControl,
    "tp": TargetPropagation,
    "dtp": DifferenceTargetPropagation,
    "dtp-drl": DifferenceReconstructionTargetPropagation,
    "ddtp-linear": DirectTargetPropagation,
    "ddtp-rhl": RandomHiddenTargetPropagation,
    "ddtp-control": DirectTargetPropagationControl,
    "gnt": GaussNewtonTargets,
}

__all__ = ["TABLE", "ErrorSendingRule", "Rule", "Step", "TargetRule", "find", "make", "options_of"]


def find(rule):
    """The class behind a name of the table; a class of one's own passes through.

    >>> find("fa").__name__
    'FeedbackAlignment'
    """
    if inspect.isclass(rule) and issubclass(rule, Rule):
        return rule
    if not isinstance(rule, str):
        raise TypeError(f"rule: expected a name or a subclass of feedbackalign.rules.Rule, got {describe(rule)}")
    return TABLE[require_known(rule, TABLE, "rule")]


def options_of(rule):
    """{option: default} that this rule takes beyond network and rng.

    >>> options_of("pfa")
    {'expansion': 10, 'density': 1.0, 'route': None}
    """
    found = {}
    for kind in find(rule).__mro__:
        if "__init__" in vars(kind):
            parameters = inspect.signature(kind.__init__).parameters.values()
            own = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "rng"}
            found = {**own, **found}
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):            # **options: those of the class above
                break
    return found


def make(rule, network, *, rng=None, **options):
    """A rule on a network: `make("pfa", net, rng=rng, expansion=10)`.

    Parameters
    ----------
    rule : str or class
        A name of `TABLE`, or a subclass of `Rule`.
    network : Network
    rng : numpy.random.Generator
        The rule's own stream: feedback weights, masks, noise. Only `bp` does without.
    **options
        The rule's own; see `options_of`.

    Examples
    --------
    >>> import numpy as np
    >>> from feedbackalign.networks import mlp
    >>> rule = make("fa", mlp([4, 3, 2], rng=np.random.default_rng(0)), rng=np.random.default_rng(1))
    >>> rule.name
    'fa'
    """
    if not isinstance(network, Network):
        raise TypeError(f"network: expected a feedbackalign.networks.Network, got {describe(network)}")
    kind = find(rule)
    for option in options:
        require_known(option, options_of(kind), f"option of rule {rule if isinstance(rule, str) else kind.__name__}")
    made = kind(network, rng=rng, **options)
    made.name = rule if isinstance(rule, str) else getattr(kind, "name", kind.__name__)
    return made
