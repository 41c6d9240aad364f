"""Every network computes what its paper says, to the last digits: beside plain NumPy, written from the paper, on random
weights."""

import importlib
import inspect
import pkgutil

import numpy as np
import pytest

from minigen import models, nn
from minigen.backend import asarray, to_numpy
from minigen.models import autoencoders as auto
from minigen.models.applications import style_transfer
from minigen.models.applications.restorer import Restorer
from minigen.models.attribute_classifier import AttributeClassifier
from minigen.models.autoencoders.base import Autoencoder, ImageAutoencoder, LayerPair
from minigen.models.autoencoders.denoising import Denoising
from minigen.models.classifier import Classifier, FeatureClassifier
from minigen.models.gans import base, growing, progan, stylegan
from tests.models.papers import applications, autoencoders, classifiers, gans
from tests.models.papers import growing as grown

NETWORKS = [network for family in (autoencoders, gans, grown, applications, classifiers) for network in family.NETWORKS]
BASES = {
    Autoencoder,
    ImageAutoencoder,
    LayerPair,
    Denoising,
    base.Generator,
    base.Discriminator,
    growing.Growing,
    growing.GrowingGenerator,
    Restorer,
}


def host(result) -> list[np.ndarray]:
    """One array or several, on the host."""
    return [np.asarray(to_numpy(getattr(each, "data", each))) for each in (result if isinstance(result, tuple) else (result,))]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_each_network_equals_its_papers(network):
    """In float64, up to 1e-12 of the largest number."""
    model = network.made()
    expected = host(network.paper(model.state_dict(), *network.inputs))  # before a batch moves running statistics
    actual = host(network.run(model, *map(asarray, network.inputs)))
    assert [y.shape for y in actual] == [y.shape for y in expected]
    for ours, theirs in zip(actual, expected):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 * abs(theirs).max())


def test_default_settings_are_the_papers():
    """Noise of 0.2 (the book); a target of 0.1 (the book); the bound itself; Karras et al. 2018, section 3, 2019, section 3.1 and
    C; Huang & Belongie 2017's code; SRGAN's and the context encoder's sizes here."""
    denoising, linear = auto.DenoisingAutoencoder(), auto.LinearDenoisingAutoencoder(3, 2)
    assert repr(denoising.corrupt) == repr(linear.corrupt) == "Corruption(gaussian, 0.2)"
    assert auto.SparseAutoencoder().encoder[3].target == 0.1
    assert auto.VariationalAutoencoder().beta == auto.ConditionalVariationalAutoencoder().beta == 1.0
    assert [network.blocks[0][0].group_size for network in (progan.Discriminator(4, (2,)), stylegan.Discriminator(4, (2,)))] == [
        4,
        4,
    ]
    generator = stylegan.Generator(4, 2, 2, feature_maps=(2,))
    assert generator.mixing == 0.9 and generator.blocks[0].layers[0].noise.lr_multiplier == 1.0
    assert [layer.lr_multiplier for layer in list(generator.mapping.net)[1:]] == 8 * [0.01]
    assert style_transfer.StyleTransfer(style_transfer.TextureAutoencoder(1, (2, 3))).style_weight == 10.0
    assert style_transfer.TextureAutoencoder().parameter_count() == 68_739
    assert Classifier(auto.StackedAutoencoder().encoder).head[1].weight.shape == (30, 10)
    assert FeatureClassifier().parameter_count() == 105_866 and AttributeClassifier({"a": 3}).parameter_count() == 89_555


def test_every_network_is_compared_with_its_paper():
    """Whatever is defined in a file of minigen.models, or is a part of what is."""
    defined = set()
    for file in pkgutil.walk_packages(models.__path__, "minigen.models."):
        module = importlib.import_module(file.name)
        defined |= {
            kind
            for _, kind in inspect.getmembers(module, inspect.isclass)
            if issubclass(kind, nn.Module) and kind.__module__ == file.name
        }
    compared = {type(part) for network in NETWORKS for part in network.make().modules()}
    assert not defined - compared - BASES
