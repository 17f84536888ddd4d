# %% [markdown]
# # 2. How is a convolution a matrix product, and what carries its error back?
#
# *Papers: LeCun et al. 1989, Neural Computation 1, 541; Dumoulin, Visin 2016, arXiv 1603.07285. 15 minutes to read, 40
# to do. Know before: lesson 1.*
#
# A dense layer is one matrix product, and so were its error's way down and its gradient. A convolution looks like
# something else: a small kernel slides over an image. Here you see that it is a dense layer after all, used at many
# places of the image at once, and that its backward pass follows from this without any new mathematics. And you get a
# test for backward passes that needs no small h: the adjoint test.

# %%
import numpy as np

import feedbackalign as fa

fa.blas_threads(1)                                  # one thread of the matrix library: more would spin while they wait
conv = fa.ops.convolution                                           # pure functions, all shown in this lesson
rng = np.random.default_rng(1)
image = np.arange(16.0).reshape(1, 1, 4, 4)                         # (N, C, H, W): one image of one channel
columns = conv.im2col(image, (3, 3))                                # (C·kh·kw, rows·cols·N) = (9, 4)
print(columns.astype(int))

# %% [markdown]
# ## Every patch is a column
#
# A 3×3 kernel meets a 4×4 image at 2×2 positions. Write the patch that it meets at each of them as a column:
#
#     Eq. 1   columns = im2col(x)                   (N, C, H, W) -> (C·kh·kw, positions)
#     Eq. 2   y = weight @ columns                  (out, C·kh·kw) x (C·kh·kw, positions) -> (out, positions)
#
# Find the 5 in the picture below: it is one pixel, and it stands in all four columns.

# %%
COLOURS = ["#154aaa", "#bf0b00", "#0b8a50", "#8a00ff"]
title = "Four patches of a 4×4 image are four columns of a matrix"
with fa.figures.panels("02_im2col", title, columns=2) as (left, right):
    left.imshow(image[0, 0], cmap="Greys", vmin=-2, vmax=45)
    right.imshow(columns, cmap="Greys", vmin=-2, vmax=45, aspect=0.35)
    for (row, col), value in np.ndenumerate(image[0, 0]):
        left.text(col, row, f"{value:.0f}", ha="center", va="center", fontsize=20)
    for place, colour in enumerate(COLOURS):
        top, start = np.array(divmod(place, 2)) - 0.44 + 0.05 * place       # no frame hides another
        end, bottom = start + 2.76, top + 2.76
        left.plot([start, end, end, start, start], [top, top, bottom, bottom, top], color=colour, linewidth=3)
        for entry, value in enumerate(columns[:, place]):
            right.text(place, entry, f"{value:.0f}", ha="center", va="center", fontsize=15, color=colour)
    left.set(title="x[0, 0], and where the kernel lies", xticks=[], yticks=[])
    right.set(title="im2col(x, (3, 3))", xlabel="position of the kernel", ylabel="entry of the kernel, c·kh·kw",
              xticks=range(4), yticks=range(9))

# %% [markdown]
# ## The same numbers as the definition
#
# With stride and padding nothing changes but which patches there are. Here is the definition, loops and a sum,
# against the matrix product, with sizes that are all different so that nothing fits by chance:

# %%
N, C, H, W, out, kernel, stride, padding = 3, 2, 8, 7, 4, (3, 2), 2, 1
x = rng.normal(size=(N, C, H, W))
weight = rng.normal(size=(out, C, *kernel))
y, columns = conv.convolve(x, weight, None, stride, padding)        # (N, out, rows, cols), (C·kh·kw, rows·cols·N)

padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
naive = np.zeros(y.shape)
for n, o, p, q in np.ndindex(*y.shape):
    patch = padded[n, :, p * stride:p * stride + kernel[0], q * stride:q * stride + kernel[1]]     # (C, kh, kw)
    naive[n, o, p, q] = (weight[o] * patch).sum()
print("largest difference to the loops:", np.abs(naive - y).max())

# %% [markdown]
# ## Backward: the transpose of everything, in the other order
#
# Eq. 2 is a dense layer, so you know its backward pass from lesson 1. The only new thing is the transpose of Eq. 1.
# What copied a pixel into several columns on the way up adds up what those columns say on the way down:
#
#     Eq. 3   e_columns = weightᵀ @ e               (C·kh·kw, out) x (out, positions) -> (C·kh·kw, positions)
#     Eq. 4   e_x = col2im(e_columns)               every entry added to the pixel that it came from
#     Eq. 5   ∂weight = e @ columnsᵀ                what came back times what had arrived, summed over all positions
#
# How often does a pixel get an answer? Send ones down through col2im.

# %%
counts = conv.col2im(np.ones((9, 4)), (1, 1, 4, 4), (3, 3))[0, 0].astype(int)       # (4, 4)
print(counts)                                                       # corners lie in one patch, the middle in four


def backward_pieces(error):
    """Eq. 3 to 5, in the package's own pieces: error (N, out, rows, cols) -> e_x, ∂weight."""
    rows = conv.as_rows(error)                                      # (out, positions)
    e_columns = weight.reshape(out, -1).T @ rows                    # (C·kh·kw, positions)                 Eq. 3
    e_x = conv.col2im(e_columns, x.shape, kernel, stride, padding)  # (N, C, H, W)                         Eq. 4
    return e_x, (rows @ columns.T).reshape(weight.shape)            # (out, C, kh, kw)                     Eq. 5


