"""Lesson 2, convolution as a matrix product."""

import numpy as np

import feedbackalign as fa

conv = fa.ops.convolution


def kernel_gradient(error, x, kernel, stride, padding):
    columns = conv.im2col(x, kernel, stride, padding)
    return (conv.as_rows(error) @ columns.T).reshape(error.shape[1], x.shape[1], *kernel)


def kernel_gradient_by_loops(error, x, kernel, stride, padding):
    kh, kw = kernel
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    gradient = np.zeros((error.shape[1], x.shape[1], kh, kw))
    for n, o, p, q in np.ndindex(*error.shape):
        top, left = p * stride, q * stride
        gradient[o] += error[n, o, p, q] * padded[n, :, top:top + kh, left:left + kw]
    return gradient


def image_error(error, weight, input_shape, stride, padding):
    N, C, H, W = input_shape
    kh, kw = weight.shape[2:]
    padded = np.zeros((N, C, H + 2 * padding, W + 2 * padding))
    for n, o, p, q in np.ndindex(*error.shape):
        top, left = p * stride, q * stride
        padded[n, :, top:top + kh, left:left + kw] += error[n, o, p, q] * weight[o]
    return padded[:, :, padding:padding + H, padding:padding + W]


def image_error_by_the_layer(error, weight, input_shape, stride, padding):
    layer = fa.layers.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2:], stride=stride, padding=padding,
                             rng=np.random.default_rng(0), dtype=np.float64)
    return layer.transport(error, weight, input_shape)
