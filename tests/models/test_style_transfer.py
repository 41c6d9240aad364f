"""Style transfer: the objective and its derivatives, exact statistics, what stays frozen, and what is refused."""

import copy
import pickle

import numpy as np
import pytest

import minigen as mg
from minigen import gradcheck_module, optim, training
from minigen.errors import DtypeError, ShapeError
from minigen.models.applications import style_transfer
from minigen.models.applications.style_transfer import StyleTransfer, TextureAutoencoder, recolored, statistics, style_distance
from tests.checks import to_order_2

rng = np.random.default_rng(0)
CONTENTS, STYLES = rng.random((2, 3, 8, 8, 3))


def small(maps=(2, 3), dtype="float64", **options) -> StyleTransfer:
    """A network of few feature maps."""
    return StyleTransfer(TextureAutoencoder(feature_maps=maps), **options).astype(dtype)


def device(*arrays):
    """Arrays of the backend in use."""
    return [mg.asarray(array) for array in arrays]


# -- the objective -------------------------------------------------------------------------------------------------


def test_derivatives_of_the_objective_by_all_parameters_of_the_decoder_to_order_2():
    model = small()
    gradcheck_module(model.decoder, lambda contents, styles: model.loss(contents, styles)[0], CONTENTS[:2], STYLES[:2])


@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_derivatives_of_the_image_by_both_images_and_the_decoder_to_order_2(alpha):
    model = small()
    gradcheck_module(model.decoder, lambda contents, styles: model(contents, styles, alpha), CONTENTS[:2], STYLES[:2])


