"""How alike the patches of two sets of images are, at every scale: what a classifier's features may overlook."""

import numpy as np

from minigen.errors import ShapeError
from minigen.metrics.checks import check_count, checked_arrays
from minigen.utils.checks import check_seed

PATCH = 7  # pixels along the side of a patch
PATCHES = 128  # of an image, per scale
DIRECTIONS, REPEATS = 128, 4  # on which patches are projected at a time, and how many times


def sliced_wasserstein(real: np.ndarray, fake: np.ndarray, smallest: int = 8, seed: int = 0) -> dict[int, float]:
    """Sliced Wasserstein distances between patches of two sets of images, for each level of a Laplacian pyramid; 0 is best.

        1000 mean over directions u of  mean over i of |a_(i) - b_(i)|,    a = sorted(patches of real . u),  b of fake likewise

    The level at an image's own resolution has its finest detail, the coarser ones what is left at half of it, a quarter ...
    From each level of each image 128 patches of 7 x 7 pixels are drawn; each channel of all patches of a set is normalized to
    mean 0 and deviation 1, so that only structure counts. |a_(i) - b_(i)| is the Wasserstein distance of two sets of numbers;
    its mean is over 512 random directions of length 1.

    It is biased: of two real sets it is positive, and falls with n about as n^(-1/2). So compare at equal n, and report n and the
    distance of real images from others. It sees noise, blur and wrong textures at their scale, but not what is where: images
    with the same patches elsewhere, or few images over and over, score nearly as real ones do.

    real, fake: images (n, h, w, c), equally many, at least 2, of at least 7 x 7 pixels. smallest: pixels of the last level's
    shorter side; the paper has 16. A level with an odd side is the last one.  seed: of patches and directions.
    -> the height of a level -> its distance, finest first. Computed in float32. Raises ShapeError for shapes that do not fit,
    ValueError for too few images, for values that are not finite, and for a `smallest` below 7.
    Source: Karras et al. 2018, section 5; Rabin et al. 2011.
    """
    real, fake = checked_arrays("sliced_wasserstein", "images (n, h, w, c), of one shape", dtype=np.float32, real=real, fake=fake)
    check_count("sliced_wasserstein", "smallest", smallest, least=PATCH)
    if len(real) < 2:
        raise ValueError(f"sliced_wasserstein: got {len(real)} image each, expected at least 2; thousands for a useful figure")
    if min(real.shape[1:3]) < PATCH:
        raise ShapeError(
            f"sliced_wasserstein: got images of {real.shape[1]} x {real.shape[2]} pixels, expected at least {PATCH} x {PATCH}"
        )
    rng = np.random.default_rng(check_seed("sliced_wasserstein", seed))
    return {
        a.shape[1]: 1000 * sliced_distance(normalized_patches(a, rng), normalized_patches(b, rng), rng)
        for a, b in zip(laplacian_pyramid(real, smallest), laplacian_pyramid(fake, smallest))
    }


def laplacian_pyramid(images: np.ndarray, smallest: int = 8) -> list[np.ndarray]:
    """Images as sums of levels, from the finest detail to what is left at the lowest resolution.

        level = image - up(down(image)),   then the same for down(image) ...;   the last level is what is left itself

    down: the binomial filter [1, 4, 6, 4, 1] / 16 along both axes, then every second pixel. up: zeros between the pixels, and
    twice that filter. Both mirror the image at its border. up(level) added to the next finer one, from the last to the first,
    gives the image.

    images: (n, h, w, c) -> levels of half the height and width each, as long as both are even and the half at least `smallest`.
    Raises ShapeError for another shape, ValueError for values that are not finite. Source: Burt & Adelson 1983.
    """
    (images,) = checked_arrays("laplacian_pyramid", "images (n, h, w, c)", dtype=None, images=images)
    levels = []
    while not (images.shape[1] % 2 or images.shape[2] % 2) and min(images.shape[1:3]) // 2 >= max(smallest, 2):
        coarse = filtered(images)[:, ::2, ::2]
        levels.append(images - enlarged(coarse))
        images = coarse
    return [*levels, images]


def enlarged(images: np.ndarray) -> np.ndarray:
    """Twice the height and width: zeros between the pixels, then the filter; four times as strong, as three in four are 0."""
    n, h, w, c = images.shape
    wide = np.zeros((n, 2 * h, 2 * w, c), images.dtype)
    wide[:, ::2, ::2] = images
    return 4 * filtered(wide)


def filtered(images: np.ndarray) -> np.ndarray:
    """The binomial filter of five taps along both axes, (n, h, w, c) -> the same shape; the border is a mirror."""
    for axis in (1, 2):
        width = [(0, 0)] * 4
        width[axis] = (2, 2)
        rows = np.moveaxis(np.pad(images, width, mode="reflect"), axis, 0)
        images = np.moveaxis((rows[:-4] + rows[4:] + 4 * (rows[1:-3] + rows[3:-1]) + 6 * rows[2:-2]) / 16, 0, axis)
    return images


def normalized_patches(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Patches from random places of each image, every channel with mean 0 and deviation 1 over all of them: (n * 128, 49 c)."""
    n, h, w, c = images.shape
    every = np.lib.stride_tricks.sliding_window_view(images, (PATCH, PATCH), axis=(1, 2))  # (n, h - 6, w - 6, c, 7, 7)
    rows, columns = rng.integers(h - PATCH + 1, size=(n, PATCHES)), rng.integers(w - PATCH + 1, size=(n, PATCHES))
    patches = every[np.arange(n)[:, None], rows, columns].reshape(n * PATCHES, c, PATCH * PATCH)
    patches -= patches.mean(axis=(0, 2), keepdims=True, dtype=np.float64).astype(np.float32)
    deviation = patches.std(axis=(0, 2), keepdims=True, dtype=np.float64).astype(np.float32)
    patches /= np.where(deviation > 0, deviation, 1)  # a channel that never varies stays 0
    return patches.reshape(len(patches), -1)


def sliced_distance(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> float:
    """The mean over random directions of the Wasserstein distance of two sets of points, projected. (m, d) each -> a number."""
    total = 0.0
    for _ in range(REPEATS):
        directions = rng.standard_normal((DIRECTIONS, a.shape[1]), dtype=np.float32)
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        first, second = (np.sort(directions @ points.T, axis=1) for points in (a, b))
        total += float(np.abs(first - second).mean(dtype=np.float64))
    return total / REPEATS
