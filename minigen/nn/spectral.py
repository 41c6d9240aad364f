"""Spectral normalization: weights with largest singular value 1."""

from minigen import ops
from minigen.autograd import Parameter, TensorLike, unwrap
from minigen.backend import Array, array_module, random, to_numpy
from minigen.errors import ShapeError
from minigen.nn.dense import DenseTranspose
from minigen.nn.module import Buffer, Module, WeightedModule


def spectral_norm(module: Module) -> Module:
    """Divide the weight of every Dense, Conv2d and ConvTranspose2d in a module by its largest singular value.

    Returns the module, as in `nn.spectral_norm(Discriminator())`. The weights then stretch no vector (in a convolution, no vector
    of values under the kernel), which bounds the discriminator's slope. The division is a `SpectralNorm`, computed in each
    forward pass. Biases and all other layers are unchanged: a BatchNorm could stretch again.

    Raises ValueError for a module without such a layer, and for a layer whose weight is reparametrized already, is tied to a
    DenseTranspose or is zero; ShapeError for a weight of one axis. The module is then unchanged. Source: Miyato et al. 2018.
    """
    layers = {id(layer): (path, layer) for path, layer in module.named_modules() if isinstance(layer, WeightedModule)}
    if not layers:
        raise ValueError(f"spectral_norm: {module!r} contains no Dense, Conv2d or ConvTranspose2d to normalize")
    tied = {id(layer.weight) for layer in module.modules() if isinstance(layer, DenseTranspose)}
    for path, layer in layers.values():
        where = f"spectral_norm: {path or 'the module'}, {layer!r},"
        if layer.reparametrization is not None:
            raise ValueError(f"{where} is reparametrized already, by {layer.reparametrization!r}: apply it once")
        if id(layer.weight) in tied:
            raise ValueError(f"{where} shares its weight with a DenseTranspose, which would use it unnormalized: untie them")
        if layer.weight.ndim < 2:
            raise ShapeError(f"{where} has a weight of shape {layer.weight.shape}, expected at least two axes, (in, out)")
        if not to_numpy(layer.weight.data).any():
            raise ValueError(f"{where} has a weight of zeros, which cannot be normalized: start from random ones")
    for _, layer in layers.values():
        layer.reparametrization = SpectralNorm(layer.weight, layer.output_axis)
    return module


class SpectralNorm(Module):
    """W / sigma, with sigma -> the largest singular value of W from below: any shape, same shape.

    W counts as the matrix (fan_in, out) that the inputs are multiplied by; `output_axis` is the axis of W that indexes the
    outputs. A kernel (kh, kw, in, out) becomes (kh kw in, out), and so does that of a ConvTranspose2d, (kh, kw, out, in), as in
    PyTorch. The buffer u (out,) takes one step of power iteration in each forward pass in training, none in evaluation, and 15 in
    the constructor, from a random direction:

        v = W u / |W u|,    u' = W^T v / |W^T v|,    sigma = |W u'|

    In derivatives, of any order, u is a constant: dsigma/dW = v u^T. That is exact if u is the singular vector, and otherwise as
    accurate as u. Source: Miyato et al. 2018, algorithm 1.
    """

    def __init__(self, weight: Parameter, output_axis: int = -1):
        self.output_axis = output_axis
        matrix = as_matrix(to_numpy(weight.data), output_axis)
        u = random.stream("weights").standard_normal(matrix.shape[1]).astype(matrix.dtype)
        for _ in range(15):
            u = power_iteration(matrix, u)
        self.u = Buffer(array_module(weight.data).asarray(u))

    def forward(self, weight: TensorLike) -> TensorLike:
        matrix = as_matrix(weight, self.output_axis)
        if self.training:
            self.u.assign(power_iteration(unwrap(matrix), self.u.data))
        u = self.u.data.copy()  # the next forward pass may move the buffer before this one's backward pass
        return weight * (1.0 / ops.l2norm(matrix @ u))

    def describe(self) -> str:
        return str(len(self.u))


def as_matrix(weight: TensorLike, output_axis: int) -> TensorLike:
    """A weight as the matrix (fan_in, out)."""
    return ops.reshape(ops.swapaxes(weight, output_axis, -1), shape=(-1, weight.shape[output_axis]))


def power_iteration(matrix: Array, u: Array) -> Array:
    """One step: W^T W u, normalized, which turns u toward the first right singular vector."""
    return unit_vector(unit_vector(matrix @ u) @ matrix)


def unit_vector(vector: Array) -> Array:
    """The vector divided by its length."""
    return vector / array_module(vector).sqrt(vector @ vector)
