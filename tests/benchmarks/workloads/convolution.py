"""Convolutions alone: the forward pass and both gradients, against PyTorch's faster memory format."""

from collections.abc import Callable
from typing import Any

import numpy as np

import minigen as mg
from tests.benchmarks.workload import Goal

# (examples, size, channels in, channels out, kernel, stride), as they occur in autoencoders, DCGANs and progressive GANs
SHAPES = [
    (32, 28, 1, 16, 3, 1),
    (32, 14, 16, 32, 3, 1),
    (32, 7, 32, 64, 3, 1),
    (32, 28, 1, 64, 5, 2),
    (32, 14, 64, 128, 5, 2),
    (32, 32, 3, 64, 4, 2),
    (32, 16, 64, 128, 4, 2),
    (32, 8, 128, 256, 4, 2),
    (16, 64, 16, 16, 3, 1),
    (16, 32, 64, 64, 3, 1),
    (16, 16, 128, 128, 3, 1),
    (16, 8, 256, 256, 3, 1),
    (16, 4, 512, 512, 3, 1),
    (16, 32, 64, 3, 1, 1),
]
CASES = {
    f"conv-{size}x{size}x{c}-{o}-k{k}s{s}": {"n": n, "size": size, "c": c, "o": o, "k": k, "s": s}
    for n, size, c, o, k, s in SHAPES
}
VARIANTS = [{"memory_format": "contiguous_format"}, {"memory_format": "channels_last"}]
GOAL = Goal("ratio", 3.5)
GEOMETRIC_MEAN = 2.0  # of all ratios, at most


def with_minigen(n: int, size: int, c: int, o: int, k: int, s: int) -> Callable[[], Any]:
    x, w = (mg.Tensor(mg.asarray(array), requires_grad=True) for array in arrays(n, size, c, o, k))
    g = mg.asarray(np.ones(mg.conv2d(x, w, stride=s, padding=k // 2).shape, np.float32))

    def step():
        _, dw = mg.grad(mg.conv2d(x, w, stride=s, padding=k // 2), [x, w], cotangent=g)
        return dw

    return step


def with_pytorch(n: int, size: int, c: int, o: int, k: int, s: int, memory_format: str) -> Callable[[], Any]:
    import torch
    from torch.nn.functional import conv2d

    layout = getattr(torch, memory_format)
    x, w = arrays(n, size, c, o, k)
    x = torch.asarray(x.transpose(0, 3, 1, 2).copy()).contiguous(memory_format=layout).requires_grad_()
    w = torch.asarray(w.transpose(3, 2, 0, 1).copy()).contiguous(memory_format=layout).requires_grad_()
    g = torch.ones_like(conv2d(x, w, stride=s, padding=k // 2)).contiguous(memory_format=layout)

    def step():
        _, dw = torch.autograd.grad(conv2d(x, w, stride=s, padding=k // 2), [x, w], g)
        return dw.permute(2, 3, 1, 0)

    return step


def arrays(n: int, size: int, c: int, o: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Random images and kernels."""
    rng = np.random.default_rng(0)
    return (
        rng.standard_normal((n, size, size, c), dtype=np.float32),
        rng.standard_normal((k, k, c, o), dtype=np.float32) / np.float32(np.sqrt(k * k * c)),
    )
