"""Answers to the exercises of lesson 2, written from its text alone."""

import numpy as np

import feedbackalign as fa

conv = fa.ops.convolution


def padded(x, padding):
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


def kernel_gradient(error, x, kernel, stride, padding):
    columns = conv.im2col(x, kernel, stride, padding)
    return conv.convolution_weight_gradient(error, columns, (error.shape[1], x.shape[1], *kernel))


def kernel_gradient_by_patches(error, x, kernel, stride, padding, add=np.add, ends=0):
    gradient, image = np.zeros((error.shape[1], x.shape[1], *kernel)), padded(x, padding)
    for p, q in np.ndindex(error.shape[2] - ends, error.shape[3] - ends):
        patch = image[:, :, p * stride:p * stride + kernel[0], q * stride:q * stride + kernel[1]]
        gradient = add(gradient, np.einsum("no,nckl->ockl", error[:, :, p, q], patch))
    return gradient


def kernel_gradient_by_taps(error, x, kernel, stride, padding):
    rows, cols = error.shape[2:]
    image = padded(x, padding)
    gradient = np.zeros((error.shape[1], x.shape[1], *kernel))
    for i, j in np.ndindex(*kernel):
        seen = image[:, :, i:i + stride * rows:stride, j:j + stride * cols:stride]
        gradient[:, :, i, j] = np.tensordot(error, seen, axes=([0, 2, 3], [0, 2, 3]))
    return gradient


def kernel_gradient_of_steps_of_one(error, x, kernel, stride, padding):
    gradient, image = np.zeros((error.shape[1], x.shape[1], *kernel)), padded(x, padding)
    for p, q in np.ndindex(*error.shape[2:]):
        patch = image[:, :, p:p + kernel[0], q:q + kernel[1]]
        gradient += np.einsum("no,nckl->ockl", error[:, :, p, q], patch)
    return gradient


def kernel_gradient_of_mixed_axes(error, x, kernel, stride, padding):
    columns = conv.im2col(x, kernel, stride, padding)
    return (error.reshape(error.shape[1], -1) @ columns.T).reshape(error.shape[1], x.shape[1], *kernel)


def kernel_gradient_of_a_square_kernel(error, x, kernel, stride, padding):
    columns = conv.im2col(x, (kernel[0], kernel[0]), stride, padding)
    return (conv.as_rows(error) @ columns.T).reshape(error.shape[1], x.shape[1], *kernel)


def image_error(error, weight, input_shape, stride, padding):
    columns = weight.reshape(len(weight), -1).T @ conv.as_rows(error)
    return conv.col2im(columns, input_shape, weight.shape[2:], stride, padding)


def image_error_by_patches(error, weight, input_shape, stride, padding, ends=0):
    kh, kw = weight.shape[2:]
    image = padded(np.zeros(input_shape), padding)
    for p, q in np.ndindex(error.shape[2] - ends, error.shape[3] - ends):
        patch = np.tensordot(error[:, :, p, q], weight, 1)
        image[:, :, p * stride:p * stride + kh, q * stride:q * stride + kw] += patch
    return image[:, :, padding:padding + input_shape[2], padding:padding + input_shape[3]].copy()


def image_error_assigned(error, weight, input_shape, stride, padding):
    kh, kw = weight.shape[2:]
    image = padded(np.zeros(input_shape), padding)
    for p, q in np.ndindex(*error.shape[2:]):
        image[:, :, p * stride:p * stride + kh, q * stride:q * stride + kw] = np.tensordot(error[:, :, p, q], weight, 1)
    return image[:, :, padding:padding + input_shape[2], padding:padding + input_shape[3]].copy()


def image_error_of_steps_of_one(error, weight, input_shape, stride, padding):
    return image_error(error, weight, input_shape, 1, padding)


def image_error_of_mixed_axes(error, weight, input_shape, stride, padding):
    columns = weight.reshape(len(weight), -1).T @ error.reshape(error.shape[1], -1)
    return conv.col2im(columns, input_shape, weight.shape[2:], stride, padding)


def image_error_cut_from_the_left(error, weight, input_shape, stride, padding):
    N, C, H, W = input_shape
    frame = image_error(error, weight, (N, C, H + 2 * padding, W + 2 * padding), stride, 0)
    return frame[:, :, :H, :W].copy()


