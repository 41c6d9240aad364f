"""What the papers' networks are made of, in plain NumPy: loops over places, and nothing of minigen's.

Layers take their input, then the weights of the whole network, as its state dict names them, and the name of their own.
Images are (n, height, width, channels), kernels (height, width, in, out), dense weights (in, out), float64 throughout.
"""

import math
from collections.abc import Mapping

import numpy as np

Weights = Mapping[str, np.ndarray]

# -- activations ---------------------------------------------------------------------------------------------------


def relu(x: np.ndarray) -> np.ndarray:
    """x where it is positive, else 0."""
    return np.where(x > 0, x, 0.0)


def leaky(x: np.ndarray) -> np.ndarray:
    """x where it is positive, else a fifth of it: the slope of DCGAN, WGAN-GP, Progressive GAN and StyleGAN."""
    return np.where(x > 0, x, 0.2 * x)


def selu(x: np.ndarray) -> np.ndarray:
    """lambda x where it is positive, else lambda alpha (e^x - 1), with the two numbers of Klambauer et al. 2017, equation 14."""
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(np.minimum(x, 0.0)) - 1.0))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x)."""
    return 1.0 / (1.0 + np.exp(-x))


# -- layers with weights -------------------------------------------------------------------------------------------


def dense(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    """x W + b."""
    return x @ w[f"{name}.weight"] + w[f"{name}.bias"]


def conv(x: np.ndarray, w: Weights, name: str, size: int, stride: int = 1) -> np.ndarray:
    """A convolution by a kernel of size x size with "same" padding, and its bias."""
    return convolved(x, kernel(w, name, size), stride) + w[f"{name}.bias"]


def transposed(
    x: np.ndarray, w: Weights, name: str, size: int, padding: str = "same", to: tuple[int, int] | None = None
) -> np.ndarray:
    """A transposed convolution with stride 2, and its bias. Its kernel is (height, width, out, in): that of the one it undoes."""
    return spread(x, kernel(w, name, size), 2, padding, to) + w[f"{name}.bias"]


def kernel(w: Weights, name: str, size: int) -> np.ndarray:
    """The kernel of a layer, which is of size x size."""
    assert w[f"{name}.weight"].shape[:2] == (size, size), f"{name} has another kernel"
    return w[f"{name}.weight"]


def batch_norm(x: np.ndarray, w: Weights, name: str, training: bool) -> np.ndarray:
    """gamma (x - mean) / sqrt(variance + 1e-5) + beta: in training those of the batch, afterward the running ones."""
    axes = tuple(range(x.ndim - 1))
    mean = x.mean(axes) if training else w[f"{name}.running_mean"]
    variance = x.var(axes) if training else w[f"{name}.running_var"]
    return w[f"{name}.weight"] * (x - mean) / np.sqrt(variance + 1e-5) + w[f"{name}.bias"]


def lstm(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    """All states h of a layer that reads sequences (n, time, in): Hochreiter & Schmidhuber 1997, with a forget gate."""
    hidden = w[f"{name}.recurrent_weight"].shape[0]
    h = c = np.zeros((len(x), hidden))
    states = []
    for t in range(x.shape[1]):
        gates = x[:, t] @ w[f"{name}.weight"] + h @ w[f"{name}.recurrent_weight"] + w[f"{name}.bias"]
        enter, forget, candidate, leave = (gates[:, k * hidden : (k + 1) * hidden] for k in range(4))
        c = sigmoid(forget) * c + sigmoid(enter) * np.tanh(candidate)
        h = sigmoid(leave) * np.tanh(c)
        states.append(h)
    return np.stack(states, axis=1)


# -- layers with an equalized learning rate ------------------------------------------------------------------------


def equalized(weight: np.ndarray, gain: float) -> np.ndarray:
    """W gain / sqrt(fan_in): He's constant, applied when the weight is used (Karras et al. 2018, section 4.1)."""
    return weight * gain / math.sqrt(math.prod(weight.shape[:-1]))


def equalized_dense(x: np.ndarray, w: Weights, name: str, gain: float = math.sqrt(2.0)) -> np.ndarray:
    """x (W c) + b."""
    return x @ equalized(w[f"{name}.weight"], gain) + w[f"{name}.bias"]


def equalized_conv(x: np.ndarray, w: Weights, name: str, size: int = 3, gain: float = math.sqrt(2.0)) -> np.ndarray:
    """A convolution with W c and "same" padding, and its bias."""
    return convolved(x, equalized(kernel(w, name, size), gain)) + w[f"{name}.bias"]


# -- kernels -------------------------------------------------------------------------------------------------------


