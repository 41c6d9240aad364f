"""Progressive GAN and StyleGAN in plain NumPy, from the papers' tables and figures, in the order of operations of the official
code.

Both forms of minigen's are compared: the one that computes what the stage needs, and the plain one.
"""

import math
from functools import partial

import numpy as np

from minigen.models.gans import progan, stylegan
from tests.models.papers.arithmetic import (
    Weights,
    convolved,
    doubled,
    equalized,
    equalized_conv,
    equalized_dense,
    flat,
    halved,
    kernel,
    leaky,
    minibatch_stddev,
    pixel_norm,
)
from tests.models.papers.network import Network, normal, uniform
from tests.models.papers.plain import plain

# -- Karras et al. 2018 --------------------------------------------------------------------------------------------


def progan_generator(w: Weights, z: np.ndarray, stage: int, alpha: float) -> np.ndarray:
    """Table 2: LReLU and pixel normalization after every convolution, the first of which is a dense layer; linear toRGB.

    The latent vector is normalized too. Gains: sqrt 2, of the first layer sqrt 2 / 4, of toRGB 1.
    """
    x = pixel_norm(z) @ equalized(w["blocks.0.1.weight"], math.sqrt(2.0) / 4)
    x = pixel_norm(leaky(x.reshape(len(z), 4, 4, -1) + w["blocks.0.3.bias"]))
    x = pixel_norm(leaky(equalized_conv(x, w, "blocks.0.6")))
    image = equalized_conv(x, w, "rgb.0", size=1, gain=1.0)
    for s in range(1, stage + 1):
        x = pixel_norm(leaky(equalized_conv(doubled(x), w, f"blocks.{s}.1")))
        x = pixel_norm(leaky(equalized_conv(x, w, f"blocks.{s}.3")))
        image = faded(image, equalized_conv(x, w, f"rgb.{s}", size=1, gain=1.0), alpha if s == stage else 1.0)
    return image


def faded(old: np.ndarray, new: np.ndarray, alpha: float) -> np.ndarray:
    """Figure 2: the new image over the old one, enlarged; of settled stages nothing of the old one is left."""
    return (1.0 - alpha) * doubled(old) + alpha * new


def progan_discriminator(w: Weights, x: np.ndarray, stage: int, alpha: float) -> np.ndarray:
    """Table 2: the mirror image, without pixel normalization; fromRGB with LReLU; minibatch stddev before 4 x 4."""
    y = leaky(equalized_conv(x, w, f"rgb.{stage}", size=1))
    for s in range(stage, 0, -1):
        y = leaky(equalized_conv(y, w, f"blocks.{s}.0"))
        y = halved(leaky(equalized_conv(y, w, f"blocks.{s}.1")))
        x = halved(x)
        if s == stage:
            y = (1.0 - alpha) * leaky(equalized_conv(x, w, f"rgb.{s - 1}", size=1)) + alpha * y
    return last_layers(w, y)


def last_layers(w: Weights, y: np.ndarray) -> np.ndarray:
    """Table 2's last rows: stddev, 3 x 3, 4 x 4 as a dense layer, and a linear one of gain 1."""
    y = leaky(equalized_conv(minibatch_stddev(y, group_size=2), w, "blocks.0.1"))
    return equalized_dense(leaky(equalized_dense(flat(y), w, "blocks.0.3")), w, "head", gain=1.0)


# -- Karras et al. 2019 --------------------------------------------------------------------------------------------


def mapped(w: Weights, z: np.ndarray, layers: int = 2) -> np.ndarray:
    """z normalized, then dense layers with LReLU whose learning rate is a hundredth: weights 100 times as large, times 1 /
    100."""
    z = pixel_norm(z)
    for i in range(layers):
        weight, bias = 0.01 * equalized(w[f"mapping.net.{i + 1}.weight"], math.sqrt(2.0)), 0.01 * w[f"mapping.net.{i + 1}.bias"]
        z = leaky(z @ weight + bias)
    return z


def blurred(x: np.ndarray) -> np.ndarray:
    """Each channel by the kernel 1 2 1 / 2 4 2 / 1 2 1, divided by 16."""
    binomial, y = np.outer([1, 2, 1], [1, 2, 1])[:, :, None, None] / 16, np.empty_like(x)
    for c in range(x.shape[3]):
        y[..., c : c + 1] = convolved(x[..., c : c + 1], binomial)
    return y


