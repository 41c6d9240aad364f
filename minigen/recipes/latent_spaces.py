"""The latent spaces of trained models: codes and their images, paths between them, and the codes of real images."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minigen.backend.host import whole_array
from minigen.data import as_pixels
from minigen.errors import RecipeError, ShapeError, suggestion, to_unit_interval
from minigen.models import latent
from minigen.utils.checks import check_drawn, check_seed, is_whole
from minigen.utils.reading import shortened

STEPS = 200  # of the search for the codes of images


class Projection(NamedTuple):
    """The codes of real images (n, d), the images that the model makes of them, and how far these are off: the root of the mean
    squared difference of each image's pixels, (n,)."""

    codes: np.ndarray
    images: np.ndarray
    errors: np.ndarray


class LatentSpaces:
    """What a trained model does with its codes. All are arrays on the host: codes (n, d), images (n, h, w, c) in [0, 1].

    `spaces`: their names. Every model has "z", a GAN's latent vectors or an autoencoder's codes (the means, where they are
    distributions; maps are flattened). StyleGAN has "w" too, its styles.

    Whatever makes images takes `labels` of a model that is conditioned on the class: one for each code, or one for all.
    RecipeError for labels where there are none and the other way round, and for a space that the model does not have; ShapeError
    for codes of another length.
    """

    spaces: tuple[str, ...] = ("z",)

    # -- what kinds of models do in their own way ------------------------------------------------------------------

    def code_size(self, space: str) -> int:
        """d, the values in a code."""
        raise NotImplementedError

    def drawn_codes(self, n: int, space: str, rng: np.random.Generator) -> np.ndarray:
        """n codes (n, d) from the distribution of a space. RecipeError if there is none."""
        raise NotImplementedError

    def decoded(self, codes: np.ndarray, space: str, labels: tuple[np.ndarray, ...]) -> np.ndarray:
        """The images of checked codes (n, d)."""
        raise NotImplementedError

    def curved(self, space: str) -> bool:
        """Whether one walks along arcs, as where codes are drawn from N(0, I), rather than along straight lines."""
        raise NotImplementedError

    def project(
        self, images: np.ndarray, space: str = "z", labels: Any = None, steps: int = STEPS, seed: int = 0, progress: bool = True
    ) -> Projection:
        """The codes of real images, whose own images are nearest to them.

        An autoencoder encodes. A GAN has no encoder: the code is searched (`recipes.projection.search`), from the nearest of 500
        random codes on, in `steps` of gradient descent; the same with the same `seed`, and with a bar unless `progress` is False.
        How well an image is met is what `errors` say: what the model has not learned to draw, no code draws.

        images: (n, h, w, c) in [0, 1], or bytes. Raises ShapeError, ValueError or RecipeError for other images, naming those that
        the model takes.
        """
        raise NotImplementedError

    # -- what all share --------------------------------------------------------------------------------------------

    def latent(self, n: int, space: str = "z", seed: int = 0) -> np.ndarray:
        """n random codes, (n, d): the same for the same seed. RecipeError for autoencoders whose codes have no distribution."""
        check_drawn(n, "codes")
        self.check_space(space)
        return self.drawn_codes(n, space, np.random.default_rng(check_seed("latent", seed)))

    def draw(self, codes: np.ndarray, space: str = "z", labels: Any = None) -> np.ndarray:
        """The images of codes: (n, d) -> (n, h, w, c); of n paths (n, k, d) -> (n, k, h, w, c)."""
        codes = self.checked_codes(space, codes=codes)[0]
        n, path = len(codes), codes.shape[1:-1]
        labels = [np.repeat(each, int(np.prod(path))) for each in self.checked_labels(labels, n)]
        images = self.decoded(codes.reshape(-1, codes.shape[-1]), space, tuple(labels))
        return images.reshape(n, *path, *images.shape[1:])

    def interpolate(self, a: np.ndarray, b: np.ndarray, steps: int = 8, space: str = "z", labels: Any = None) -> np.ndarray:
        """The images on the way from each code of a to that of b, both included: (n, d) each -> (n, steps, h, w, c).

        Between the latent vectors of a GAN along great circles (`models.latent.great_circle`), elsewhere along straight lines.
        ValueError for fewer than 2 steps.
        """
        a, b = self.checked_codes(space, 2, a=a, b=b)
        if len(a) != len(b):
            raise ShapeError(f"interpolate: got {len(a)} codes a and {len(b)} codes b, expected an end b for each start a")
        if not is_whole(steps) or steps < 2:
            raise ValueError(
                f"interpolate: steps counts the images, both ends included, a whole number of at least 2, got {steps!r}"
            )
        path = latent.great_circle if self.curved(space) else latent.straight_line
        return self.draw(path(a, b, steps), space, labels)

    def walk(
        self, codes: np.ndarray, direction: np.ndarray, steps: Sequence[float], space: str = "z", labels: Any = None
    ) -> np.ndarray:
        """The images of code + step * direction for each of the steps, which may be negative: (n, d), (d,), (k,) ->
        (n, k, h, w, c)."""
        (codes,) = self.checked_codes(space, 2, codes=codes)
        return self.draw(latent.walk(codes, direction, steps), space, labels)

    def analogy(
        self, start: np.ndarray, without: np.ndarray, with_it: np.ndarray, space: str = "z", labels: Any = None
    ) -> np.ndarray:
        """The images of start + mean(with_it) - mean(without), see `models.latent.analogy`: (n, d), (k, d), (m, d) ->
        (n, h, w, c)."""
        (start,) = self.checked_codes(space, 2, start=start)
        return self.draw(latent.analogy(start, without, with_it), space, labels)

    def attribute_direction(
        self, shows: Callable[[np.ndarray], np.ndarray], space: str = "z", n: int = 1000, seed: int = 0, labels: Any = None
    ) -> np.ndarray:
        """The direction (d,) in which an attribute appears: from random codes whose images lack it to those whose images have it.

        shows: images (n, h, w, c) -> (n,) bools, such as an evaluator's prediction. The length is one standard deviation of the
        codes, as in `models.latent.attribute_direction`, which takes codes and bools that are there already, such as those of
        labeled images.
        """
        if not callable(shows):
            raise TypeError(
                f"attribute_direction: shows is a function of images that returns bools, got {type(shows).__name__}; "
                "models.latent.attribute_direction takes codes and bools that you have"
            )
        codes = self.latent(n, space, seed)
        return latent.attribute_direction(codes, shows(self.draw(codes, space, labels)))

    # -- checks ----------------------------------------------------------------------------------------------------

    def check_space(self, space: str) -> None:
        """Raise RecipeError for a space that the model does not have."""
        if space not in self.spaces:
            raise RecipeError(f"{self.recipe.name} has no space {space!r}: {suggestion(space, self.spaces)}")

    def checked_codes(self, space: str, axes: int | None = None, **codes: Any) -> list[np.ndarray]:
        """Codes of a space in float32, (n, d) or, unless `axes` is 2, (n, k, d), or ShapeError; ValueError unless they are
        finite."""
        self.check_space(space)
        checked = []
        for name, given in codes.items():
            given, d = as_array(given), self.code_size(space)
            if given.ndim not in ((2, 3) if axes is None else (axes,)) or 0 in given.shape or given.shape[-1] != d:
                got = f"{name} of shape {given.shape}" if given.shape else f"{shortened(given.item())} as {name}"
                alone = f"; one code is {name}[None]" if given.shape == (d,) else ""
                raise ShapeError(f"got {got}, expected codes (n, {d}) of {self.recipe.name}'s space {space!r}{alone}")
            if given.dtype.kind not in "fiu" or not np.isfinite(given).all():
                raise ValueError(f"got {name} with values that are no finite numbers, expected codes")
            checked.append(given.astype(np.float32))
        return checked

    def checked_labels(self, labels: Any, n: int) -> tuple[np.ndarray, ...]:
        """(n labels,) of a conditional model, () of any other."""
        name, classes = self.recipe.name, self.spec.classes
        if labels is None or not self.conditional:
            if labels is not None:
                raise RecipeError(f"{name} is not conditioned on the class: leave labels out")
            if self.conditional:
                raise RecipeError(f"{name} is conditioned on the class: say labels, one from 0 to {classes - 1} or one per code")
            return ()
        labels = as_array(labels)
        if labels.shape not in ((), (n,)):
            raise ShapeError(f"got labels of shape {labels.shape}, expected one for each of {n}, or one for all")
        if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= classes:
            got = f"{labels.min()} to {labels.max()}" if labels.dtype.kind in "iuf" else shortened(labels.tolist())
            raise ValueError(f"labels of {name} are whole numbers from 0 to {classes - 1}, got {got}")
        return (np.broadcast_to(labels, n),)

    def checked_images(self, images: Any) -> np.ndarray:
        """Images as the model takes them, in float32."""
        images = whole_array(images)
        if images.ndim < 2 or 0 in images.shape:
            raise ShapeError(f"project: got images of shape {images.shape}, expected (n, h, w, c), at least one")
        if images.ndim == 3 and images.shape[-1] in (1, 3):
            raise ShapeError(f"project: got one image of shape {images.shape}, expected (n, h, w, c): image[None]")
        images = as_pixels(images)
        if images.dtype.kind != "f" or not np.isfinite(images).all():
            raise ValueError(f"project: got images of dtype {images.dtype}, expected finite floats in [0, 1], or bytes")
        low, high = float(images.min()), float(images.max())
        if len(self.spec.shape) == 3 and (low < -1e-4 or high > 1 + 1e-4):
            raise ValueError(f"project: got images from {low:.4g} to {high:.4g}, expected [0, 1]: {to_unit_interval(low, high)}")
        viewed = self.recipe.viewed(images.astype(np.float32, copy=False))
        if viewed.shape[1:] != self.spec.shape:
            made = " x ".join(map(str, self.spec.shape))
            raise ShapeError(
                f"project: got images of shape {images.shape}, expected examples of {made}, as {self.recipe.name} makes"
            )
        return viewed


def as_array(given: Any) -> np.ndarray:
    """What was given as an array. Rows of different lengths are none: their text, which the error that follows will show."""
    try:
        return whole_array(given)
    except ValueError:
        return np.array(repr(given))


def differences(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The root of the mean squared difference of each pair of images: (n, ...) twice -> (n,)."""
    return np.sqrt(np.square(images - others, dtype=np.float64).reshape(len(images), -1).mean(axis=1))
