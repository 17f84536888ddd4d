"""The names of the learning rules, and how a rule is found and made.

A new rule is one file and one line in `TABLE`; or no line at all: `make` takes a class as well as a name.
"""

import functools
import inspect

from feedbackalign.networks import Network
from feedbackalign.rules.backprop import Backprop
from feedbackalign.rules.base import Rule
from feedbackalign.rules.control.analytic_feedback_control import AnalyticFeedbackControl
from feedbackalign.rules.control.deep_feedback_control import DeepFeedbackControl, SteadyStateFeedbackControl
from feedbackalign.rules.direct_feedback_alignment import DirectFeedbackAlignment
from feedbackalign.rules.direct_random_target_projection import DirectRandomTargetProjection
from feedbackalign.rules.equilibrium.equilibrium_propagation import EquilibriumPropagation
from feedbackalign.rules.equilibrium.vector_field import VectorFieldEquilibriumPropagation
from feedbackalign.rules.feedback_alignment import FeedbackAlignment
from feedbackalign.rules.flows.ode_to_ode import OdeToOde
from feedbackalign.rules.holomorphic.holomorphic_equilibrium_propagation import HolomorphicEP
from feedbackalign.rules.holomorphic.jacobian_homeostasis import JacobianHomeostasis
from feedbackalign.rules.implicit.consequentialism import Consequentialism
from feedbackalign.rules.implicit.proxprop import ProxProp
from feedbackalign.rules.implicit.semi_implicit import SemiImplicit
from feedbackalign.rules.information.corinfomax import CorInfoMax
from feedbackalign.rules.perturbation import NodePerturbation, WeightPerturbation
from feedbackalign.rules.product.kolen_pollack import KolenPollack
from feedbackalign.rules.product.orthogonal_feedback import (IdentityProductFeedbackAlignment,
                                                             OrthogonalProductFeedbackAlignment)
from feedbackalign.rules.product.product_feedback_alignment import ProductFeedbackAlignment
from feedbackalign.rules.sign_symmetry import BatchwiseRandomSignSymmetry, FixedRandomSignSymmetry, UniformSignSymmetry
from feedbackalign.rules.spikes.spike_timing_backprop import SpikeTimingBackprop
from feedbackalign.rules.targets.direct_target_propagation import (DirectTargetPropagation,
                                                                   DirectTargetPropagationControl,
                                                                   RandomHiddenTargetPropagation)
from feedbackalign.rules.targets.gauss_newton_targets import GaussNewtonTargets
from feedbackalign.rules.targets.target_propagation import (DifferenceReconstructionTargetPropagation,
                                                            DifferenceTargetPropagation, TargetPropagation)
from feedbackalign.rules.top_only import TopOnly
from feedbackalign.rules.user_file import UserFileError, find_in_file
from feedbackalign.rules.weight_mirror import WeightMirror
from feedbackalign.validation import describe, require_known

TABLE = {
    "bp": Backprop,
    "fa": FeedbackAlignment,
    "dfa": DirectFeedbackAlignment,
    "drtp": DirectRandomTargetProjection,
    "top-only": TopOnly,
    "usf": UniformSignSymmetry,
    "brsf": BatchwiseRandomSignSymmetry,
    "frsf": FixedRandomSignSymmetry,
    "kp": KolenPollack,
    "wm": WeightMirror,
    "pfa": ProductFeedbackAlignment,
    "pfa-o": OrthogonalProductFeedbackAlignment,
    "pfa-i": IdentityProductFeedbackAlignment,
    "wp": WeightPerturbation,
    "np": NodePerturbation,
    "ode-to-ode": OdeToOde,
    "ep": EquilibriumPropagation,
    "ep-vf": VectorFieldEquilibriumPropagation,
    "hep": HolomorphicEP,
    "hep-homeo": JacobianHomeostasis,
    "corinfomax": CorInfoMax,
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
    "consequentialism": Consequentialism,
    "proxprop": ProxProp,
    "semi-implicit": SemiImplicit,
    "relpsp": SpikeTimingBackprop,
}


def find(rule):
    """The class behind a name of the table, or behind "my_rule.py:MyRule" in a file; a class passes through.

    >>> find("fa").__name__
    'FeedbackAlignment'
    """
    if inspect.isclass(rule) and issubclass(rule, Rule):
        return rule
    if not isinstance(rule, str):
        raise TypeError(f"rule: expected a name or a subclass of feedbackalign.rules.Rule, got {describe(rule)}")
    if ".py" in rule:
        kind = find_in_file(rule, "rule", "my_rule.py:MyRule")
        if not (isinstance(kind, type) and issubclass(kind, Rule)):
            path, _, name = rule.rpartition(":")
            held = "nothing of that name" if kind is None else describe(kind)
            raise UserFileError(f"rule file {path}: expected a subclass of feedbackalign.rules.Rule called {name!r}, "
                                f"got {held}")
        return kind
    return TABLE[require_known(rule, TABLE, "rule")]


def options_of(rule):
    """{option: default} that this rule takes beyond network and rng.

    >>> options_of("pfa")
    {'expansion': 10, 'density': 1.0, 'route': None}
    """
    return dict(_options_of(find(rule)))


@functools.cache                            # a signature takes long to read
def _options_of(rule):
    found = {}
    for kind in rule.__mro__:
        if "__init__" in vars(kind):
            parameters = inspect.signature(kind.__init__).parameters.values()
            own = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "rng"}
            found = {**own, **found}
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):            # **options: those of the class above
                break
    return {option: default for option, default in found.items()
            if option not in getattr(rule, "fixed_options", ())}


def make(rule, network, *, rng=None, **options):
    """A rule on a network: `make("pfa", net, rng=rng, expansion=10)`.

    Parameters
    ----------
    rule : str or class
        A name of `TABLE`, "my_rule.py:MyRule", or a subclass of `Rule`.
    network : Network
    rng : numpy.random.Generator
        The rule's own stream: feedback weights, masks, noise. `bp`, `ode-to-ode` and `top-only` do without.
    **options
        The rule's own; see `options_of`.

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
    require_known(kind.reads_forward_weights, ("no", "signs", "yes"), f"{kind.__name__}.reads_forward_weights")
    require_known(kind.matches_backprop, ("always", "any network", "linear network", "never"),
                  f"{kind.__name__}.matches_backprop")
    made = kind(network, rng=rng, **options)
    made.options = options_of(kind) | options
    made.name = rule if isinstance(rule, str) else getattr(kind, "name", kind.__name__)
    return made
