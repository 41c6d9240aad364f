"""The tied autoencoder against the untied one with equal weights."""

import copy

import numpy as np

import minigen as mg
from minigen import optim
from minigen.models.autoencoders import StackedAutoencoder, TiedAutoencoder

rng = np.random.default_rng(0)
x = rng.random((3, 28, 28, 1))


def both():
    """A tied autoencoder with biases that are not zero, and a stacked one with the same weights; float64."""
    tied = TiedAutoencoder(hidden=5, latent_dim=3).astype("float64")
    for p in tied.parameters():
        p.assign(p.numpy() + 0.1 * rng.standard_normal(p.shape))
    w1, b1, w2, b2, b3, b4 = (p.numpy() for p in tied.parameters())
    stacked = StackedAutoencoder(hidden=5, latent_dim=3).astype("float64")
    for p, value in zip(stacked.parameters(), (w1, b1, w2, b2, w2.T, b3, w1.T, b4)):
        p.assign(value)
    return tied, stacked


def test_it_is_the_chapters_network_and_its_state_holds_a_weight_once():
    model = TiedAutoencoder()
    assert model.parameter_count() == 82_414
    assert {name: array.shape for name, array in model.state_dict().items()} == {
        "encoder.1.weight": (784, 100),
        "encoder.1.bias": (100,),
        "encoder.2.weight": (100, 30),
        "encoder.2.bias": (30,),
        "decoder.0.bias": (100,),
        "decoder.1.bias": (784,),
    }
    assert len({id(p) for p in model.parameters()}) == len(model.parameters()) == 6


def test_outputs_equal_the_untied_ones_with_equal_weights():
    tied, stacked = both()
    np.testing.assert_allclose(tied.encode(x).numpy(), stacked.encode(x).numpy(), rtol=1e-12)
    np.testing.assert_allclose(tied(x).numpy(), stacked(x).numpy(), rtol=1e-10)
    np.testing.assert_allclose(tied.loss(x)[0].item(), stacked.loss(x)[0].item(), rtol=1e-12)


def test_the_gradient_of_each_weight_is_the_sum_over_both_uses():
    tied, stacked = both()
    for model in (tied, stacked):
        model.loss(x)[0].backward()
    w1, b1, w2, b2, w3, b3, w4, b4 = (p.grad for p in stacked.parameters())
    for use in (w1, w2, w3, w4):
        assert np.abs(use).max() > 1e-6, "a use without a gradient proves nothing"
    for p, expected in zip(tied.parameters(), (w1 + w4.T, b1, w2 + w3.T, b2, b3, b4)):
        np.testing.assert_allclose(p.grad, expected, rtol=1e-9, atol=1e-15, err_msg=p.name)


def test_one_step_moves_a_weight_once_and_leaves_both_uses_equal():
    tied, stacked = both()
    before = [p.numpy().copy() for p in stacked.parameters()]
    for model in (tied, stacked):
        optimizer = optim.SGD(model.parameters(), lr=1.0)
        model.loss(x)[0].backward()
        optimizer.step()
    encoding, decoding = (stacked.parameters()[i].numpy() - before[i] for i in (0, 6))
    np.testing.assert_allclose(tied.encoder[1].weight.numpy(), before[0] + encoding + decoding.T, rtol=1e-9, atol=1e-15)
    assert tied.decoder[1].weight is tied.encoder[1].weight


def test_a_copy_is_tied_to_itself_and_a_state_dict_carries_it_over(backend):
    model, batch = TiedAutoencoder(hidden=5, latent_dim=3), mg.asarray(x.astype(np.float32))
    twin, other = copy.deepcopy(model), TiedAutoencoder(hidden=5, latent_dim=3)
    other.load_state_dict(model.state_dict())
    for again in (twin, other):
        assert again.decoder[0].weight is again.encoder[2].weight is not model.encoder[2].weight
        np.testing.assert_array_equal(again(batch).numpy(), model(batch).numpy())
