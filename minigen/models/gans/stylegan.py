"""The first StyleGAN: a generator with a style at each layer (Karras et al. 2019).

    w = mapping(z),   x_0 = constant,   x_(l+1) = AdaIN( leaky(conv(x_l) + scale_l noise_l + b_l), A_l w )

Two layers for each resolution; from the second on, each resolution starts with upsampling, and a low-pass filter follows its
convolution. With the default sizes the generator is the paper's: at 1024 x 1024 it has 26,212,019 parameters. Each ingredient can
be switched off. `training.Progressive` trains it while it grows, `training.Adversarial` at one resolution.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minigen import nn, ops
from minigen.autograd import Tensor, unwrap
from minigen.backend import array_module, asarray, random, to_numpy
from minigen.errors import ShapeError, StateError
from minigen.models.gans import progan
from minigen.models.gans.growing import GrowingGenerator
from minigen.nn.batching import outputs
from minigen.utils.checks import check_numbers, is_whole

FOLLOWED = 0.995  # the share of the average of w that is kept per step, after a warm-up


class Generator(GrowingGenerator):
    """z -> w -> an image: `synthesize(mapping(z))`, a function of w and noise.

    `latent_dim`, `style_dim`: of z and w.  `mapping_layers`: 0 makes w the normalized z.  `feature_maps`: as in progan.Generator.
    `styles=False`: no AdaIN; w is only the input, pixels are normalized as in Progressive GAN.  `constant=False`: the
    input is a dense layer of w.  `noise=False`: no randomness beside z.  `mixing`: in training, the share of batches in which the
    layers from a random one on get the style of another z.  `mapping_lr`, `noise_lr`: the learning rates of the mapping layers
    and of the noise scales, relative to the others. Raises ValueError for an invalid resolution or feature maps, and for switches
    with which images would not depend on z.
    """

    def __init__(
        self,
        resolution: int = 1024,
        latent_dim: int = 512,
        style_dim: int = 512,
        mapping_layers: int = 8,
        feature_maps: Sequence[int] | None = None,
        channels: int = 3,
        styles: bool = True,
        constant: bool = True,
        noise: bool = True,
        mixing: float = 0.9,
        mapping_lr: float = 0.01,
        noise_lr: float = 1.0,
    ):
        super().__init__(resolution, feature_maps)
        if constant and not styles:
            raise ValueError("a constant input without styles gives the same image for every z: constant=False, or styles=True")
        if not is_whole(mapping_layers) or mapping_layers < 0:
            raise ValueError(f"mapping_layers counts layers, a whole number of at least 0, got {mapping_layers!r}")
        if mapping_layers == 0 and latent_dim != style_dim:
            raise ValueError(f"without mapping layers w is z: expected latent_dim = style_dim, got {latent_dim} and {style_dim}")
        check_numbers("Generator", mixing=mixing)
        if not 0.0 <= mixing <= 1.0:
            raise ValueError(f"mixing is the share of batches in which styles are mixed, 0 <= mixing <= 1, got {mixing}")
        self.latent_dim, self.style_dim, self.noisy = latent_dim, style_dim, noise
        self.mixing = mixing if styles else 0.0  # without styles there is nothing to mix
        maps = self.feature_maps
        self.mapping = MappingNetwork(latent_dim, style_dim, mapping_layers, mapping_lr)
        self.input = (
            nn.LearnedConstant((4, 4, maps[0]))
            if constant
            else nn.Sequential(
                nn.EqualizedDense(style_dim, 16 * maps[0], bias=False, gain=math.sqrt(2.0) / 4), nn.Reshape((4, 4, maps[0]))
            )
        )
        self.blocks = [
            Block(before, after, r, style_dim, noise_lr if noise else None, styles)
            for before, after, r in zip((maps[0], *maps), maps, self.resolutions)
        ]
        self.rgb = [nn.EqualizedConv2d(features, channels, 1, gain=1.0) for features in maps]
        self.w_average, self.w_seen = nn.Buffer(nn.init.zeros((style_dim,))), nn.NonNegative(nn.init.zeros((1,)))

    # -- the networks ----------------------------------------------------------------------------------------------

    def forward(self, z: Any) -> Any:
        """Latent vectors (n, latent_dim) -> images of the current resolution (n, r, r, channels).

        In training it updates the average of w, draws noise, and mixes styles.
        """
        w = self.mapping(z)
        if not self.training:
            return self.synthesize(w)
        self.follow(unwrap(w))
        rng = random.stream("latent")
        if rng.random() >= self.mixing:
            return self.synthesize(w)
        return self.synthesize(self.mixed(w, self.mapping(Tensor(self.latent(z.shape[0]))), int(rng.integers(1, self.layers))))

    def synthesize(self, w: Any, noise: Sequence[Any] | None = None) -> Any:
        """Styles -> images of the current resolution. w: (n, style_dim), the same for all layers, or a list with one for each
        layer.

        `noise`: a map for each layer, (n or 1, r, r, 1), see `noise_maps`; by default as in `nn.NoiseInjection`. Raises
        ShapeError unless there is a style, and a map, for each layer; ValueError for noise in a generator without noise.
        """
        if noise is not None and not self.noisy:
            raise ValueError("this generator has no layers of noise: make it with noise=True")
        w = list(w) if isinstance(w, (list, tuple)) else [w] * self.layers
        noise = [None] * self.layers if noise is None else list(noise)
        if not len(w) == len(noise) == self.layers:
            raise ShapeError(
                f"at {self.resolution}x{self.resolution} there are {self.layers} layers, got {len(w)} styles and "
                f"{len(noise)} maps of noise"
            )
        return self.image(self.input(w[0]), lambda s, x: self.blocks[s](x, w[2 * s : 2 * s + 2], noise[2 * s : 2 * s + 2]))

    def mixed(self, w: Any, other: Any, crossover: int) -> list[Any]:
        """A style for each layer: w before the crossover, the other from there on."""
        return [w] * crossover + [other] * (self.layers - crossover)

    @property
    def layers(self) -> int:
        """The number of layers with a style at this stage."""
        return 2 * (self.stage + 1)

    def follow(self, w: Any) -> None:
        """Move the average of w toward that of a batch: at first by larger steps, in the end by 0.005 of the difference.

        (The official code uses that step from the first batch on, starting at zeros.)
        """
        xp, seen = array_module(w), self.w_seen.data
        share = xp.minimum(FOLLOWED, (1.0 + seen) / (10.0 + seen)).astype(w.dtype)
        share = share * (seen > 0)  # the first batch has weight 1
        self.w_average.assign(share * self.w_average.data + (1.0 - share) * ops.mean(w, axis=0))
        self.w_seen.assign(seen + 1.0)

    def summary_children(self) -> Iterator[tuple[str, nn.Module]]:
        """The fully faded-in layers of this stage in order of application, for a summary."""
        yield "mapping", self.mapping
        yield "input", self.input
        yield from ((f"blocks.{s}", self.blocks[s]) for s in range(self.stage + 1))
        yield f"rgb.{self.stage}", self.rgb[self.stage]

    # -- styles and images on the host -----------------------------------------------------------------------------

    def sample(self, n: int, *, psi: float = 1.0) -> np.ndarray:
        """n new images on the host, pixels in [0, 1]: `draw` of new latent vectors."""
        return self.draw(self.latent(n), psi=psi)

    def draw(self, z: Any, *, psi: float = 1.0) -> np.ndarray:
        """The images for given latent vectors (n, latent_dim), on the host, with styles truncated by psi."""
        return self.draw_styles(self.truncate(self.map(z), psi))

    def map(self, z: Any) -> np.ndarray:
        """Latent vectors (n, latent_dim) -> styles (n, style_dim), on the host."""
        return outputs(self, self.mapping, to_numpy(z).astype(self.dtype, copy=False))

    def truncate(self, w: np.ndarray, psi: float, layers: int | None = None) -> np.ndarray:
        """Styles moved toward their average: average + psi (w - average). psi = 0 gives the same image for all.

        w: (n, style_dim) -> the same, or, if only the first `layers` are to be truncated, (n, all layers, style_dim). The average
        is a moving average over training (Karras et al. 2019, section B). Raises StateError if nothing was recorded, unless psi
        is 1, IndexError for `layers` outside 0 to all.
        """
        w = self.checked_styles(w)
        check_numbers("a generator", psi=psi)
        if not np.isfinite(psi):
            raise ValueError(f"psi is a finite number, 1 for no truncation, got {psi!r}")
        if psi != 1.0 and not to_numpy(self.w_seen.data).any():
            raise StateError(
                f"psi={psi} draws styles toward their average, but no average was recorded: it is followed in "
                "training; load a trained generator, or take psi=1"
            )
        average = to_numpy(self.w_average.data)
        near = w if psi == 1.0 else average + (w - average) * np.asarray(psi, dtype=w.dtype)
        if layers is None:
            return near
        return self.mix(w, near, range(layers) if layers >= 0 else [layers])

    def mix(self, w: np.ndarray, other: np.ndarray, layers: Sequence[int]) -> np.ndarray:
        """The styles w, with those of `other` in some layers: two times (n, style_dim) -> (n, all layers, style_dim).

        Layers are counted from 0, two for each resolution. IndexError for one that this stage does not have.
        """
        w, other = self.checked_styles(w), self.checked_styles(other)
        if w.shape != other.shape:
            raise ShapeError(f"styles are mixed pair by pair, got {w.shape} and {other.shape}")
        layers = list(layers)
        for layer in layers:
            if not 0 <= layer < self.layers:
                of = f"at {self.resolution}x{self.resolution} the layers are 0 to {self.layers - 1}, coarse to fine"
                raise IndexError(f"layer {layer} is out of range: {of}")
        styles = np.repeat(w[:, None], self.layers, axis=1)
        styles[:, layers] = other[:, None]
        return styles

    def draw_styles(self, w: np.ndarray, noise: Sequence[np.ndarray] | None = None) -> np.ndarray:
        """The images for styles (n, style_dim) or (n, layers, style_dim), on the host, pixels in [0, 1], in evaluation mode."""
        w = to_numpy(w).astype(self.dtype, copy=False)
        if w.shape[1:] not in ((self.style_dim,), (self.layers, self.style_dim)) or not len(w):
            raise ShapeError(f"expected styles (n, {self.style_dim}) or (n, {self.layers}, {self.style_dim}), got {w.shape}")

        def make(part: slice) -> Any:
            styles = [w[part]] * self.layers if w.ndim == 2 else w[part].swapaxes(0, 1)
            maps = None if noise is None else [asarray(each if len(each) == 1 else each[part]) for each in noise]
            return self.synthesize([Tensor(asarray(each)) for each in styles], maps)

        return self.drawn(len(w), make)

    def noise_maps(self, n: int, rng: np.random.Generator) -> list[np.ndarray]:
        """New noise for n images: a map for each layer, (n, r, r, 1), for `draw_styles`. Times 0 it is no noise."""
        return [
            rng.standard_normal((n, r, r, 1)).astype(self.dtype) for r in self.resolutions[: self.stage + 1] for _ in range(2)
        ]

    def checked_styles(self, w: Any) -> np.ndarray:
        """Styles (n, style_dim) on the host, of the network's dtype. ShapeError for any other shape."""
        w = to_numpy(w).astype(self.dtype, copy=False)
        if w.shape[1:] != (self.style_dim,) or not len(w):
            raise ShapeError(f"expected styles (n, {self.style_dim}), one for each image, got {w.shape}")
        return w

    def describe(self) -> str:
        return f"mixing={self.mixing:g}"


