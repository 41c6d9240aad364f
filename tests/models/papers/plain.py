"""Growing networks as the paper's figure 2 draws them: all layers are computed, whatever the stage, each with its own weight;
slower.

Images are enlarged to the largest resolution, and a discriminator takes images of that.
"""

from collections.abc import Callable
from typing import Any

from minigen.models.gans import stylegan
from minigen.models.gans.growing import Growing, GrowingGenerator, double, fade, halve


def plain(network: Growing, x: Any) -> Any:
    """What a network in evaluation mode makes of latent vectors, or says of images of the largest resolution."""
    if isinstance(network, stylegan.Generator):
        w = network.mapping(x)
        return made(network, network.input(w), lambda s, x: network.blocks[s](x, [w, w], [None, None]))
    if isinstance(network, GrowingGenerator):
        return made(network, x, lambda s, x: network.blocks[s](x))
    return scored(network, x)


def made(network: GrowingGenerator, x: Any, block: Callable[[int, Any], Any]) -> Any:
    """Every stage shows its image, and each is faded over the one before with its own weight."""
    image = None
    for s in range(len(network.blocks)):
        x = block(s, x)
        new = network.rgb[s](x)
        image = new if s == 0 else fade(double(image), new, weight(network, s))
    return image


def scored(network: Growing, x: Any) -> Any:
    """Before each halving by layers the image halved is faded in: with a weight of 0 where the stage is settled; of 1 where it is
    yet to come, and is then all that the stages below see."""
    y = network.rgb[-1](x)
    for s in range(len(network.blocks) - 1, 0, -1):
        x = halve(x)
        y = fade(network.rgb[s - 1](x), network.blocks[s](y), weight(network, s))
    return network.head(network.blocks[0](y))


def weight(network: Growing, stage: int) -> float:
    """Of what the layers of a stage say: 1 if they are settled, alpha for the newest, 0 for those to come."""
    return min(max(network.stage + network.alpha - stage, 0.0), 1.0)
