"""The figures of the Progressive GAN and StyleGAN papers, one function each. Nothing is selected: the seed determines the latent
vectors.

Each takes a trained generator, `models.gans.progan.Generator` or `models.gans.stylegan.Generator`, preferably the averaged one
(`trainer.sampler`), and returns a matplotlib Figure. For a GIF of samples during training see `training.SampleGrid`.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from minigen.plot.images import image_grid, image_rows
from minigen.utils.arcs import great_circle
from minigen.utils.checks import check_seed

REALIZATIONS = 100  # draws of noise, for the standard deviation


def uncurated(generator: Any, n: int = 64, seed: int = 0, columns: int | None = None, psi: float = 1.0) -> Figure:
    """n samples as they come (Karras et al. 2019, figure 2). `psi`: of StyleGAN's truncation."""
    if psi != 1.0:
        check_styled("truncation", generator)
    z = latent(generator, n, seed)
    images = generator.draw(z) if psi == 1.0 else generator.draw(z, psi=psi)
    return image_grid(images, columns, f"{n} samples, none selected" + (f", psi = {psi:g}" if psi != 1.0 else ""))


def growth(samples: Iterable[np.ndarray], n: int = 8) -> Figure:
    """The images of the same latent vectors at the end of each resolution, one row each (Karras et al. 2018, figure 1).

    samples: batches of images, (n, r, r, c), in the order of training: `SampleGrid(...).samples`.
    """
    last = {images.shape[1]: images[:n] for images in samples}
    return image_rows({f"{r}x{r}": images for r, images in last.items()}, "The same latent vectors while the networks grow")


def fade_in(generator: Any, n: int = 8, seed: int = 0, alphas: Sequence[float] = (0, 0.2, 0.4, 0.6, 0.8, 1)) -> Figure:
    """How the layers of the present resolution are faded in: a row for each alpha, their weight.

    Karras et al. 2018, figure 2, show it as a diagram. Best with a generator in the middle of this phase, when both the old and
    the new layers are trained. The generator's stage is restored.
    """
    z, before = latent(generator, n, seed), generator.alpha
    rows = {}
    try:
        for alpha in alphas:
            generator.grow_to(generator.resolution, alpha)
            rows[f"alpha = {alpha:g}"] = generator.draw(z)
    finally:
        generator.grow_to(generator.resolution, before)
    half = generator.resolution // 2
    return image_rows(rows, f"From {half}x{half} to {generator.resolution}x{generator.resolution}")


