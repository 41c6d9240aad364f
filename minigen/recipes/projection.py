"""The codes of real images in the space of a generator, which has no encoder: they are searched."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minigen import ops, optim
from minigen.autograd import Parameter, grad
from minigen.backend import asarray, to_numpy
from minigen.nn import Module
from minigen.utils.progress import bar

CANDIDATES = 500  # random codes, of which the search for an image begins at the nearest
AT_A_TIME = 32  # images whose codes are searched together: their graphs are in memory


def nearest(images: np.ndarray, codes: np.ndarray, made: np.ndarray) -> np.ndarray:
    """For each image the code whose image is nearest, pixel by pixel: (n, ...), (k, d) and (k, ...) -> (n, d)."""
    rows, others = images.reshape(len(images), -1), made.reshape(len(made), -1)
    squares = np.square(others).sum(axis=1) - 2 * rows @ others.T  # but for what is the same for all codes
    return codes[squares.argmin(axis=1)]


def search(
    generator: Module,
    make: Callable[..., Any],
    images: np.ndarray,
    start: np.ndarray,
    steps: int,
    lr: float,
    radius: float | None = None,
    labels: tuple[np.ndarray, ...] = (),
    progress: bool = True,
) -> np.ndarray:
    """Codes (n, d) from which a generator makes given images, as nearly as gradient descent finds them from `start` (n, d).

    Adam on the mean squared error per pixel of each image, at a rate that falls from lr along a cosine; the result is the best
    code on the way. Latent vectors drawn from N(0, I) in d dimensions lie near the sphere of radius sqrt(d), and a generator has
    seen no others: with `radius` the codes stay on that sphere (Menon et al. 2020, section 3.2). The generator, in evaluation
    mode, does not change.

    make: (codes, *labels) -> images, in the range of the generator's `pixel_range`.  images: (n, h, w, c), in the same range.
    Source: Zhu et al. 2016 ("Generative Visual Manipulation on the Natural Image Manifold"), section 3.1, for z; Karras et al.
    2020 ("Analyzing and Improving the Image Quality of StyleGAN"), appendix D, for w, by pixels alone here.
    """
    found = np.empty_like(start)
    starts = range(0, len(start), AT_A_TIME)
    shown = bar(total=steps * len(starts), desc="project", unit="step", show=progress)
    with shown, generator.eval_mode():
        for first in starts:
            part = slice(first, first + AT_A_TIME)
            target, given = asarray(images[part]), [each[part] for each in labels]
            codes = Parameter(asarray(start[part]))
            optimizer = optim.Adam([codes], lr=optim.schedules.cosine(lr, max(steps, 1)), beta1=0.9, beta2=0.99)
            least = np.full(len(target), np.inf)
            for step in range(steps + 1):
                tried = on_sphere(codes, radius)
                errors = ops.mean(ops.square(ops.flatten(make(tried, *given) - target, 1)), axis=1)
                better = to_numpy(errors.data) < least
                least = np.where(better, to_numpy(errors.data), least)
                found[part][better] = to_numpy(tried.data)[better]
                if step < steps:
                    codes.grad = grad(ops.sum(errors), [codes])[0].data  # a sum over images, none of which knows the others
                    optimizer.step()
                    shown.update()
    return found


def on_sphere(codes: Any, radius: float | None) -> Any:
    """Codes (n, d) scaled to a length; None: as they are."""
    if radius is None:
        return codes
    return codes * (radius / ops.sqrt(ops.sum(ops.square(codes), axis=1, keepdims=True)))