def image_error_as_large_as_the_patches(error, weight, input_shape, stride, padding):
    met = (np.array(error.shape[2:]) - 1) * stride + weight.shape[2:] - 2 * padding
    return image_error(error, weight, (*input_shape[:2], *met), stride, padding)


def image_error_cut_by_minus_the_padding(error, weight, input_shape, stride, padding):
    N, C, H, W = input_shape
    frame = image_error(error, weight, (N, C, H + 2 * padding, W + 2 * padding), stride, 0)
    return frame[:, :, padding:-padding, padding:-padding].copy()


ANSWERS = [
    ("2.1", "right", "", kernel_gradient),
    ("2.1", "right", "", kernel_gradient_by_patches),
    ("2.1", "right", "", kernel_gradient_by_taps),
    ("2.1", "wrong", "reshape mixes axes", kernel_gradient_of_mixed_axes),
    ("2.1", "wrong", "shape taken for granted", kernel_gradient_of_a_square_kernel),
    ("2.1", "wrong", "assigned for added", lambda error, x, kernel, stride, padding:
        kernel_gradient_by_patches(error, x, kernel, stride, padding, add=lambda old, new: new)),
    ("2.1", "wrong", "last term left out", lambda error, x, kernel, stride, padding:
        kernel_gradient_by_patches(error, x, kernel, stride, padding, ends=1)),
    ("2.1", "wrong", "kernel flipped", lambda error, x, kernel, stride, padding:
        kernel_gradient(error, x, kernel, stride, padding)[:, :, ::-1, ::-1].copy()),
    ("2.1", "wrong", "constant of the example", lambda error, x, kernel, stride, padding:
        kernel_gradient(error, x, kernel, 2, 1)),
    ("2.1", "wrong", "padding left out", lambda error, x, kernel, stride, padding:
        kernel_gradient_by_patches(error, x, kernel, stride, 0)),
    ("2.1", "wrong", "stride left out", kernel_gradient_of_steps_of_one),
    ("2.1", "wrong", "1/N twice", lambda error, x, kernel, stride, padding:
        kernel_gradient(error, x, kernel, stride, padding) / len(x)),
    ("2.1", "wrong", "mean for a sum", lambda error, x, kernel, stride, padding:
        kernel_gradient(error, x, kernel, stride, padding) / error[0, 0].size),
    ("2.1", "wrong", "squeezed", lambda error, x, kernel, stride, padding:
        kernel_gradient(error, x, kernel, stride, padding).squeeze()),
    ("2.1", "wrong", "transposed", lambda error, x, kernel, stride, padding:
        kernel_gradient(error, x, kernel, stride, padding).transpose(0, 1, 3, 2)),
    ("2.2", "right", "", image_error),
    ("2.2", "right", "", image_error_by_patches),
    ("2.2", "right", "", conv.convolution_transport),
    ("2.2", "wrong", "assigned for added", image_error_assigned),
    ("2.2", "wrong", "reshape mixes axes", image_error_of_mixed_axes),
    ("2.2", "wrong", "off by one", image_error_cut_from_the_left),
    ("2.2", "wrong", "slice of minus zero", image_error_cut_by_minus_the_padding),
    ("2.2", "wrong", "shape taken for granted", image_error_as_large_as_the_patches),
    ("2.2", "wrong", "kernel flipped", lambda error, weight, input_shape, stride, padding:
        image_error(error, weight[:, :, ::-1, ::-1], input_shape, stride, padding)),
    ("2.2", "wrong", "stride left out", image_error_of_steps_of_one),
    ("2.2", "wrong", "last term left out", lambda error, weight, input_shape, stride, padding:
        image_error_by_patches(error, weight, input_shape, stride, padding, ends=1)),
    ("2.2", "wrong", "constant of the example", lambda error, weight, input_shape, stride, padding:
        image_error(error, weight, input_shape, 2, 1)),
    ("2.2", "wrong", "1/N twice", lambda error, weight, input_shape, stride, padding:
        image_error(error, weight, input_shape, stride, padding) / len(error)),
    ("2.2", "wrong", "squeezed", lambda error, weight, input_shape, stride, padding:
        image_error(error, weight, input_shape, stride, padding).squeeze()),
]
