"""The base of growing networks: resolutions from 4 x 4 on, each faded in when new (Karras et al. 2018, section 2)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minigen import nn, ops
from minigen.backend import asarray, to_numpy
from minigen.errors import ShapeError, StateError
from minigen.models import sizes
from minigen.models.gans import base
from minigen.nn.batching import BATCH
from minigen.utils.checks import LARGEST, SMALLEST, check_mapping, doublings
from minigen.utils.settings import to_python


class Growing(nn.Module):
    """A network for images of 4 x 4, 8 x 8 ... up to `resolution`, which uses its layers up to `stage`.

    Stage s works on images with a side of 4 * 2^s pixels. While a stage is new, `alpha` < 1 is the weight of its layers' output,
    and 1 - alpha that of the previous stage. Both are stored in a buffer: a state dict knows how far its network has grown. A new
    network is fully grown; `grow_to` makes it smaller or larger.
    """

    remembered = ("_read",)
    blocks: list[nn.Module]  # one for each stage
    rgb: list[nn.Module]  # for each stage, a 1 x 1 convolution from its feature maps to colors, or from colors to them

    def __init__(self, resolution: int, feature_maps: Sequence[int] | None):
        self.resolutions = [SMALLEST << s for s in range(doublings(resolution) + 1)]
        self.feature_maps = checked_maps(feature_maps, self.resolutions)
        self._read: tuple[int | None, tuple[int, float]] = (None, (0, 1.0))  # of `growth`: its version, its values
        self.growth = nn.Buffer(asarray(np.array([len(self.resolutions) - 1, 1.0], dtype=np.float32)))

    def grow_to(self, resolution: int, alpha: float = 1.0) -> None:
        """Use the layers up to this resolution, the last of them with weight alpha, 0 <= alpha <= 1.

        Raises ValueError for a resolution without layers, and for any other alpha.
        """
        stage, last = doublings(resolution), len(self.resolutions) - 1
        if stage > last:
            raise ValueError(
                f"cannot grow to {resolution}x{resolution}: {type(self).__name__} has layers up to "
                f"{self.resolutions[-1]}x{self.resolutions[-1]}; make it with resolution={resolution}"
            )
        if not isinstance(alpha, (int, float, np.number)) or not 0.0 <= alpha <= 1.0:
            raise ValueError(f"alpha is the weight of the new layers, 0 <= alpha <= 1, got {alpha!r}")
        if alpha < 1.0 and stage == 0:
            raise ValueError(f"nothing precedes {SMALLEST}x{SMALLEST} to fade from, got alpha={alpha}")
        growth = np.array([stage, alpha], dtype=self.growth.dtype)
        if tuple(growth) != (self.stage, self.alpha):
            self.growth.assign(asarray(growth))

    @property
    def stage(self) -> int:
        """How often 4 x 4 has been doubled."""
        return self._on_host()[0]

    @property
    def alpha(self) -> float:
        """The weight of the newest layers, 1 once they are fully faded in."""
        return self._on_host()[1]

    def _on_host(self) -> tuple[int, float]:
        """Stage and alpha, copied from a device once per change."""
        if self._read[0] != self.growth.version:
            stage, alpha = to_numpy(self.growth.data)
            self._read = self.growth.version, (int(stage), float(alpha))
        return self._read[1]

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        check_mapping(type(self).__name__, state)
        growth: Any = state.get("growth")
        if getattr(growth, "shape", None) == (2,) and growth.dtype.kind == "f":  # what is missing is reported below
            self.check_growth(*map(float, to_numpy(growth)))
        super().load_state_dict(state)

    def check_growth(self, stage: float, alpha: float) -> None:
        """Raise StateError unless the values of a state's `growth` are a stage of this network and the weight of its layers."""
        name, last = type(self).__name__, len(self.resolutions) - 1
        if not stage.is_integer() or not 0 <= stage <= doublings(LARGEST):
            raise StateError(f"growth is [stage, alpha], a stage of {name} is a whole number from 0 to {last}, got {stage:g}")
        if stage > last:
            here, there = (f"{side} x {side}" for side in (self.resolutions[-1], SMALLEST << int(stage)))
            raise StateError(
                f"this state is of a network that has grown to {there} pixels (its growth is of stage {stage:g}), {name} has "
                f"layers up to {here}: make it with resolution={SMALLEST << int(stage)}"
            )
        if not 0.0 <= alpha <= 1.0:
            raise StateError(f"growth is [stage, alpha], alpha is the weight of the newest layers, from 0 to 1, got {alpha:g}")
        if alpha < 1.0 and stage == 0:
            raise StateError(f"growth is [stage, alpha], at stage 0 alpha is 1, as nothing precedes 4 x 4 pixels, got {alpha:g}")

    @property
    def resolution(self) -> int:
        """Pixels along a side of the images, at this stage."""
        return self.resolutions[self.stage]

    def parameter_count(self) -> int:
        """How many trainable values this stage uses, of those in `parameters`."""
        idle = [
            *self.blocks[self.stage + 1 :],
            *self.rgb[self.stage + 1 :],
            *self.rgb[: self.stage if self.alpha == 1.0 else self.stage - 1],
        ]
        return super().parameter_count() - sum(module.parameter_count() for module in idle)


