"""A small network with every number given by a formula, and what the controller does to it, digit for digit.

The numbers were found by a program that shares no line with this package.
"""

import numpy as np
import pytest

from feedbackalign.rules.control.dynamics import Controller, fixed_point, loop, run, steady_state
from feedbackalign.rules.control.learning import TimeMean
from tests.rules.control.cases import golden_case

T1 = {1: ([-0.0584079814, 0.0552057579], [0.3784171206, 0.4836648665])}
SEEN = {
    "integral": T1 | {10: ([-0.0274213203, 0.0300110918], [0.3603641627, 0.4980401578]),
                      100: ([-0.0287023625, 0.0366968842], [0.3519343209, 0.5063289077]),
                      2000: ([-0.0327040922, 0.0431919093], [0.3473578529, 0.5125858607])},
    "total": T1 | {10: ([-0.0272328500, 0.0298118495], None),
                   100: ([-0.0283271967, 0.0361381935], None),
                   2000: ([-0.0325995637, 0.0430301678], None)},
}
V1 = [-0.6649855213, -0.5354684265, 0.0863558702, 0.6287849781]
SETTLED = {
    "integral": ([-0.0327421370, 0.0431567185], [0.0072274690, -0.0106615693, -0.0187484100, -0.0095980490]),
    "total": ([-0.0326373066, 0.0429952756], [0.0072091704, -0.0106159165, -0.0186807787, -0.0095706191]),
}
NORMS = {"integral": [0.02139930698, 0.01844732423, 0.02657328589],
         "total": [0.02114744786, 0.01822815269, 0.02626652092]}
LEAKS = pytest.mark.parametrize("leak", ["integral", "total"])


def assert_digits(ours, theirs, digits=10):
    np.testing.assert_allclose(np.ravel(ours), theirs, rtol=0, atol=0.51 * 10.0**-digits)


def controller(leak):
    return Controller(alpha=0.05, k_p=1.5, dt=0.02, tau=0.2, leak=leak)


def test_the_network_and_its_feedback():
    stages, seen, delta, Q = golden_case()
    assert_digits(seen.output, [0.3842630358, 0.4782752094])
    assert_digits(delta / -0.1, [0.3842630358, -0.3631957754])
    assert_digits(np.sort(np.linalg.eigvals(loop(stages, seen, Q)[0]).real)[::-1], [2.0992779759, 0.9495222315])


@LEAKS
def test_the_controller_in_time(leak):
    stages, seen, delta, Q = golden_case()
    found = {state.step: (state.u.copy(), state.r[-1].copy(), state.v[0].copy())
             for state in run(stages, seen, seen.output + delta, Q, controller(leak), steps=2000)
             if state.step in SEEN[leak]}
    for step, (u, output) in SEEN[leak].items():
        assert_digits(found[step][0], u)
        if output is not None:
            assert_digits(found[step][1], output)
    if leak == "integral":
        assert_digits(found[2000][2], V1)


@LEAKS
def test_the_steady_state_to_first_order(leak):
    stages, seen, delta, Q = golden_case()
    u, push = SETTLED[leak]
    state = steady_state(stages, seen, delta, Q, controller(leak).damping)
    assert_digits(state.u, u)
    assert_digits(state.v[0] - state.v_ff[0], push)


@LEAKS
def test_the_simulation_ends_in_the_fixed_point(leak):
    stages, seen, delta, Q = golden_case()
    exact = fixed_point(stages, seen, seen.output + delta, Q, controller(leak).damping)
    assert_digits(exact.u, SEEN[leak][2000][0], digits=8)


@LEAKS
def test_the_time_mean_of_the_update(leak):
    stages, seen, delta, Q = golden_case()
    mean = TimeMean(stages, seen, 1.0)
    for state in run(stages, seen, seen.output + delta, Q, controller(leak), steps=300):
        mean.add(state)
    norms = [np.linalg.norm(mean.gradients()[f"{stage.name}.weight"]) for stage in stages]
    assert_digits(norms, NORMS[leak], digits=11)