def test_backends_agree_to_order_2(device):
    host = small()
    mg.use(device)
    other = small()
    other.load_state_dict(host.state_dict())
    there = to_order_2(other.decoder, lambda: other.loss(*map(mg.asarray, (CONTENTS, STYLES)))[0])
    mg.use("numpy")
    for expected, got in zip(to_order_2(host.decoder, lambda: host.loss(CONTENTS, STYLES)[0]), there, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


def test_the_loss_equals_its_docstring():
    """By loops over images and channels, with PyTorch's words for what a mean is over."""
    model = small(style_weight=3.0)

    def moments(maps):
        return [
            [(float(image[..., i].mean()), float(np.sqrt(image[..., i].var() + 1e-5))) for i in range(image.shape[-1])]
            for image in maps
        ]

    content = model.encoder(CONTENTS).numpy()
    target = np.empty_like(content)
    for maps, wanted, to in zip(content, moments(model.encoder(STYLES).numpy()), target):
        for i, ((mean, std), (own_mean, own_std)) in enumerate(zip(wanted, moments(maps[None])[0])):
            to[..., i] = std * (maps[..., i] - own_mean) / own_std + mean
    image = 1 / (1 + np.exp(-model.decoder(target).numpy()))
    stages = [[stage.numpy() for stage in model.encoder.activations(x)] for x in (image, STYLES)]
    style = sum(np.mean((np.array(moments(ours)) - np.array(moments(theirs))) ** 2) * 2 for ours, theirs in zip(*stages))
    total, terms = model.loss(CONTENTS, STYLES)
    assert list(terms) == ["content", "style"]
    np.testing.assert_allclose(terms["content"].item(), np.mean((stages[0][-1] - target) ** 2), rtol=1e-9)
    np.testing.assert_allclose(terms["style"].item(), style, rtol=1e-9)
    np.testing.assert_allclose(total.item(), terms["content"].item() + 3.0 * style, rtol=1e-9)
    np.testing.assert_allclose(model.transfer(CONTENTS, STYLES).numpy(), image, rtol=1e-9)


def test_loss_and_gradients_are_those_of_torch():
    torch = pytest.importorskip("torch")
    model, f = small(), torch.nn.functional
    state = {name: torch.tensor(value, requires_grad=name.startswith("decoder")) for name, value in model.state_dict().items()}

    def stages(x):
        found = []
        for i in range(2):  # "same" with a kernel of 4 and stride 2 is one pixel on each side
            x = f.conv2d(x, state[f"encoder.layers.{i}.weight"].permute(3, 2, 0, 1), state[f"encoder.layers.{i}.bias"], 2, 1)
            x = f.leaky_relu(x, 0.2) if i == 0 else x
            found.append(x)
        return found

    def moments(x):
        return torch.stack([x.mean((2, 3)), (x.var((2, 3), correction=0) + 1e-5).sqrt()])

    def enlarged(x, i):
        return f.conv_transpose2d(x, state[f"decoder.{i}.weight"].permute(3, 2, 0, 1), state[f"decoder.{i}.bias"], 2, 1)

    contents, styles = (torch.tensor(x).permute(0, 3, 1, 2) for x in (CONTENTS, STYLES))
    content, style = stages(contents)[-1], stages(styles)
    (mean, std), (wanted_mean, wanted_std) = (x[..., None, None] for x in (moments(content), moments(style[-1])))
    target = wanted_std * (content - mean) / std + wanted_mean
    made = stages(torch.sigmoid(enlarged(f.relu(enlarged(target, 0)), 1)))
    loss = f.mse_loss(made[-1], target) + 10 * sum(2 * f.mse_loss(moments(x), moments(y)) for x, y in zip(made, style))
    loss.backward()

    ours, _ = model.loss(CONTENTS, STYLES)
    ours.backward()
    np.testing.assert_allclose(ours.item(), loss.item(), rtol=1e-10)
    for name, parameter in model.decoder.named_parameters().items():
        np.testing.assert_allclose(parameter.grad, state[f"decoder.{name}"].grad, rtol=1e-8, atol=1e-12, err_msg=name)


# -- statistics ----------------------------------------------------------------------------------------------------


def test_the_blend_has_the_styles_statistics(backend):
    model = small(maps=(4, 5))
    contents, styles = device(CONTENTS, STYLES)
    wanted, got = statistics(model.encoder(styles)), statistics(model.blend(contents, styles))
    own = mg.to_numpy(model.encoder(contents)).var(axis=(1, 2))
    alive = (own > 1e-3) & (mg.to_numpy(wanted[1]) > 0.05)  # a map that is the same everywhere has no deviation to stretch
    assert alive.mean() > 0.5
    np.testing.assert_allclose(mg.to_numpy(got[0]), mg.to_numpy(wanted[0]), rtol=1e-12, atol=1e-15)
    # of the deviation, std(f(c)) / sqrt(var(f(c)) + 1e-5) arrives, and 1e-5 is added to the square of what did
    expected = np.sqrt(mg.to_numpy(wanted[1]) ** 2 * own / (own + 1e-5) + 1e-5)
    np.testing.assert_allclose(mg.to_numpy(got[1]), expected, rtol=1e-9)
    np.testing.assert_allclose(mg.to_numpy(got[1])[alive], mg.to_numpy(wanted[1])[alive], rtol=1e-2)


def test_without_style_it_is_the_content_to_the_bit(backend):
    model = small(dtype="float32")
    contents, styles = device(CONTENTS.astype(np.float32), STYLES.astype(np.float32))
    np.testing.assert_array_equal(mg.to_numpy(model.blend(contents, styles, 0.0)), mg.to_numpy(model.encoder(contents)))
    half = mg.to_numpy(model.blend(contents, styles, 0.5))
    ends = [mg.to_numpy(model.blend(contents, styles, alpha)) for alpha in (0.0, 1.0)]
    np.testing.assert_allclose(half, (ends[0] + ends[1]) / 2, atol=1e-6)


def test_an_image_is_its_own_style():
    model = small()
    content = model.encoder(CONTENTS).numpy()
    np.testing.assert_allclose(model.blend(CONTENTS, CONTENTS).numpy(), content, atol=1e-12)
    stages = model.encoder.activations(CONTENTS)
    assert style_distance(stages, stages).item() == 0


def test_a_style_is_invariant_to_the_order_of_its_pixels():
    model = small()
    shuffled = rng.permutation(64)
    maps = rng.standard_normal((2, 8, 8, 3))
    moved = maps.reshape(2, 64, 3)[:, shuffled].reshape(2, 8, 8, 3)
    for ours, theirs in zip(statistics(mg.Tensor(maps)), statistics(mg.Tensor(moved))):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)
    assert style_distance([mg.Tensor(maps)], [mg.Tensor(moved)]).item() < 1e-24
    larger = mg.Tensor(maps.repeat(2, axis=1))
    assert style_distance([mg.Tensor(maps)], [larger]).item() < 1e-24, "styles of images of any size can be compared"
    assert model.blend(CONTENTS, STYLES.repeat(2, axis=1)).shape == (3, 2, 2, 3)