def convolved(x: np.ndarray, kernel: np.ndarray, stride: int = 1) -> np.ndarray:
    """Each place of the result sees the pixels under the kernel: y[i, j] = sum of x[i s + a - p, j s + b - p] kernel[a, b].

    Zeros around the image, so many that there are ceil(size / stride) places, the odd one behind, as in TensorFlow.
    """
    rows, columns = (-(-size // stride) for size in x.shape[1:3])
    paddings = [
        max((places - 1) * stride + k - size, 0) for places, k, size in zip((rows, columns), kernel.shape[:2], x.shape[1:3])
    ]
    x = np.pad(x, ((0, 0), *((p // 2, p - p // 2) for p in paddings), (0, 0)))
    y = np.empty((len(x), rows, columns, kernel.shape[3]))
    for i in range(rows):
        for j in range(columns):
            seen = x[:, i * stride : i * stride + kernel.shape[0], j * stride : j * stride + kernel.shape[1]]
            y[:, i, j] = np.tensordot(seen, kernel, axes=3)
    return y


def spread(
    x: np.ndarray, kernel: np.ndarray, stride: int, padding: str = "same", to: tuple[int, int] | None = None
) -> np.ndarray:
    """Each pixel of x puts a multiple of the kernel on the result, `stride` further for the next one.

    "valid" keeps all of it, (size - 1) stride + k pixels a side; "same" cuts it to size * stride, or `to` another size that a
    convolution makes as small as x, the odd pixel behind.
    """
    (n, height, width, _), (rows, columns, outputs, _) = x.shape, kernel.shape
    y = np.zeros((n, (height - 1) * stride + rows, (width - 1) * stride + columns, outputs))
    for i in range(height):
        for j in range(width):
            y[:, i * stride : i * stride + rows, j * stride : j * stride + columns] += np.tensordot(
                x[:, i, j], kernel, axes=(1, 3)
            )
    if padding == "valid":
        return y
    tall, wide = to or (height * stride, width * stride)
    top, left = (y.shape[1] - tall) // 2, (y.shape[2] - wide) // 2
    return y[:, top : top + tall, left : left + wide]


# -- sizes ---------------------------------------------------------------------------------------------------------


def max_pool(x: np.ndarray) -> np.ndarray:
    """The largest of each 2 x 2 pixels; a row or column that is left over is dropped."""
    return np.maximum.reduce(corners(x))


def halved(x: np.ndarray) -> np.ndarray:
    """The mean of each 2 x 2 pixels."""
    return sum(corners(x)) / 4


def corners(x: np.ndarray) -> list[np.ndarray]:
    """The four pixels of each 2 x 2, as four images of half the size."""
    height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    return [x[:, i:height:2, j:width:2] for i in (0, 1) for j in (0, 1)]


def doubled(x: np.ndarray) -> np.ndarray:
    """Each pixel four times."""
    return x.repeat(2, axis=1).repeat(2, axis=2)


def flat(x: np.ndarray) -> np.ndarray:
    """(n, ...) -> (n, numbers)."""
    return x.reshape(len(x), -1)


# -- layers without weights ----------------------------------------------------------------------------------------


def pixel_norm(x: np.ndarray) -> np.ndarray:
    """Each vector of features by its root mean square (Karras et al. 2018, section 4.2)."""
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-8)


def minibatch_stddev(x: np.ndarray, group_size: int) -> np.ndarray:
    """One feature more: the mean deviation of all others within a group (Karras et al. 2018, section 3, and its code).

    The official groups are strided: of n images, the group of image i is i, i + n / group_size, i + 2 n / group_size ...
    """
    groups = len(x) // group_size
    feature = np.empty((*x.shape[:-1], 1))
    for first in range(groups):
        members = x[first::groups]
        feature[first::groups] = np.sqrt(members.var(axis=0) + 1e-8).mean()
    return np.concatenate([x, feature], axis=-1)


def minibatch_discrimination(x: np.ndarray, w: Weights, name: str, kernels: int) -> np.ndarray:
    """Further features: how close the others of the batch are (Salimans et al. 2016, section 3.2).

    The paper's o(x_i) has the term j = i too, the constant 1; its authors' code and minigen leave it out.
    """
    m = (x @ w[f"{name}.weight"]).reshape(len(x), kernels, -1)
    o = np.zeros((len(x), kernels))
    for i in range(len(x)):
        for j in range(len(x)):
            if j != i:
                o[i] += np.exp(-np.abs(m[i] - m[j]).sum(axis=1))
    return np.concatenate([x, o], axis=1)


def with_labels(x: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """The label as further features, one for each class, 1 for the right one; of images, all over."""
    told = np.zeros((*x.shape[:-1], classes))
    for i, label in enumerate(labels):
        told[i, ..., label] = 1.0
    return np.concatenate([x, told], axis=-1)


# -- losses --------------------------------------------------------------------------------------------------------


def cross_entropies(logits: np.ndarray, x: np.ndarray) -> np.ndarray:
    """-x log p - (1 - x) log(1 - p) of each number, p = sigmoid(logits)."""
    p = sigmoid(logits)
    return -x * np.log(p) - (1.0 - x) * np.log(1.0 - p)