def instance_norm(x: np.ndarray) -> np.ndarray:
    """Every channel of every image: mean 0, variance 1."""
    return (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-8)


def epilogue(w: Weights, layer: str, x: np.ndarray, style: np.ndarray | None, noise: np.ndarray | None) -> np.ndarray:
    """What follows each convolution, figure 1 b: noise, bias, LReLU, AdaIN: (1 + ys) instance_norm(x) + yb, A of gain 1.

    Without styles the ablation has pixel normalization there.
    """
    if noise is not None:
        x = x + w[f"{layer}.noise.scale"] * noise  # one map for all channels
    x = leaky(x + w[f"{layer}.bias.bias"])
    if style is None:
        return pixel_norm(x)
    scale, shift = np.split(equalized_dense(style, w, f"{layer}.style.affine", gain=1.0)[:, None, None], 2, axis=-1)
    return (1.0 + scale) * instance_norm(x) + shift


def synthesized(w: Weights, styles: list, noise: list, stage: int, alpha: float, x: np.ndarray | None = None) -> np.ndarray:
    """Figure 1 b: a learned constant, or x; [up, convolution, blur] and convolution for each resolution; linear toRGB of gain 1.

    styles, noise: one for each layer, None for none. Convolutions have no bias of their own.
    """
    x = np.stack([w["input.weight"]] * len(styles[0])) if x is None else x
    image = None
    for s in range(stage + 1):
        first, second = f"blocks.{s}.layers.0", f"blocks.{s}.layers.1"
        if s > 0:
            x = blurred(convolved(doubled(x), equalized(kernel(w, f"{first}.body.1", 3), math.sqrt(2.0))))
        x = epilogue(w, first, x, styles[2 * s], noise[2 * s])
        x = convolved(x, equalized(kernel(w, f"{second}.body.0", 3), math.sqrt(2.0)))
        x = epilogue(w, second, x, styles[2 * s + 1], noise[2 * s + 1])
        new = equalized_conv(x, w, f"rgb.{s}", size=1, gain=1.0)
        image = new if s == 0 else faded(image, new, alpha if s == stage else 1.0)
    return image


def fixed_noise(w: Weights, stage: int) -> list:
    """The maps that stand in for chance when images are drawn."""
    return [w[f"blocks.{s}.layers.{i}.noise.fixed"] for s in range(stage + 1) for i in (0, 1)]


def stylegan_generator(w: Weights, z: np.ndarray, stage: int, alpha: float) -> np.ndarray:
    """Drawn: one style for all layers, the fixed maps of noise."""
    return synthesized(w, 2 * (stage + 1) * [mapped(w, z)], fixed_noise(w, stage), stage, alpha)


def ablated_generator(w: Weights, z: np.ndarray, stage: int, alpha: float, styles: bool, noise: bool) -> np.ndarray:
    """Table 1: in place of the constant a dense layer's answer to w, gain sqrt 2 / 4; with or without styles and noise.

    Without both it is the traditional generator of figure 1 a, behind a mapping network.
    """
    style, nothing = mapped(w, z), 2 * (stage + 1) * [None]
    x = (style @ equalized(w["input.0.weight"], math.sqrt(2.0) / 4)).reshape(len(z), 4, 4, -1)
    return synthesized(
        w, 2 * (stage + 1) * [style] if styles else nothing, fixed_noise(w, stage) if noise else nothing, stage, alpha, x
    )


def mixed_generator(w: Weights, z: np.ndarray, other: np.ndarray, *noise: np.ndarray) -> np.ndarray:
    """Section 3.1: from a crossover on (here layer 3 of 6), the styles of another latent vector; other noise for each image."""
    first, second = mapped(w, z), mapped(w, other)
    return synthesized(w, [first] * 3 + [second] * 3, list(noise), stage=2, alpha=1.0)


def truncated_generator(w: Weights, z: np.ndarray) -> np.ndarray:
    """Appendix B: w' = average + psi (w - average), psi 0.7, in the first four layers only; pixels from [-1, 1] to [0, 1]."""
    style = mapped(w, z)
    truncated = w["w_average"] + 0.7 * (style - w["w_average"])
    images = synthesized(w, [truncated] * 4 + [style] * 2, fixed_noise(w, 2), stage=2, alpha=1.0)
    return np.clip((images + 1.0) / 2.0, 0.0, 1.0)