# -- colors --------------------------------------------------------------------------------------------------------

BRIGHTNESS = (0.3, 0.6, 0.1)


def two_colored(drawings, ink, paper):
    """Drawings (n, h, w, 1) in [0, 1], in colors (3,)."""
    return paper + drawings * (np.asarray(ink) - paper)


def test_a_gray_drawing_takes_the_colors_of_a_style():
    """The same drawing in another ink and on another paper, also where the ink has less of a color than the paper."""
    drawings = rng.random((3, 8, 8, 1))
    styles = two_colored(drawings, (0.9, 0.1, 0.6), np.array([0.1, 0.3, 0.2]))
    got = recolored(drawings.repeat(3, axis=3), styles, BRIGHTNESS)
    deviations = drawings.std((1, 2)), (styles @ BRIGHTNESS).std((1, 2))[:, None]
    shares = np.prod([d / np.sqrt(d**2 + 1e-5) for d in deviations], axis=0)[:, None, None]  # what the 1e-5 in the roots takes
    mean = styles.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(got.numpy() if isinstance(got, mg.Tensor) else got, mean + shares * (styles - mean), rtol=1e-9)
    assert shares.min() > 0.99


def test_recoloring_equals_its_docstring(backend):
    got = mg.to_numpy(recolored(*device(CONTENTS, STYLES), BRIGHTNESS))
    for made, content, style in zip(got, CONTENTS, STYLES, strict=True):
        b, wanted = content @ BRIGHTNESS, style @ BRIGHTNESS
        covariance = ((wanted - wanted.mean())[..., None] * style).mean((0, 1))
        slope = covariance / np.sqrt(wanted.var() + 1e-5) / np.sqrt(b.var() + 1e-5)
        np.testing.assert_allclose(made, style.mean((0, 1)) + (b - b.mean())[..., None] * slope, rtol=1e-9)


def test_with_a_brightness_colors_come_first():
    """Both terms by the functions above: the target is made of recolored contents, and the image is the first layer."""
    plain, model = small(), small(brightness=BRIGHTNESS)
    model.load_state_dict(plain.state_dict())
    target = plain.blend(recolored(CONTENTS, STYLES, BRIGHTNESS), STYLES)
    np.testing.assert_allclose(model.blend(CONTENTS, STYLES).numpy(), target.numpy(), rtol=1e-12)
    np.testing.assert_array_equal(model.blend(CONTENTS, STYLES, 0.0).numpy(), model.encoder(CONTENTS).numpy())
    total, terms = model.loss(CONTENTS, STYLES)
    images = model.transfer(CONTENTS, STYLES)
    layers = [[x, *model.encoder.activations(x)] for x in (images, mg.Tensor(STYLES))]
    np.testing.assert_allclose(terms["style"].item(), style_distance(*layers).item(), rtol=1e-12)
    np.testing.assert_allclose(terms["content"].item(), np.mean((layers[0][-1].numpy() - target.numpy()) ** 2), rtol=1e-12)
    np.testing.assert_allclose(total.item(), terms["content"].item() + 10.0 * terms["style"].item(), rtol=1e-12)


def test_derivatives_with_a_brightness_to_order_2():
    model = small(brightness=BRIGHTNESS)
    gradcheck_module(model.decoder, lambda contents, styles: model.loss(contents, styles)[0], CONTENTS[:2], STYLES[:2])


def test_colors_that_do_not_match_are_refused():
    with pytest.raises(ShapeError, match="a brightness of 2 channels, expected a style for each content, and as many channels"):
        small(brightness=(0.5, 0.5)).loss(CONTENTS, STYLES)
    with pytest.raises(ShapeError, match=r"styles \(2, 8, 8, 3\) .* expected a style for each content"):
        small(brightness=BRIGHTNESS).blend(CONTENTS, STYLES[:2])


# -- training ------------------------------------------------------------------------------------------------------