class GrowingGenerator(Growing, base.Generator):
    """A generator of images from 4 x 4 on: each block doubles the size, each `rgb` maps features to colors. Pixels in [-1, 1],
    unbounded."""

    pixel_range = (-1.0, 1.0)

    def at_stage(self, images: Any) -> Any:
        """Real images processed like this generator's at its current stage: see the function of this name."""
        return at_stage(images, self.resolution, self.alpha)

    def image(self, x: Any, block: Callable[[int, Any], Any]) -> Any:
        """The image of x at this stage; block(s, x) applies the block of stage s."""
        stage, alpha = self.stage, self.alpha
        for s in range(stage):
            x = block(s, x)
        new = self.rgb[stage](block(stage, x))
        return new if alpha == 1.0 else fade(double(self.rgb[stage - 1](x)), new, alpha)

    @property
    def at_a_time(self) -> int:
        values = self.resolution**2 * self.feature_maps[self.stage]  # values in the largest activation of an image
        return max(1, min(BATCH, BATCH * 32**3 // values))


def fade(old: Any, new: Any, alpha: float) -> Any:
    """(1 - alpha) old + alpha new."""
    alpha = to_python(alpha)
    return old * (1.0 - alpha) + new * alpha


def double(x: Any) -> Any:
    """Every pixel repeated: (n, h, w, c) -> (n, 2 h, 2 w, c)."""
    return ops.upsample_nearest2d(x, factor=2)


def halve(x: Any) -> Any:
    """The mean of each block of 2 x 2 pixels: (n, h, w, c) -> (n, h / 2, w / 2, c)."""
    return ops.avg_pool2d(x, size=2)


def at_stage(images: Any, resolution: int, alpha: float = 1.0) -> Any:
    """Real images as a growing network sees them: averaged over blocks to `resolution`, and faded like its own.

        alpha x + (1 - alpha) double(halve(x)),   x: the images at `resolution`

    images: (n, r, r, c), r a multiple of resolution. Else ShapeError.
    """
    if images.shape[1] % resolution or images.shape[2] % resolution:
        raise ShapeError(f"images {tuple(images.shape)} do not divide into {resolution}x{resolution} blocks")
    factor = images.shape[1] // resolution
    x = ops.avg_pool2d(images, size=factor) if factor > 1 else images
    return x if alpha == 1.0 else fade(double(halve(x)), x, alpha)


def checked_maps(feature_maps: Sequence[int] | None, resolutions: Sequence[int]) -> tuple[int, ...]:
    """Feature maps for each resolution; by default the paper's: 512 up to 32 x 32, then half as many for each doubling."""
    if feature_maps is None:
        return tuple(min(512, 16384 // r) for r in resolutions)
    return sizes.checked_maps(feature_maps, len(resolutions), f", one for each resolution {', '.join(map(str, resolutions))}")
