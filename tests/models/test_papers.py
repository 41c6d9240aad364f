"""Every network computes what its paper says, to the last digits: beside plain NumPy, written from the paper, on random weights."""

import importlib
import inspect
import pkgutil

import numpy as np
import pytest

from minigen import models, nn
from minigen.backend import asarray, to_numpy
from minigen.models.applications.restorer import Restorer
from minigen.models.autoencoders.base import Autoencoder, ImageAutoencoder
from minigen.models.gans import base, growing
from tests.models.papers import applications, autoencoders, classifiers, gans
from tests.models.papers import growing as grown

NETWORKS = [network for family in (autoencoders, gans, grown, applications, classifiers) for network in family.NETWORKS]
BASES = {Autoencoder, ImageAutoencoder, base.Generator, base.Discriminator, growing.Growing, growing.GrowingGenerator, Restorer}


def host(result) -> list[np.ndarray]:
    """One array or several, on the host."""
    return [np.asarray(to_numpy(getattr(each, "data", each))) for each in (result if isinstance(result, tuple) else (result,))]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_it_is_the_papers(network):
    """In float64, up to 1e-12 of the largest number."""
    model = network.made()
    expected = host(network.paper(model.state_dict(), *network.inputs))  # before a batch moves running statistics
    actual = host(network.run(model, *map(asarray, network.inputs)))
    assert [y.shape for y in actual] == [y.shape for y in expected]
    for ours, theirs in zip(actual, expected):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 * abs(theirs).max())


def test_every_network_is_beside_its_paper():
    """Whatever is defined in a file of minigen.models, or is a part of what is."""
    defined = set()
    for file in pkgutil.walk_packages(models.__path__, "minigen.models."):
        module = importlib.import_module(file.name)
        defined |= {kind for _, kind in inspect.getmembers(module, inspect.isclass)
                    if issubclass(kind, nn.Module) and kind.__module__ == file.name}
    compared = {type(part) for network in NETWORKS for part in network.make().modules()}
    assert not defined - compared - BASES
