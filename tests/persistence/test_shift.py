"""The test for changed data: its statistic against sums by hand, its decision on samples that are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.persistence import detect_shift, ks_two_sample
from feedbackalign.persistence.shift import distances


@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 20))
def test_the_statistic_is_the_largest_gap_and_p_falls_with_it(seed, n, m):
    rng = np.random.default_rng(seed)
    a, b = np.round(rng.normal(size=n), 1), np.round(rng.normal(size=m), 1)            # ties
    D, p = ks_two_sample(a, b)
    assert abs(D - max(abs((a <= v).mean() - (b <= v).mean()) for v in [*a, *b])) < 1e-15
    assert ks_two_sample(b, a) == (D, p) and 0 <= p <= 1
    assert ks_two_sample(3 * a - 1, 3 * b - 1) == (D, p)
    assert ks_two_sample(a, a) == (0.0, 1.0) and ks_two_sample(a, b + 100)[0] == 1.0


@pytest.mark.parametrize(("length", "p"), [          # the Kolmogorov distribution, from its table
    (1.2238478702170823, 0.1), (1.3580986393225505, 0.05), (1.6276236115189503, 0.01)])
def test_p_is_the_kolmogorov_distribution(length, p):
    """D is a multiple of 1/n, so p is compared on both sides of the critical value."""
    n = 400
    root = np.sqrt(n / 2)
    steps = length / (root + 0.12 + 0.11 / root) * n
    found = [ks_two_sample(np.arange(n), np.arange(n) + shift)[1] for shift in (np.floor(steps), np.ceil(steps))]
    assert found[0] >= p >= found[1] and found[0] - found[1] < 0.2 * p + 0.01


def test_small_gaps_are_no_evidence_though_the_series_says_otherwise():
    a = np.arange(1000.0)
    assert ks_two_sample(a, a + 1)[1] == 1.0                            # l = 0.022, where the series sums to 0
    assert ks_two_sample(a, a + 40)[1] < 1.0


def features(rng, move=0.0, N=60, arrays=2):
    labels = np.arange(N) % 3
    return [rng.normal(size=(N, 4)) + labels[:, None] + move for _ in range(arrays)], labels


def test_the_decision_by_hand():
    rng = np.random.default_rng(0)
    (train, labels), (clean, _), (test, _) = features(rng), features(rng), features(rng, move=0.6)
    p = []
    for label in range(3):
        of_clean, of_test = (np.mean([[np.linalg.norm(row - own[labels == label].mean(axis=0)) for row in array]
                                      for array, own in zip(arrays, train)], axis=0) for arrays in (clean, test))
        p.append(ks_two_sample(of_clean, of_test)[1])
    found = detect_shift(train, labels, clean, test)
    np.testing.assert_allclose(found["p"], p, rtol=1e-12)
    assert found["reject"] is (min(p) < 0.05 / 3) is True
    assert detect_shift(train, labels, clean, clean)["reject"] is False


def test_the_level_is_shared_by_the_classes():
    """Some clean batches have a p between 0.05 / 3 and 0.05, and are not rejected."""
    between = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        (train, labels), (clean, _), (test, _) = (features(rng) for _ in range(3))
        found = detect_shift(train, labels, clean, test)
        assert found["reject"] is bool(found["p"].min() < 0.05 / 3)
        between += 0.05 / 3 < found["p"].min() < 0.05
    assert between > 0


def test_one_array_is_a_list_of_one():
    rng = np.random.default_rng(0)
    (train, labels), (clean, _), (test, _) = (features(rng, arrays=1) for _ in range(3))
    found = detect_shift(train[0], labels, clean[0], test[0])
    assert (found["p"] == detect_shift(train, labels, clean, test)["p"]).all()


def test_false_alarms_are_rare():
    rng = np.random.default_rng(0)
    train, labels = features(rng, N=300)
    alarms = sum(detect_shift(train, labels, features(rng)[0], features(rng)[0])["reject"] for _ in range(100))
    assert alarms <= 8


def test_distances_are_averaged_over_the_arrays():
    arrays, means = [np.zeros((2, 3)), np.ones((2, 1))], [np.array([[3.0, 4, 0]]), np.array([[2.0]])]
    assert distances(arrays, means).tolist() == [[3.0], [3.0]]


def test_bad_arguments_are_refused():
    (train, labels), (clean, _) = features(np.random.default_rng(0)), features(np.random.default_rng(1))
    for attempt, complaint in [
            (lambda: ks_two_sample([], [1.0]), "a: expected numbers of shape"),
            (lambda: ks_two_sample([1.0], [np.nan]), "b: expected finite"),
            (lambda: detect_shift(train, labels[1:], clean, clean), "labels: expected 60 integers"),
            (lambda: detect_shift(train, labels / 2, clean, clean), "labels: expected 60 integers"),
            (lambda: detect_shift(train, labels, clean[:1], clean), "of one kind"),
            (lambda: detect_shift(train, labels, clean, [array[:0] for array in clean]), "test: expected numbers of"),
            (lambda: detect_shift(train, labels, clean, [array * np.inf for array in clean]), "test: expected finite")]:
        with pytest.raises(ValueError, match=complaint):
            attempt()