error = rng.normal(size=y.shape)                                    # a random error, not ones
e_x, gradient = backward_pieces(error)

# %% [markdown]
# ## The adjoint test
#
# The convolution is linear in x, and a linear map A and its transpose satisfy ⟨A x, e⟩ = ⟨x, Aᵀ e⟩ for *all* x and e,
# up to rounding. Draw both at random, and one number on each side tells whether the way down belongs to the way up.
# Below, the right one and three wrong ones. Note the second: it assigns where col2im adds, so that of
# all patches of a pixel one alone is heard, whichever NumPy writes last.


# %%
def assigned(e_columns):
    """col2im with = in the place of +=."""
    where = conv.im2col(np.arange(x.size).reshape(x.shape) + 1, kernel, stride, padding).astype(int)   # 0 is padding
    e_x = np.zeros(x.size + 1)
    e_x[where] = e_columns
    return e_x[1:].reshape(x.shape)


e_columns = weight.reshape(out, -1).T @ conv.as_rows(error)
uncropped = conv.convolution_transport(error, weight, padded.shape, stride, 0)      # with the frame of padding still on
WAYS_DOWN = {
    "right": e_x,
    "assigned, not added": assigned(e_columns),
    "kernel flipped": conv.convolution_transport(error, weight[..., ::-1, ::-1], x.shape, stride, padding),
    "cropped one pixel off": uncropped[:, :, :H, :W],
}
gaps = {}
for name, down in WAYS_DOWN.items():
    gaps[name] = abs((y * error).sum() - (x * down).sum()) / np.abs(y * error).sum()
    print(f"{name:22} ⟨A x, e⟩ and ⟨x, Aᵀ e⟩ differ by {gaps[name]:.1e}")
title = "One number tells the right way down from the wrong ones"
with fa.figures.panels("02_adjoint", title, columns=2) as (left, right):
    left.imshow(counts, cmap="Greys", vmin=-1, vmax=9)
    for (row, col), value in np.ndenumerate(counts):
        left.text(col, row, value, ha="center", va="center", fontsize=22)
    left.set(title="how many patches each pixel is in", xticks=[], yticks=[])
    right.barh(list(gaps), np.maximum(list(gaps.values()), 1e-17), color=["#154aaa", *["#bf0b00"] * 3])
    right.set(xscale="log", xlabel="what ⟨A x, e⟩ and ⟨x, Aᵀ e⟩ differ by (relative)", xlim=(1e-18, 10))
    right.invert_yaxis()

# %% [markdown]
# In a network the layer does all this: `layer.transport(error, weights)` is Eq. 3 and 4 for *any* weights of the
# kernel's shape, and `layer.local_gradients(error)` is Eq. 5. Backprop calls `transport` with the layer's own
# weights. The next lesson calls it with others, and needs no second version for images.
#
# ## Is it so?

# %%
layer = fa.layers.Conv2d(C, out, kernel, stride=stride, padding=padding, rng=rng, dtype=np.float64)
layer.weight[...] = weight
layer.forward(x)
assert np.allclose(layer.transport(error, layer.weight), e_x, rtol=1e-13, atol=1e-13)
assert np.allclose(layer.local_gradients(error)["weight"], gradient, rtol=1e-13, atol=1e-13)
assert fa.check.check_gradients(layer, x).worst < 1e-6              # central differences agree
assert np.abs(naive - y).max() < 1e-13 and np.array_equal(counts[0], [1, 2, 2, 1]) and counts[1, 1] == 4
assert conv.im2col(image, (3, 3)).tolist().count([5.0]) == 0 and (conv.im2col(image, (3, 3)) == 5).any(axis=0).all()
assert gaps["right"] < 1e-12 and min(gap for name, gap in gaps.items() if name != "right") > 0.01

# %% [markdown]
# ## Exercises
#
# **2.1** and **2.2** stand below, coded. Loops are welcome, and so are the package's own functions.
#
# **2.3** Take `kernel = (1, 1)`, stride 1 and no padding. What is im2col now, and which layer of lesson 1 is this?
#
# **2.4** An upstream error of ones is a poor test. Set `stride` to 1 and `error` to ones, and look at the way down
# with the kernel flipped: how many of its pixels are wrong now? Why does a random error not have this weakness?
#
# **2.5** How much larger than the image is the column matrix of a 3×3 kernel with stride 1? When would you rather
# compute the convolution row by row (`ops/fast/convolution.py`)?


# %%
def kernel_gradient(error, x, kernel, stride, padding):
    """Exercise 2.1. The gradient of a kernel (equation 5).

    error (N, out, rows, cols) is ∂L/∂y, x (N, in, H, W) what the layer had seen, kernel = (kh, kw); stride and padding
    are the same in both directions. Return ∂L/∂weight, (out, in, kh, kw).
    """
    raise NotImplementedError


fa.exercise("2.1", kernel_gradient)


# %%
def image_error(error, weight, input_shape, stride, padding):
    """Exercise 2.2. Send the error down through a convolution (equations 3 and 4).

    error (N, out, rows, cols) is ∂L/∂y, weight (out, in, kh, kw), input_shape = (N, in, H, W); stride and padding are
    the same in both directions. Return ∂L/∂x, (N, in, H, W).
    """
    raise NotImplementedError


fa.exercise("2.2", image_error)
