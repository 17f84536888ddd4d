"""Crops and mirror images: what they do to a picture, how often, and that an epoch stays all in its stream's state."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackalign.data import AUGMENTATIONS, Batches, CropAndFlip, Split, digits

shapes = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(3, 7), st.integers(3, 7))


def pictures(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def seen_through_a_window(image, row, column, mirrored, pad):
    """Pixel by pixel: image (C, H, W) -> (C, H, W)."""
    C, H, W = image.shape
    seen = np.zeros_like(image)
    for y in range(H):
        for x in range(W):
            from_y, from_x = y + row - pad, (W - 1 - x if mirrored else x) + column - pad
            if 0 <= from_y < H and 0 <= from_x < W:
                seen[:, y, x] = image[:, from_y, from_x]
    return seen


@given(shapes, st.integers(0, 2), st.booleans(), st.integers(0, 2**32 - 1))
def test_every_pixel_comes_from_where_it_should(shape, padding, flip, seed):
    x, augment = pictures(shape, seed), CropAndFlip(padding, flip)
    before = x.tobytes()
    moves = augment.draw(len(x), rng=np.random.default_rng(seed))
    seen = augment(x, moves)
    assert seen.dtype == x.dtype and x.tobytes() == before and not np.shares_memory(seen, x)
    for image, out, move in zip(x, seen, moves):
        assert np.array_equal(out, seen_through_a_window(image, *move, pad=padding))


def test_every_window_is_as_likely_and_every_other_image_is_mirrored():
    moves = CropAndFlip(padding=2).draw(50_000, rng=np.random.default_rng(0))
    windows = np.bincount(moves[:, 0] * 5 + moves[:, 1], minlength=25)              # 5 x 5 places
    assert windows.size == 25 and np.abs(windows - 2000).max() < 5 * np.sqrt(2000)
    assert np.bincount(moves[:, 2]).tolist() == pytest.approx([25_000, 25_000], abs=5 * np.sqrt(12_500))
    assert np.abs(np.corrcoef(moves.T)[np.triu_indices(3, 1)]).max() < 5 / np.sqrt(50_000)
    assert not CropAndFlip(flip=False).draw(1000, rng=np.random.default_rng(0))[:, 2].any()
    assert CropAndFlip().draw(1000, rng=np.random.default_rng(0))[:, :2].max() == 8


def test_no_padding_and_no_flip_is_nothing():
    x, augment = pictures((3, 1, 4, 4)), CropAndFlip(padding=0, flip=False)
    assert np.array_equal(augment(x, augment.draw(3, rng=np.random.default_rng(0))), x)


# ----------------------------------------------------------------------------------------------------- in an epoch

def epoch(skip=0, seed=5, augment=None):
    split = Split(pictures((11, 1, 6, 6)), np.arange(11))
    batches = Batches(split, 4, rng=np.random.default_rng(seed), augment=augment or CropAndFlip(padding=2))
    return split, [(x, targets) for x, targets in batches.epoch(skip=skip)]


def test_batches_are_augmented_and_the_split_is_not():
    split, seen = epoch()
    assert [len(targets) for _, targets in seen] == [4, 4, 3]
    assert sorted(np.concatenate([targets for _, targets in seen])) == list(range(11))
    assert np.array_equal(split.x, pictures((11, 1, 6, 6)))
    changed = sum(not np.array_equal(image, split.x[label]) for x, labels in seen for image, label in zip(x, labels))
    assert changed > 5
    windows = [seen_through_a_window(split.x[seen[0][1][0]], row, column, mirrored, 2).tobytes()
               for row in range(5) for column in range(5) for mirrored in (0, 1)]
    assert seen[0][0][0].tobytes() in windows


def test_every_image_of_an_epoch_has_a_move_of_its_own():
    """The order first, then one row a sample in that order."""
    split, seen = epoch(seed=7)
    rng, augment = np.random.default_rng(7), CropAndFlip(padding=2)
    order = rng.permutation(11)
    expected = augment(split.x[order], augment.draw(11, rng=rng))
    assert np.array_equal(np.concatenate([x for x, _ in seen]), expected)


@pytest.mark.parametrize("skip", [1, 2, 3])
def test_the_rest_of_an_epoch_is_the_same_rest(skip):
    whole, rest = epoch()[1][skip:], epoch(skip)[1]
    assert len(rest) == 3 - skip
    for (x, targets), (same_x, same_targets) in zip(whole, rest):
        assert x.tobytes() == same_x.tobytes() and np.array_equal(targets, same_targets)


def test_nothing_is_drawn_between_batches_and_the_order_stays():
    split = Split(pictures((11, 1, 6, 6)), np.arange(11))
    rng = np.random.default_rng(5)
    walk = Batches(split, 4, rng=rng, augment=CropAndFlip(padding=2)).epoch()
    state = rng.bit_generator.state
    orders = [targets.tolist() for _, targets in walk]
    assert rng.bit_generator.state == state
    assert orders == [targets.tolist() for _, targets in Batches(split, 4, rng=np.random.default_rng(5))]


def test_two_epochs_differ():
    split = Split(pictures((11, 1, 6, 6)), np.arange(11))
    batches = Batches(split, 11, rng=np.random.default_rng(0), augment=CropAndFlip(padding=2))
    one, two = ([x[targets.argsort()] for x, targets in batches][0] for _ in range(2))
    assert not np.array_equal(one, two)


# ---------------------------------------------------------------------------------------------------------- refused

@pytest.mark.parametrize("make, error, message", [
    (lambda: CropAndFlip(padding=-1), ValueError, "padding: expected an integer of at least 0, got -1"),
    (lambda: CropAndFlip(padding=1.5), TypeError, "padding: expected an integer"),
    (lambda: CropAndFlip(flip=1), TypeError, "flip: expected True or False, got 1"),
    (lambda: CropAndFlip().draw(3, rng=0), TypeError, "expected rng=numpy.random.Generator"),
    (lambda: epoch(augment="crop-flip"), TypeError, r"augment: expected feedbackalign.data.CropAndFlip\(\) or the "),
    (lambda: epoch(augment=CropAndFlip), TypeError, "augment: expected"),
    (lambda: epoch(augment=CropAndFlip(padding=6)), ValueError, r"a padding smaller than the images, got 6 .* \(1, 6"),
    (lambda: digits().batches(4, rng=np.random.default_rng(0), augment=CropAndFlip()), ValueError,
     r"augment: expected images .*, got samples of shape \(64,\)"),
])
def test_what_does_not_fit_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_by_name():
    assert AUGMENTATIONS == {"none": None, "crop-flip": CropAndFlip(padding=4, flip=True)}