def bands(generator: Any) -> dict[str, range]:
    """The layers that hold "coarse", "middle" and "fine" styles: those of the lowest third of the resolutions, and so on.

    With fewer than three resolutions, the finer bands are omitted.
    """
    check_styled("bands", generator)
    parts = np.array_split(np.arange(generator.layers // 2), 3)  # of resolutions, with two layers each; bands may be empty
    return {name: range(2 * part[0], 2 * part[-1] + 2) for name, part in zip(("coarse", "middle", "fine"), parts) if len(part)}


def style_mixing(generator: Any, rows: int = 2, columns: int = 6, seed: int = 0) -> Figure:
    """Images whose coarse, middle or fine styles come from the image above, and all others from the image at the left.

    Karras et al. 2019, figure 3.
    """
    check_styled("style mixing", generator)
    w = generator.map(latent(generator, rows + columns, seed))
    left, above = w[:rows], w[rows:]
    sources = generator.draw_styles(w)
    picture = {"": np.concatenate([np.ones_like(sources[:1]), sources[rows:]])}
    for name, layers in bands(generator).items():
        for row in range(rows):
            mixed = generator.draw_styles(generator.mix(np.repeat(left[row : row + 1], columns, axis=0), above, layers))
            label = f"{name} styles\nfrom above" + " " * row  # invisible spaces keep the labels apart
            picture[label] = np.concatenate([sources[row : row + 1], mixed])
    return image_rows(picture, "Style mixing: each image takes some styles from above, all others from the left")


def noise(generator: Any, n: int = 8, seed: int = 0) -> Figure:
    """The same styles with two draws of noise, without any, and the deviation over 100 draws, white where it is largest.

    Karras et al. 2019, figures 4 and 5.
    """
    check_styled("noise", generator)
    rng = np.random.default_rng(check_seed("a figure", seed))
    w = generator.map(latent(generator, n, seed))
    maps = [generator.noise_maps(n, rng) for _ in range(2)]
    deviation = noise_deviation(generator, w, rng)
    largest = float(deviation.max())
    return image_rows(
        {
            "noise": generator.draw_styles(w, maps[0]),
            "other noise": generator.draw_styles(w, maps[1]),
            "no noise": generator.draw_styles(w, [0.0 * each for each in maps[0]]),
            f"deviation,\nwhite: {largest:.2g}": deviation / max(largest, 1e-12),
        },
        "The effect of noise",
    )


def noise_deviation(generator: Any, w: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The standard deviation of each pixel over 100 draws of noise, mean over the colors: styles (n, d) -> (n, r, r, 1)."""
    first = generator.draw_styles(w, generator.noise_maps(len(w), rng)).astype(np.float64)
    total = square = np.zeros_like(first)
    for _ in range(REALIZATIONS - 1):
        off = generator.draw_styles(w, generator.noise_maps(len(w), rng)) - first  # small values keep their digits when squared
        total, square = total + off, square + off**2
    variance = square / REALIZATIONS - (total / REALIZATIONS) ** 2
    return np.sqrt(variance.clip(0.0)).mean(axis=-1, keepdims=True)


def truncation(generator: Any, n: int = 8, seed: int = 0, psis: Sequence[float] = (1, 0.7, 0.5, 0, -0.5, -1)) -> Figure:
    """The same latent vectors with styles ever nearer to their average (psi = 0), and beyond it: each becomes its opposite.

    Karras et al. 2019, figure 8.
    """
    check_styled("truncation", generator)
    z = latent(generator, n, seed)
    return image_rows({f"psi = {psi:g}": generator.draw(z, psi=psi) for psi in psis}, "Truncation")


def interpolation(generator: Any, pairs: int = 3, steps: int = 9, seed: int = 0) -> Figure:
    """Between two latent vectors on the great circle of Z and, for StyleGAN, between the same two on the straight line of W.

    Sources: White 2016, section 2.1, for great circles; Karras et al. 2019, section 4.1, for Z and W.
    """
    ends = latent(generator, 2 * pairs, seed).reshape(2, pairs, -1)
    in_z = great_circle(ends[0], ends[1], np.linspace(0, 1, steps))
    ways = {"in Z": generator.draw(in_z.reshape(pairs * steps, -1).astype(np.float32))}
    if has_styles(generator):
        start, end = (generator.map(z)[:, None] for z in ends)
        t = np.linspace(0, 1, steps, dtype=start.dtype)[:, None]
        ways["in W"] = generator.draw_styles((start + t * (end - start)).reshape(pairs * steps, -1))
    rows = {
        f"{name}, {pair + 1}": images[pair * steps : (pair + 1) * steps] for pair in range(pairs) for name, images in ways.items()
    }
    return image_rows(rows, "From one image to another")


def has_styles(generator: Any) -> bool:
    """Whether it maps latent vectors to styles, a style for each layer."""
    return hasattr(generator, "draw_styles")


def check_styled(figure: str, generator: Any) -> None:
    """Raise TypeError for a generator that has no styles to show."""
    if not has_styles(generator):
        raise TypeError(
            f"{figure} shows styles, and a {type(generator).__module__}.{type(generator).__name__} has none: "
            "expected a models.gans.stylegan.Generator"
        )


def latent(generator: Any, n: int, seed: int) -> np.ndarray:
    """n latent vectors from N(0, I), the same for the same seed, whatever else was drawn."""
    return np.random.default_rng(check_seed("a figure", seed)).standard_normal((n, generator.latent_dim)).astype(np.float32)
