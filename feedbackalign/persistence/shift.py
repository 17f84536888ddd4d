"""Has the data changed? A test on the witnesses (`activation`) of two batches, without labels.

    1. m_c, the mean witness of every class, from training samples and their labels
    2. each new sample becomes C numbers, its distances to the m_c
    3. a Kolmogorov-Smirnov test for each of the C numbers: clean samples against those in question
    4. the batch is rejected where the smallest of the C p-values is below 0.05 / C

Girrbach et al. 2023 (arXiv 2307.10865), after the authors' program. For witnesses of several arrays (one per layer) the
distances are averaged over them.
"""

import math

import numpy as np

from feedbackalign.ops.norms import norm
from feedbackalign.validation import (describe, require_list, require_numbers, require_plain)

LEVEL = 0.05
TERMS = 100                 # of the series below
SMALLEST = 0.2              # below it the series has not converged, and p is 1 to 15 digits


def ks_two_sample(a, b):
    """The Kolmogorov-Smirnov test of two samples: (n,), (m,) -> (D, p).

    D is the largest distance of the two cumulative distributions. p = 2 Σ_k (−1)^{k−1} exp(−2 k² l²) with
    l = (√n_e + 0.12 + 0.11 / √n_e) D and n_e = n m / (n + m), and 1 for l < 0.2. It is the asymptotic value: for 20
    against 20 samples it may be off by 0.04.

    >>> ks_two_sample([0.0, 1.0, 2.0, 3.0], [0.5, 10.0, 11.0, 12.0])[0]
    0.75
    """
    a, b = (np.sort(require_numbers(sample, what, shape=(None,))) for sample, what in ((a, "a"), (b, "b")))
    both = np.concatenate([a, b])
    below_a, below_b = (np.searchsorted(sample, both, side="right") / len(sample) for sample in (a, b))
    D = float(np.abs(below_a - below_b).max())
    root = math.sqrt(len(a) * len(b) / (len(a) + len(b)))
    length = (root + 0.12 + 0.11 / root) * D
    if length < SMALLEST:
        return D, 1.0
    k = np.arange(1, TERMS + 1)
    p = 2.0 * float((np.where(k % 2, 1.0, -1.0) * np.exp(-2.0 * (k * length)**2)).sum())
    return D, min(max(p, 0.0), 1.0)


def detect_shift(train, labels, clean, test):
    """Whether the samples of `test` come from elsewhere than those of `clean`.

    Parameters
    ----------
    train, clean, test : arrays (N, length), or lists of such arrays
        Witnesses; each with a number of samples of its own.
    labels : integer array (N,)
        The classes of `train`.

    Returns
    -------
    dict
        reject (bool) and p, an array of one value a class.

    >>> rng = np.random.default_rng(0)
    >>> train, labels, clean = rng.normal(size=(40, 3)), np.arange(40) % 2, rng.normal(size=(50, 3))
    >>> [detect_shift(train, labels, clean, rng.normal(size=(50, 3)) + move)["reject"] for move in (0, 2)]
    [False, True]
    """
    train, clean, test = (_arrays(given, what) for given, what in ((train, "train"), (clean, "clean"), (test, "test")))
    given, labels = labels, require_plain(labels, "labels")
    if labels.shape != (len(train[0]),) or labels.dtype.kind not in "iu":
        raise ValueError(f"labels: expected {len(train[0])} integers, one a training witness, got {describe(given)}")
    lengths = [[array.shape[1] for array in arrays] for arrays in (train, clean, test)]
    if not lengths[0] == lengths[1] == lengths[2]:
        raise ValueError(f"train, clean, test: expected witnesses of one kind, of one length each, got arrays of the "
                         f"lengths {lengths}")
    means = [np.array([array[labels == label].mean(axis=0) for label in np.unique(labels)])        # (C, length)
             for array in train]
    p = np.array([ks_two_sample(a, b)[1] for a, b in zip(distances(clean, means).T, distances(test, means).T)])
    return {"reject": bool(p.min() < LEVEL / len(p)), "p": p}


def distances(arrays, means):
    """Of every sample to every class mean, averaged over the arrays: [(N, length), …], [(C, length), …] -> (N, C)."""
    return np.mean([norm(array[:, None] - of_classes, axis=2)                   # (N, 1, length), (C, length) -> (N, C)
                    for array, of_classes in zip(arrays, means)], axis=0)


def _arrays(given, what):
    """A witness as a list of arrays (N, length) of one N."""
    arrays = [require_numbers(array, what, shape=(None, None))
              for array in require_list(given if isinstance(given, (list, tuple)) else [given], what)]
    if len({len(array) for array in arrays}) > 1:
        raise ValueError(f"{what}: expected witnesses (N, length) of one N, got {describe(given)}")
    return arrays
