"""Convolution: three ops that are the partial derivatives of one trilinear form, so that their rules are one another.

    F(x, w, g) = sum over n, i, j, a, b, c, o of  x[n, i s + a - p, j s + b - p, c]  w[a, b, c, o]  g[n, i, j, o]

Images x (n, h, w, c), zero outside; kernels w (kh, kw, c, o); g (n, i, j, o), one position for each window of x; stride s and
padding p, per axis. Then

    conv2d(x, w) = dF/dg,     conv2d_transpose(g, w) = dF/dx,     conv2d_weight(x, g) = dF/dw

and each is linear in both its arguments: the derivative of any of them is another one.
"""

import math
from functools import lru_cache

from minigen.backend import Array, array_module
from minigen.engine import op
from minigen.errors import CHANNELS_FIRST, DtypeError, ShapeError
from minigen.ops import window
from minigen.ops.im2col import FEW_CHANNELS, correlate, fused_windows, gather, scatter, split_kernel, windows, workspace
from minigen.ops.reduction import sum
from minigen.ops.window import Padding, Pair, explicit_padding, pair


@op
def conv2d(x: Array, w: Array, b: Array | None = None, *, stride: int | Pair = 1, padding: Padding = "same") -> Array:
    """Convolution (without flipping, as usual in deep learning): x (n, h, w, c), w (kh, kw, c, o) -> (n, i, j, o).

        y[n, i, j, o] = b[o] + sum over a, b, c of  x[n, i s + a - p, j s + b - p, c]  w[a, b, c, o]

    `stride`: an int or (height, width). `padding`: "same" (ceil(h / s) windows, as in TensorFlow: the odd pixel after),
    "valid" (none), an int, or ((top, bottom), (left, right)). b (o,) is optional. Raises ShapeError if channels do not match or
    the kernel is larger than the padded image.
    """
    (top, left), stride, grid = geometry(x.shape, w.shape, stride, padding)
    check("x", x, w.shape[2], w, b, w.shape[3])
    y = array_module(x).empty((len(x), *grid, w.shape[3]), dtype=x.dtype)
    correlate(x, w, b, (-top, -left), stride, out=y)
    return y


@conv2d.vjp("x")
def conv2d_dx(g, y, x, w, b, *, stride, padding):
    """dL/dx = conv2d_transpose(g, w)."""
    return conv2d_transpose(g, w, stride=stride, padding=padding, output_size=x.shape[1:3])


@conv2d.vjp("w")
def conv2d_dw(g, y, x, w, b, *, stride, padding):
    """dL/dw = conv2d_weight(x, g)."""
    return conv2d_weight(x, g, kernel_size=w.shape[:2], stride=stride, padding=padding)


@conv2d.vjp("b")
def conv2d_db(g, y, x, w, b, *, stride, padding):
    """dL/db = g summed over examples and positions."""
    return sum(g, axis=(0, 1, 2))


@op
def conv2d_transpose(
    g: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: int | Pair = 1,
    padding: Padding = "same",
    output_size: int | Pair | None = None,
) -> Array:
    """The adjoint of conv2d in x, also called fractionally strided: g (n, i, j, o), w (kh, kw, c, o) -> (n, h, w, c).

        x[n, h, w, c] = b[c] + sum of  g[n, i, j, o]  w[a, b, c, o]  over all i s + a - p = h, j s + b - p = w

    Several sizes (h, w) may lead to the same (i, j); without `output_size` it is i s for "same", (i - 1) s + kh - 2 p
    otherwise. Raises ShapeError if channels do not match, or no convolution leads from `output_size` to (i, j).
    """
    size = pair(output_size, "output_size") if output_size else default_output_size(g.shape[1:3], w.shape[:2], stride, padding)
    (top, left), stride, grid = geometry((len(g), *size, w.shape[2]), w.shape, stride, padding)
    check("g", g, w.shape[3], w, b, w.shape[2])
    check_output_size(size, g.shape[1:3], w.shape[:2], stride, padding)
    x = array_module(g).empty((len(g), *size, w.shape[2]), dtype=g.dtype)
    # Gathering copies windows of o channels and flips the kernel: too costly if c is small, or larger than the number of windows.
    few = w.shape[2] <= min(FEW_CHANNELS, w.shape[3]) or w.shape[2] > math.prod(g.shape[:3])
    compute = scatter if few else gather
    compute(g, w, b, (top, left), stride, out=x)
    return x


@conv2d_transpose.vjp("g")
def conv2d_transpose_dg(gx, x, g, w, b, *, stride, padding, output_size):
    """dL/dg = conv2d(gx, w)."""
    return conv2d(gx, w, stride=stride, padding=padding)


@conv2d_transpose.vjp("w")
def conv2d_transpose_dw(gx, x, g, w, b, *, stride, padding, output_size):
    """dL/dw = conv2d_weight(gx, g)."""
    return conv2d_weight(gx, g, kernel_size=w.shape[:2], stride=stride, padding=padding)


@conv2d_transpose.vjp("b")
def conv2d_transpose_db(gx, x, g, w, b, *, stride, padding, output_size):
    """dL/db = gx summed over examples and positions."""
    return sum(gx, axis=(0, 1, 2))