def stylegan_discriminator(w: Weights, x: np.ndarray, stage: int, alpha: float) -> np.ndarray:
    """Progressive GAN's, with a blur before each convolution that halves; its bias and LReLU behind the halving."""
    y = leaky(equalized_conv(x, w, f"rgb.{stage}", size=1))
    for s in range(stage, 0, -1):
        y = leaky(equalized_conv(y, w, f"blocks.{s}.0"))
        y = halved(convolved(blurred(y), equalized(kernel(w, f"blocks.{s}.2", 3), math.sqrt(2.0))))
        y = leaky(y + w[f"blocks.{s}.4.bias"])
        x = halved(x)
        if s == stage:
            y = (1.0 - alpha) * leaky(equalized_conv(x, w, f"rgb.{s - 1}", size=1)) + alpha * y
    return last_layers(w, y)


# -- beside minigen's ----------------------------------------------------------------------------------------------

MAPS = (4, 3, 2)
STYLED = {"latent_dim": 3, "style_dim": 4, "mapping_layers": 2, "feature_maps": MAPS, "channels": 2}
ABLATED = {"neither": (False, False), "styles": (True, False), "noise": (False, True), "both": (True, True)}
GENERATORS = {
    "progan": (lambda: progan.Generator(16, 3, MAPS, channels=2), progan_generator),
    "stylegan": (lambda: stylegan.Generator(16, **STYLED), stylegan_generator),
    **{
        f"stylegan, dense input, {name}": (
            lambda styles=styles, noise=noise: stylegan.Generator(16, **STYLED, constant=False, styles=styles, noise=noise),
            partial(ablated_generator, styles=styles, noise=noise),
        )
        for name, (styles, noise) in ABLATED.items()
    },
}
DISCRIMINATORS = {
    "progan": (lambda: progan.Discriminator(16, MAPS, channels=2, group_size=2), progan_discriminator),
    "stylegan": (lambda: stylegan.Discriminator(16, MAPS, channels=2, group_size=2), stylegan_discriminator),
}
STAGES = [(0, 1.0), (1, 0.375), (1, 1.0), (2, 0.625), (2, 1.0)]


def grown(make, stage, alpha):
    """A network at a stage."""
    network = make()
    network.grow_to(4 << stage, alpha)
    return network


def both_forms(model, x):
    """By the form that computes what the stage needs and, of generators enlarged, by the plain one."""
    return model(x), plain(model, x)


def enlarged(paper, stage, alpha, w, z):
    """The paper's image, and the same at the largest resolution."""
    image = large = paper(w, z, stage, alpha)
    for _ in range(2 - stage):
        large = doubled(large)
    return image, large


def mixed(model, z, other, *noise):
    """Styles mixed, and noise that is given."""
    return model.synthesize(model.mixed(model.mapping(z), model.mapping(other), 3), noise)


def truncated(model, z):
    """Drawn on the host, only the first styles truncated."""
    return model.draw_styles(model.truncate(model.map(z), 0.7, layers=4))


NOISE = tuple(normal(4, r, r, 1) for r in (4, 4, 8, 8, 16, 16))
NETWORKS = [
    *(
        Network(
            f"{name} generator, stage {stage}, alpha {alpha}",
            partial(grown, make, stage, alpha),
            both_forms,
            partial(enlarged, paper, stage, alpha),
            (normal(3, 3),),
        )
        for name, (make, paper) in GENERATORS.items()
        for stage, alpha in STAGES
    ),
    *(
        Network(
            f"{name} discriminator, stage {stage}, alpha {alpha}",
            partial(grown, make, stage, alpha),
            lambda model, x: model(x),
            partial(paper, stage=stage, alpha=alpha),
            (uniform(4, 4 << stage, 4 << stage, 2),),
        )
        for name, (make, paper) in DISCRIMINATORS.items()
        for stage, alpha in STAGES
    ),
    *(
        Network(f"{name} discriminator, plain form", make, plain, partial(paper, stage=2, alpha=1.0), (uniform(4, 16, 16, 2),))
        for name, (make, paper) in DISCRIMINATORS.items()
    ),
    Network("stylegan, mixed", GENERATORS["stylegan"][0], mixed, mixed_generator, (normal(4, 3), normal(4, 3), *NOISE)),
    Network("stylegan, truncated", GENERATORS["stylegan"][0], truncated, truncated_generator, (normal(3, 3),)),
]
