"""The learning rules: a file each, a room for every paper that needs more than one, and the table of names."""

from feedbackalign.rules.backprop import Backprop
from feedbackalign.rules.base import Rule, Step
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
from feedbackalign.rules.sending import ErrorSendingRule
from feedbackalign.rules.sign_symmetry import BatchwiseRandomSignSymmetry, FixedRandomSignSymmetry, UniformSignSymmetry
from feedbackalign.rules.spikes.spike_timing_backprop import SpikeTimingBackprop
from feedbackalign.rules.table import TABLE, find, make, options_of
from feedbackalign.rules.targets.direct_target_propagation import (DirectTargetPropagation,
                                                                   DirectTargetPropagationControl,
                                                                   RandomHiddenTargetPropagation)
from feedbackalign.rules.targets.gauss_newton_targets import GaussNewtonTargets
from feedbackalign.rules.targets.target_propagation import (DifferenceReconstructionTargetPropagation,
                                                            DifferenceTargetPropagation, TargetPropagation)
from feedbackalign.rules.targets.target_rule import TargetRule
from feedbackalign.rules.top_only import TopOnly
from feedbackalign.rules.weight_mirror import WeightMirror

__all__ = ["AnalyticFeedbackControl", "Backprop", "BatchwiseRandomSignSymmetry", "Consequentialism", "CorInfoMax",
           "DeepFeedbackControl", "DifferenceReconstructionTargetPropagation", "DifferenceTargetPropagation",
           "DirectFeedbackAlignment", "DirectRandomTargetProjection", "DirectTargetPropagation",
           "DirectTargetPropagationControl", "EquilibriumPropagation", "ErrorSendingRule", "FeedbackAlignment",
           "FixedRandomSignSymmetry", "GaussNewtonTargets", "HolomorphicEP", "IdentityProductFeedbackAlignment",
           "JacobianHomeostasis", "KolenPollack", "NodePerturbation", "OdeToOde", "OrthogonalProductFeedbackAlignment",
           "ProductFeedbackAlignment", "ProxProp", "RandomHiddenTargetPropagation", "Rule", "SemiImplicit",
           "SpikeTimingBackprop", "SteadyStateFeedbackControl", "Step", "TABLE", "TargetPropagation", "TargetRule",
           "TopOnly", "UniformSignSymmetry", "VectorFieldEquilibriumPropagation", "WeightMirror", "WeightPerturbation",
           "find", "make", "options_of"]
