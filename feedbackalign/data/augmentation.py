"""Every epoch sees every image a little differently: shifted by a few pixels, and mirrored every other time.

He, Zhang, Ren, Sun, arXiv 1512.03385, section 4.2: 4 pixels are padded on each side, and a crop of the original size is
taken from the padded image or its mirror image. The padding is 0: in standardised images that is the mean colour.

The moves of all images are drawn before the first batch of an epoch, together with the order: the state of the stream
before an epoch determines the whole epoch, and a resumed run sees the same images as an unbroken one.
"""

import dataclasses

import numpy as np

from feedbackalign.validation import describe, require_bool, require_floats, require_generator, require_integer, store


@dataclasses.dataclass(frozen=True)
class CropAndFlip:
    """A random window of the image in a frame of zeros, mirrored left to right every other time.

    Parameters
    ----------
    padding : int
        Width of the frame in pixels: how far an image may move in each direction.
    flip : bool
        Whether half of the images are mirrored. Do not use it for digits and letters.

    >>> x = np.arange(1.0, 5.0).reshape(1, 1, 2, 2)
    >>> augment = CropAndFlip(padding=1)
    >>> augment(x, np.array([[1, 1, 0]])).tolist() == x.tolist()            # row 1, column 1: the image itself
    True
    >>> augment(x, np.array([[2, 1, 1]])).tolist()                          # a row up, and mirrored
    [[[[4.0, 3.0], [0.0, 0.0]]]]
    """

    padding: int = 4
    flip: bool = True

    def __post_init__(self):
        store(self, padding=require_integer(self.padding, "padding", low=0), flip=require_bool(self.flip, "flip"))

    def check(self, shape, what):
        """Refuse samples that are no images, or too small; shape is without N."""
        if len(shape) != 3:
            raise ValueError(f"{what}: expected images (channels, height, width), got samples of shape {tuple(shape)}")
        if self.padding >= min(shape[1:]):
            raise ValueError(f"{what}: expected a padding smaller than the images, got {self.padding} for samples of "
                             f"shape {tuple(shape)}")

    def draw(self, count, *, rng):
        """One move per image, (count, 3): first row of the window, first column, 1 if it is mirrored."""
        require_generator(rng, "CropAndFlip")
        count = require_integer(count, "count", low=1)
        return rng.integers([2 * self.padding + 1, 2 * self.padding + 1, 2 if self.flip else 1], size=(count, 3))

    def __call__(self, x, moves):
        """Moved copies of the images: x (N, C, H, W), moves (N, 3) from `draw` -> (N, C, H, W)."""
        N, C, H, W = require_floats(x, "x", shape=(None, None, None, None)).shape
        pad = self.padding
        if not isinstance(moves, np.ndarray) or moves.dtype.kind not in "iu" or moves.shape != (N, 3):
            raise TypeError(f"moves: expected an integer array of shape ({N}, 3), got {describe(moves)}")
        if moves.min() < 0 or moves.max() > max(2 * pad, 1):
            raise ValueError(f"moves: expected numbers from 0 to {max(2 * pad, 1)}, got {moves.min()} to {moves.max()}")
        framed = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))        # -> (N, C, H + 2 pad, W + 2 pad)
        seen = np.empty_like(x)
        for n, (row, column, mirrored) in enumerate(moves.tolist()):
            window = framed[n, :, row:row + H, column:column + W]           # (C, H, W)
            seen[n] = window[:, :, ::-1] if mirrored else window
        return seen


AUGMENTATIONS = {"none": None, "crop-flip": CropAndFlip()}