def test_the_network_starts_as_the_autoencoder_with_a_frozen_encoder(backend):
    autoencoder = TextureAutoencoder(feature_maps=(2, 3))
    learned = autoencoder.state_dict()
    model = StyleTransfer(autoencoder)
    before = model.state_dict()
    assert before.keys() == learned.keys() and all((before[name] == learned[name]).all() for name in learned)
    pairs = CONTENTS.astype(np.float32), STYLES.astype(np.float32)
    training.fit(model, pairs, optimizer=optim.Adam(model.decoder.parameters(), lr=0.01), epochs=2, batch_size=2, progress=False)
    assert all(parameter.grad is None for parameter in model.encoder.parameters())
    moved = {name for name, value in model.state_dict().items() if (value != before[name]).any()}
    assert moved == {name for name in before if name.startswith("decoder")}
    assert all((value == learned[name]).all() for name, value in autoencoder.state_dict().items()), "the halves are copies"
    assert all(parameter.requires_grad for parameter in autoencoder.parameters()), "the autoencoder can still be trained"


def test_its_weights_are_pickled_once():
    """Not also those of the autoencoder that it was made of, which goes on learning by itself."""
    autoencoder = style_transfer.TextureAutoencoder(feature_maps=(16, 32))
    transfer = style_transfer.StyleTransfer(autoencoder)
    for copied in (transfer, copy.deepcopy(transfer)):
        assert len(pickle.dumps(copied)) < 1.2 * sum(array.nbytes for array in transfer.state_dict().values())
    autoencoder.decoder[1].bias.assign(mg.asarray(np.ones(3, np.float32)))
    assert not transfer.decoder[1].bias.numpy().any()


def test_training_lowers_the_loss():
    mg.seed(0)
    model = small(dtype="float32")
    pairs = CONTENTS.astype(np.float32), STYLES.astype(np.float32)
    history = training.fit(
        model, pairs, optimizer=optim.Adam(model.decoder.parameters(), lr=0.02), epochs=30, batch_size=3, progress=False
    )
    assert history["loss"][-1] < 0.3 * history["loss"][0]


def test_transfer_is_outside_any_graph_and_in_range(backend):
    images = small(dtype="float32").transfer(*device(CONTENTS.astype(np.float32), STYLES.astype(np.float32)))
    assert images.shape == (3, 8, 8, 3) and images.dtype == np.float32 and not images.requires_grad
    assert (0 < mg.to_numpy(images)).all() and (mg.to_numpy(images) < 1).all()


# -- networks and errors -------------------------------------------------------------------------------------------


def test_shapes_of_the_texture_autoencoder():
    model = TextureAutoencoder()
    assert [stage.shape for stage in model.encoder.activations(np.zeros((1, 32, 32, 3), np.float32))] == [
        (1, 16, 16, 32),
        (1, 8, 8, 64),
    ]
    assert model.output_shape((32, 32, 3)) == (32, 32, 3) and model.reconstruct(np.zeros((1, 8, 8, 3), np.float32)).shape == (
        1,
        8,
        8,
        3,
    )
    assert TextureAutoencoder(channels=1, feature_maps=(2, 3)).output_shape((12, 8, 1)) == (12, 8, 1)


def test_derivatives_of_the_autoencoders_objective_to_order_2():
    model = TextureAutoencoder(channels=1, feature_maps=(1, 2))
    gradcheck_module(model, lambda x: model.loss(x)[0], rng.random((2, 4, 4, 1)) * 0.8 + 0.1)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_alpha_outside_0_and_1_is_refused(alpha):
    with pytest.raises(ValueError, match=f"alpha is the strength of the style, from 0 to 1, got {alpha}"):
        small().blend(CONTENTS, STYLES, alpha)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_negative_and_infinite_style_weights_are_refused(weight):
    with pytest.raises(ValueError, match=f"style_weight must be at least 0 and finite, got {weight}"):
        small(style_weight=weight)


def test_wrong_images_are_refused():
    model = small()
    with pytest.raises(ShapeError, match="got 3 contents and 2 styles, expected a style for each content"):
        model.loss(CONTENTS, STYLES[:2])
    with pytest.raises(ShapeError, match=r"expects images \(n, height, width, 3\), got \(3, 8, 8, 1\)"):
        model.loss(CONTENTS[..., :1], STYLES)
    with pytest.raises(DtypeError, match="float"):
        model.loss((CONTENTS * 255).astype(np.uint8), STYLES)
    with pytest.raises(ShapeError, match=r"expected feature maps \(n, height, width, channels\), got shape \(3, 5\)"):
        statistics(mg.Tensor(np.zeros((3, 5))))
    with pytest.raises(ValueError, match="zip"):
        style_transfer.style_distance(model.encoder.activations(CONTENTS), model.encoder.activations(STYLES)[:1])