@op
def conv2d_weight(x: Array, g: Array, *, kernel_size: Pair, stride: int | Pair = 1, padding: Padding = "same") -> Array:
    """The adjoint of conv2d in w: x (n, h, w, c), g (n, i, j, o) -> (kh, kw, c, o).

        w[a, b, c, o] = sum over n, i, j of  x[n, i s + a - p, j s + b - p, c]  g[n, i, j, o]

    Raises ShapeError if g does not have the shape that conv2d gives.
    """
    kernel = pair(kernel_size, "kernel_size")
    (top, left), stride, grid = geometry(x.shape, kernel, stride, padding)
    if tuple(g.shape[:3]) != (len(x), *grid):
        raise ShapeError(
            f"got g of shape {tuple(g.shape)}, expected {(len(x), *grid)} and channels, as conv2d gives for x {tuple(x.shape)}"
        )
    if not x.shape[3] * g.shape[3]:
        return array_module(x).zeros((*kernel, x.shape[3], g.shape[3]), dtype=x.dtype)
    xp, fused = array_module(x), fused_windows(g, kernel[1], stride[1])
    outputs, wide = fused * g.shape[3], (kernel[0], kernel[1] + fused - 1)
    g = g.reshape(len(g), grid[0], grid[1] // fused, outputs)
    w = xp.zeros((*wide, x.shape[3], outputs), dtype=x.dtype)
    matrix = w.reshape(-1, outputs)
    product = workspace("product", matrix.shape, x)
    for part, columns in windows(x, (-top, -left), wide, (stride[0], stride[1] * fused), g.shape[1:3]):
        xp.matmul(columns.T, g[part].reshape(-1, outputs), out=product)
        matrix += product
    return w if fused == 1 else split_kernel(w, kernel[1], fused)


@conv2d_weight.vjp("x")
def conv2d_weight_dx(gw, w, x, g, *, kernel_size, stride, padding):
    """dL/dx = conv2d_transpose(g, gw)."""
    return conv2d_transpose(g, gw, stride=stride, padding=padding, output_size=x.shape[1:3])


@conv2d_weight.vjp("g")
def conv2d_weight_dg(gw, w, x, g, *, kernel_size, stride, padding):
    """dL/dg = conv2d(x, gw)."""
    return conv2d(x, gw, stride=stride, padding=padding)


# -- geometry and checks -------------------------------------------------------------------------------------------------


def geometry(image: tuple[int, ...], kernel: tuple[int, ...], stride: int | Pair, padding: Padding) -> tuple[Pair, Pair, Pair]:
    """(padding above and to the left, stride, rows and columns of windows) for shapes (n, h, w, c) and (kh, kw, ...)."""
    if len(image) != 4 or len(kernel) not in (2, 4):
        raise ShapeError(f"expected images (n, h, w, c) and a kernel (kh, kw, c, o), got {image} and {kernel}")
    stride = pair(stride, "stride")
    try:
        return placed(image[1:3], kernel[:2], stride, padding)
    except TypeError:  # an unhashable argument, such as a list, is computed, or refused, without the cache
        return placed.__wrapped__(image[1:3], kernel[:2], stride, padding)


@lru_cache(maxsize=1024, typed=True)  # 1.0 and True are refused, even if 1 is in the cache
def placed(size: Pair, kernel: Pair, stride: Pair, padding: Padding) -> tuple[Pair, Pair, Pair]:
    """What `geometry` returns, cached."""
    (top, _), (left, _) = explicit_padding(padding, size, kernel, stride)
    return (top, left), stride, window.output_size(size, kernel, stride, padding)


def check(name: str, images: Array, channels: int, w: Array, b: Array | None, outputs: int) -> None:
    """Raise unless the images have as many channels as the kernel takes, the bias as many as it outputs, and all have one
    dtype."""
    if images.shape[3] != channels:
        hint = f": {CHANNELS_FIRST}" if images.shape[1] == channels else ""
        raise ShapeError(
            f"{name} of shape {tuple(images.shape)} has {images.shape[3]} channels, the kernel takes {channels}" + hint
        )
    if b is not None and b.shape != (outputs,):
        raise ShapeError(f"got a bias of shape {tuple(b.shape)}, expected ({outputs},)")
    for array in (w, b):
        if array is not None and array.dtype != images.dtype:
            raise DtypeError(f"mixes dtypes: {name} is {images.dtype}, kernel or bias {array.dtype}; all arrays share one")


def check_output_size(size: Pair, grid: Pair, kernel: Pair, stride: Pair, padding: Padding) -> None:
    """Raise ShapeError unless a convolution leads from images of this size to a grid of this size."""
    found = window.output_size(size, kernel, stride, padding)
    if found != tuple(grid):
        raise ShapeError(
            f"a transposed convolution cannot lead from {grid[0]}x{grid[1]} to output_size {size[0]}x{size[1]} with "
            f"kernel {kernel[0]}x{kernel[1]}, stride {stride} and padding {padding!r}: from that size, the "
            f"convolution leads to {found[0]}x{found[1]}"
        )


def default_output_size(grid: Pair, kernel: Pair, stride: int | Pair, padding: Padding) -> Pair:
    """The output size of a transposed convolution by default. Raises ShapeError if the padding leaves nothing of it."""
    stride = pair(stride, "stride")
    if padding == "same":
        return grid[0] * stride[0], grid[1] * stride[1]
    sides = explicit_padding(padding, grid, kernel, stride)
    height, width = ((n - 1) * s + k - before - after for n, s, k, (before, after) in zip(grid, stride, kernel, sides))
    if min(height, width) < 1:
        raise ShapeError(f"of a transposed convolution from {grid[0]}x{grid[1]}, padding {padding!r} leaves {height}x{width}")
    return height, width