class Discriminator(progan.Discriminator):
    """Progressive GAN's with low-pass filters before each halving. `group_size`: of minibatch standard deviation."""

    def __init__(self, resolution: int = 1024, feature_maps: Sequence[int] | None = None, channels: int = 3, group_size: int = 4):
        super().__init__(resolution, feature_maps, channels, group_size, blur=True)


class MappingNetwork(nn.Module):
    """z -> w: z scaled to a mean square of 1, then dense layers with a smaller learning rate (`lr_multiplier`)."""

    def __init__(self, latent_dim: int, style_dim: int, layers: int, lr_multiplier: float):
        sizes = [latent_dim] + [style_dim] * layers
        self.net = nn.Sequential(
            nn.PixelNorm(),
            *(
                nn.EqualizedDense(before, after, "leaky_relu", lr_multiplier=lr_multiplier)
                for before, after in zip(sizes, sizes[1:])
            ),
        )

    def forward(self, z: Any) -> Any:
        return self.net(z)

    def summary_children(self) -> Iterator[tuple[str, nn.Module]] | None:
        """The order of application, for a summary."""
        return self.net.summary_children()


class Block(nn.Module):
    """The two layers of one resolution. The first, at 4 x 4, starts without a convolution: its input is learned already."""

    in_order = ("layers",)

    def __init__(self, before: int, after: int, resolution: int, style_dim: int, noise_lr: float | None, styles: bool):
        if resolution == 4:
            first = nn.Sequential()
        else:
            first = nn.Sequential(nn.UpSample2d(2), nn.EqualizedConv2d(before, after, 3, bias=False), nn.Blur2d())
        second = nn.Sequential(nn.EqualizedConv2d(after, after, 3, bias=False))
        self.layers = [StyledLayer(body, after, resolution, style_dim, noise_lr, styles) for body in (first, second)]

    def forward(self, x: Any, w: Sequence[Any], noise: Sequence[Any]) -> Any:
        for layer, style, map_ in zip(self.layers, w, noise):
            x = layer(x, style, map_)
        return x


class StyledLayer(nn.Module):
    """AdaIN(leaky(body(x) + scale * noise + b), w); without styles the features of each pixel are normalized.

    `noise_lr`: the relative learning rate of the scale, None for no noise.
    """

    def __init__(self, body: nn.Sequential, features: int, resolution: int, style_dim: int, noise_lr: float | None, styles: bool):
        self.body = body
        self.noise = None if noise_lr is None else nn.NoiseInjection(features, resolution, resolution, noise_lr)
        self.bias = nn.Bias(features)
        self.style = nn.AdaIN(features, style_dim) if styles else None

    def forward(self, x: Any, w: Any, noise: Any = None) -> Any:
        x = self.body(x)
        if self.noise is not None:
            x = self.noise(x, noise)
        x = ops.leaky_relu(self.bias(x), slope=0.2)
        return ops.pixel_norm(x) if self.style is None else self.style(x, w)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.body.output_shape(input_shape)

    def describe(self) -> str:
        return self.body.describe()
