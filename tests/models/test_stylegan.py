"""StyleGAN's generator: its sizes, whose style each layer gets, truncation, noise, and what each ablation takes out."""

import numpy as np
import pytest

import minigen as mg
from minigen import gradcheck_module, losses, nn, ops, optim
from minigen.backend import asarray, random, to_numpy
from minigen.errors import ShapeError, StateError
from minigen.models.gans import stylegan
from minigen.nn import init
from minigen.training import Adversarial
from tests.checks import to_order_2

rng = np.random.default_rng(17)
LAYERS = 4  # of the generator of these tests, 8 x 8


def made(**options):
    """8 x 8 pixels of one color, float64, no parameter where it starts; in training mode."""
    chosen = {"latent_dim": 3, "style_dim": 4, "mapping_layers": 2, "feature_maps": (3, 2), "channels": 1, **options}
    generator, numbers = stylegan.Generator(8, **chosen).astype("float64"), np.random.default_rng(1)
    for parameter in generator.parameters():
        parameter.assign(parameter.data + asarray(0.5 * numbers.standard_normal(parameter.shape)))
    return generator


def latent(n=2, size=3):
    """Latent vectors in float64."""
    return asarray(rng.standard_normal((n, size)))


def numbers(y):
    """A Tensor's values on the host."""
    return to_numpy(y.data)


def activations(generator, call):
    """What each layer makes of it, coarse to fine, while something is called."""
    seen = []
    layers = [layer for block in generator.blocks for layer in block.layers]
    for layer in layers:

        def watched(*inputs, forward=layer.forward):
            seen.append(forward(*inputs))
            return seen[-1]

        layer.forward = watched
    try:
        call()
    finally:
        for layer in layers:
            del layer.forward
    return [numbers(y) for y in seen]


# -- sizes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resolution", "used", "held"), [(1024, 26_212_019, 26_219_627), (256, 26_078_915, None), (32, 22_836_739, None)]
)
def test_parameter_counts_are_the_published_ones(resolution, used, held, monkeypatch):
    """With the colors of the last stage only, and with those of all."""
    monkeypatch.setattr(init, "normal", lambda shape, std: asarray(np.zeros(shape, np.float32)))  # only counted
    generator = stylegan.Generator(resolution)
    assert generator.parameter_count() == used and generator.mapping.parameter_count() == 2_101_248
    if held:
        assert sum(p.size for p in generator.parameters()) == held


@pytest.mark.parametrize(("resolution", "layers"), [(4, 2), (8, 4)])
def test_two_layers_for_each_resolution(resolution, layers):
    generator = made()
    generator.grow_to(resolution)
    assert generator.layers == layers


# -- styles --------------------------------------------------------------------------------------------------------


def test_the_mapping_normalizes_z(backend):
    """The length of z does not matter, but for eps."""
    generator, z = made(), latent()
    np.testing.assert_allclose(numbers(generator.mapping(1000.0 * z)), numbers(generator.mapping(z)), rtol=1e-6)


def test_in_evaluation_an_image_is_that_of_its_style_in_all_layers(backend):
    generator, z = made().eval(), latent()
    w = generator.mapping(z)
    expected = numbers(generator(z))
    np.testing.assert_array_equal(numbers(generator.synthesize(w)), expected)
    np.testing.assert_array_equal(numbers(generator.synthesize([w] * LAYERS)), expected)
    styles = to_numpy(w.data)
    for each in (styles, np.repeat(styles[:, None], LAYERS, axis=1)):
        np.testing.assert_array_equal(generator.draw_styles(each), generator.to_pixels(expected))
        np.testing.assert_array_equal(
            generator.draw_styles(asarray(each)), generator.to_pixels(expected), err_msg="from the device"
        )
    np.testing.assert_array_equal(generator.map(z), styles)
    np.testing.assert_array_equal(generator.draw(z), generator.to_pixels(expected))


@pytest.mark.parametrize("crossover", range(LAYERS + 1))
def test_layers_before_the_crossover_compute_as_without_mixing(crossover, backend):
    """Exactly; from the crossover on they do not. With all layers before it nothing changes."""
    generator = made().eval()
    w, other = (generator.mapping(latent()) for _ in range(2))
    plain = activations(generator, lambda: generator.synthesize(w))
    mixed = activations(generator, lambda: generator.synthesize(generator.mixed(w, other, crossover)))
    assert len(plain) == len(mixed) == LAYERS
    for layer in range(LAYERS):
        assert np.array_equal(mixed[layer], plain[layer]) == (layer < crossover), f"layer {layer}"
    if crossover == 0:
        np.testing.assert_array_equal(mixed[-1], activations(generator, lambda: generator.synthesize(other))[-1])


@pytest.mark.parametrize("crossover", range(LAYERS + 1))
def test_styles_are_mixed_on_the_host_as_in_training(crossover):
    generator = made().eval()
    z, other = latent(), latent()
    expected = generator.synthesize(generator.mixed(generator.mapping(z), generator.mapping(other), crossover))
    styles = generator.mix(generator.map(z), generator.map(other), range(crossover, LAYERS))
    assert styles.shape == (2, LAYERS, 4)
    np.testing.assert_array_equal(generator.draw_styles(styles), generator.to_pixels(numbers(expected)))


@pytest.mark.parametrize("layers", [[], [0], [1, 3], range(4), (np.int64(2),)])
def test_mixing_replaces_the_named_layers_and_no_others(layers):
    generator, w, other = made(), rng.standard_normal((2, 4)), rng.standard_normal((2, 4))
    styles = generator.mix(w, other, layers)
    for layer in range(LAYERS):
        np.testing.assert_array_equal(styles[:, layer], other if layer in layers else w)
    np.testing.assert_array_equal(generator.mix(w, w, layers), np.repeat(w[:, None], LAYERS, axis=1))


@pytest.mark.parametrize("layers", [[4], [0, 7], [-1], [-5]])
def test_mixing_missing_layers_is_refused(layers):
    generator, w = made(), rng.standard_normal((2, 4))
    with pytest.raises(IndexError, match=f"layer {layers[-1]} is out of range: at 8x8 the layers are 0 to 3, coarse to fine"):
        generator.mix(w, w, layers)


def test_mixing_layers_of_a_later_stage_is_refused():
    generator, w = made(), rng.standard_normal((2, 4))
    generator.grow_to(4)
    assert generator.mix(w, w, [1]).shape == (2, 2, 4)
    with pytest.raises(IndexError, match="layer 2 is out of range: at 4x4 the layers are 0 to 1"):
        generator.mix(w, w, [2])


def test_in_a_fade_all_layers_have_a_style(backend):
    generator = made().eval()
    generator.grow_to(8, 0.5)
    w, other = (generator.mapping(latent()) for _ in range(2))
    images = [numbers(generator.synthesize(generator.mixed(w, other, c))) for c in range(LAYERS + 1)]
    assert all(not np.array_equal(*pair) for pair in zip(images, images[1:]))


# -- mixing in training --------------------------------------------------------------------------------------------


def crossovers(generator, steps):
    """Of so many forward passes, those that were mixed."""
    found, original = [], generator.mixed

    def mixed(w, other, crossover):
        assert not np.array_equal(numbers(w), numbers(other)), "mixed with itself"
        found.append(crossover)
        return original(w, other, crossover)

    generator.mixed = mixed
    for _ in range(steps):
        generator(latent(1))
    return found


@pytest.mark.parametrize(("resolution", "inside"), [(4, {1}), (8, {1, 2, 3})])
def test_with_mixing_1_each_batch_has_a_crossover_inside_the_network(resolution, inside):
    generator = made(mixing=1.0)
    generator.grow_to(resolution)
    found = crossovers(generator, 30)
    assert len(found) == 30 and set(found) == inside


def test_with_mixing_0_or_in_evaluation_there_is_none():
    assert crossovers(made(mixing=0.0), 30) == [] and crossovers(made(mixing=1.0).eval(), 30) == []


def test_the_share_of_batches_that_are_mixed_is_what_the_stream_says():
    """random() < mixing, decided for each batch; a new latent vector and a crossover are drawn only then."""
    generator = made(mixing=0.5)
    mg.seed(8)
    stream, expected = np.random.default_rng(), []
    stream.bit_generator.state = random.stream("latent").bit_generator.state
    for _ in range(40):
        if stream.random() < 0.5:
            stream.standard_normal((1, 3), dtype=np.float32)
            expected.append(int(stream.integers(1, LAYERS)))
    assert crossovers(generator, 40) == expected and 8 < len(expected) < 32


def test_without_mixing_a_forward_pass_in_training_is_the_synthesis_of_w():
    generator, z = made(mixing=0.0), latent()
    mg.seed(1)
    image = numbers(generator(z))
    mg.seed(1)
    np.testing.assert_array_equal(image, numbers(generator.synthesize(generator.mapping(z))))


def mixed_objective():
    """What a generator minimizes in a fade, as a function of two latent vectors and the maps of noise, and such arrays."""
    generator, discriminator = made(mapping_layers=1), stylegan.Discriminator(8, (3, 2), 1, group_size=2).astype("float64")
    for network in (generator, discriminator):
        network.grow_to(8, 0.375)

    def objective(z, other, *maps):
        styles = generator.mixed(generator.mapping(z), generator.mapping(other), crossover=2)
        return losses.NonSaturating().generator(discriminator(generator.synthesize(styles, maps)))[0]

    numbers = np.random.default_rng(5)
    shapes = (2, 3), (2, 3), (2, 4, 4, 1), (1, 4, 4, 1), (2, 8, 8, 1), (1, 8, 8, 1)
    return generator, objective, [numbers.standard_normal(shape) for shape in shapes]


def test_derivatives_of_the_objective_with_mixed_styles_and_given_noise_to_order_2():
    """By both latent vectors, every map of noise and every parameter."""
    generator, objective, arrays = mixed_objective()
    gradcheck_module(generator, objective, *arrays, eps=1e-7, seed=2)


def test_a_device_computes_the_objective_with_mixed_styles_to_order_2(device):
    results = []
    for name in (device, "numpy"):
        mg.use(name)
        mg.seed(0)
        generator, objective, arrays = mixed_objective()
        results.append(to_order_2(generator, lambda f=objective, arrays=arrays: f(*map(asarray, arrays))))
    for there, on_numpy in zip(*results):
        np.testing.assert_allclose(there, on_numpy, rtol=1e-7, atol=1e-9)


# -- truncation ----------------------------------------------------------------------------------------------------


def followed(**options):
    """A generator in evaluation mode whose average is known."""
    generator = made(**options).eval()
    generator.w_average.assign(asarray(np.array([0.5, -1.0, 2.0, 0.0])))
    generator.w_seen.assign(asarray(np.ones(1)))
    return generator


def test_psi_0_gives_the_same_image_for_all(backend):
    images = followed().draw(latent(4), psi=0.0)
    assert np.array_equal(images, np.broadcast_to(images[0], images.shape))


def test_psi_1_truncates_nothing_whether_or_not_an_average_is_known(backend):
    for generator in (followed(), made()):
        z = latent(4)
        np.testing.assert_array_equal(generator.draw(z, psi=1.0), generator.draw(z))
        np.testing.assert_array_equal(generator.draw(z), generator.to_pixels(numbers(generator.eval()(z))))


@pytest.mark.parametrize("psi", [-0.5, 0.0, 0.25, 0.7, 1.5])
def test_truncation_is_affine_in_w(psi):
    generator, w, other = followed(), rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
    average = np.array([0.5, -1.0, 2.0, 0.0])
    near = generator.truncate(w, psi)
    np.testing.assert_allclose(near - average, psi * (w - average), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(
        generator.truncate(0.25 * w + 0.75 * other, psi),
        0.25 * near + 0.75 * generator.truncate(other, psi),
        rtol=1e-13,
        atol=1e-15,
    )
    np.testing.assert_allclose(generator.truncate(average[None], psi), average[None], rtol=1e-15)


@pytest.mark.parametrize("layers", range(LAYERS + 1))
def test_truncation_of_the_first_layers_leaves_the_others(layers):
    generator, w = followed(), rng.standard_normal((3, 4))
    styles = generator.truncate(w, 0.5, layers)
    for layer in range(LAYERS):
        np.testing.assert_array_equal(styles[:, layer], generator.truncate(w, 0.5) if layer < layers else w)
    every, whole = generator.truncate(w, 0.5, LAYERS), generator.truncate(w, 0.5)
    np.testing.assert_array_equal(generator.draw_styles(every), generator.draw_styles(whole))


@pytest.mark.parametrize("layers", [-1, 5])
def test_truncation_of_missing_layers_is_refused(layers):
    with pytest.raises(IndexError, match=r"layer (-1|4) is out of range: at 8x8 the layers are 0 to 3"):
        followed().truncate(rng.standard_normal((3, 4)), 0.5, layers)


def test_truncation_keeps_float32():
    generator = stylegan.Generator(8, 3, 4, 1, (3, 2))
    generator(generator.latent(4))
    assert generator.truncate(generator.map(generator.latent(2)), 0.7).dtype == np.float32
    assert generator.sample(2, psi=0.7).dtype == np.float32


@pytest.mark.parametrize(
    "call",
    [
        lambda g: g.sample(2, psi=0.7),
        lambda g: g.draw(latent(), psi=0.7),
        lambda g: g.truncate(np.zeros((1, 4)), 0.7),
        lambda g: g.truncate(np.zeros((1, 4)), 0.7, 2),
    ],
)
def test_truncation_without_an_average_is_refused(call):
    with pytest.raises(StateError, match="psi=0.7 draws styles toward their average, but no average was recorded: .*take psi=1"):
        call(made())


def test_the_average_of_the_first_batches_in_closed_form(backend):
    """The first counts whole, the second 9 / 11, then 9 / 12: a <- s a + (1 - s) mean, s = (1 + t) / (10 + t)."""
    generator, means = made(mixing=0.0), []
    for _ in range(4):
        z = latent(5)
        means.append(numbers(generator.mapping(z)).mean(axis=0))
        generator(z)
    first, second, third, fourth = means
    expected = (((first * 2 + second * 9) / 11 * 3 + third * 9) / 12 * 4 + fourth * 9) / 13
    np.testing.assert_allclose(numbers(generator.w_average), expected, rtol=1e-12)
    assert numbers(generator.w_seen)[0] == 4.0


def test_after_many_batches_the_average_moves_by_a_two_hundredth(backend):
    generator = made()
    generator.w_average.assign(asarray(np.ones(4)))
    generator.w_seen.assign(asarray(np.array([1e5])))
    generator.follow(asarray(np.full((3, 4), 3.0)))
    np.testing.assert_allclose(numbers(generator.w_average), 0.995 + 0.005 * 3.0, rtol=1e-12)


def test_the_average_is_of_w_not_of_the_style_that_is_mixed_in():
    generator, z = made(mixing=1.0), latent(5)
    generator(z)
    np.testing.assert_allclose(numbers(generator.w_average), numbers(generator.mapping(z)).mean(axis=0), rtol=1e-14)


def test_nothing_but_training_moves_the_average(backend):
    generator = followed()
    before = generator.fingerprint()
    for call in (
        lambda: generator(latent()),
        lambda: generator.sample(2, psi=0.5),
        lambda: generator.train().draw(latent(), psi=0.5),
        lambda: generator.map(latent()),
        lambda: generator.synthesize(generator.mapping(latent())),
    ):
        call()
    assert generator.fingerprint() == before


def test_the_discriminators_steps_do_not_move_the_average_and_the_generators_do(backend):
    generator, discriminator = stylegan.Generator(8, 3, 4, 1, (3, 2), 1), stylegan.Discriminator(8, (3, 2), 1, 2)
    trainer = Adversarial(
        generator,
        discriminator,
        generator_optimizer=optim.Adam(generator.parameters()),
        discriminator_optimizer=optim.Adam(discriminator.parameters()),
        penalties=[losses.R1()],
    )
    before = generator.fingerprint()
    trainer.discriminator_step((asarray(rng.random((4, 8, 8, 1)).astype(np.float32)),))
    assert generator.fingerprint() == before
    z = generator.latent(4)
    with generator.eval_mode():
        mean = numbers(generator.mapping(z)).mean(axis=0)
    trainer.generator_step((z,))
    np.testing.assert_allclose(numbers(generator.w_average), mean, rtol=1e-5)
    assert numbers(generator.w_seen)[0] == 1.0


def test_a_state_dict_carries_the_average_over():
    generator, other = followed(), made()
    other.load_state_dict(generator.state_dict())
    w = rng.standard_normal((2, 4))
    np.testing.assert_array_equal(other.truncate(w, 0.3), generator.truncate(w, 0.3))


# -- noise ---------------------------------------------------------------------------------------------------------


def test_in_evaluation_an_image_depends_on_z_alone(backend):
    generator, z = made().eval(), latent()
    state = random.state_dict()
    np.testing.assert_array_equal(numbers(generator(z)), numbers(generator(z)))
    assert random.state_dict() == state
    np.testing.assert_allclose(numbers(generator(z))[:1], numbers(generator(z[:1])), rtol=1e-12)


def test_in_training_noise_differs_from_call_to_call():
    generator, z = made(mixing=0.0), latent()
    assert not np.array_equal(numbers(generator(z)), numbers(generator(z)))


@pytest.mark.parametrize(("resolution", "shapes"), [(4, [4, 4]), (8, [4, 4, 8, 8])])
def test_maps_of_noise_are_one_for_each_layer(resolution, shapes, backend):
    generator = made().eval()
    generator.grow_to(resolution)
    maps = generator.noise_maps(3, np.random.default_rng(0))
    assert [each.shape for each in maps] == [(3, r, r, 1) for r in shapes] and all(each.dtype == np.float64 for each in maps)
    w = generator.map(latent(3))
    first = generator.draw_styles(w, maps)
    np.testing.assert_array_equal(generator.draw_styles(w, maps), first)
    assert not np.array_equal(generator.draw_styles(w), first)


def test_given_noise_reaches_every_layer_in_order(backend):
    """Layer by layer: what comes before the layer whose noise is another stays the same."""
    generator, w = made().eval(), latent(2, 4)
    maps = generator.noise_maps(2, np.random.default_rng(0))
    plain = activations(generator, lambda: generator.synthesize(w, [asarray(each) for each in maps]))
    for changed in range(LAYERS):
        others = [asarray(-each if i == changed else each) for i, each in enumerate(maps)]
        now = activations(generator, lambda others=others: generator.synthesize(w, others))
        assert [np.array_equal(*pair) for pair in zip(now, plain)] == [layer < changed for layer in range(LAYERS)]


def test_maps_times_0_are_no_noise(backend):
    generator, w = made().eval(), rng.standard_normal((2, 4))
    silent = generator.draw_styles(w, [0.0 * each for each in generator.noise_maps(2, np.random.default_rng(0))])
    for block in generator.blocks:
        for layer in block.layers:
            layer.noise.scale.assign(layer.noise.scale.data * 0.0)
    np.testing.assert_array_equal(generator.draw_styles(w), silent)


def test_drawing_in_parts_changes_nothing(monkeypatch):
    """Maps of noise for each image are cut with the images; one map for all is not."""
    generator, w = made().eval(), rng.standard_normal((7, 4))
    maps = generator.noise_maps(7, np.random.default_rng(0))
    maps[1] = maps[1][:1]
    for styles in (w, rng.standard_normal((7, LAYERS, 4))):
        monkeypatch.setattr(type(generator), "at_a_time", 500)
        whole = generator.draw_styles(styles, maps)
        monkeypatch.setattr(type(generator), "at_a_time", 3)
        np.testing.assert_allclose(generator.draw_styles(styles, maps), whole, rtol=1e-12)


# -- ablations -----------------------------------------------------------------------------------------------------


def kinds(generator):
    """The classes of all modules."""
    return {type(module) for module in generator.modules()}


ABLATIONS = {
    "none": {},
    "no noise": {"noise": False},
    "no styles": {"styles": False, "constant": False},
    "no constant": {"constant": False},
    "no mapping": {"mapping_layers": 0, "latent_dim": 4},
    "no mixing": {"mixing": 0.0},
    "none of it": {"noise": False, "styles": False, "constant": False, "mapping_layers": 0, "latent_dim": 4, "mixing": 0.0},
}


@pytest.mark.parametrize("options", ABLATIONS.values(), ids=ABLATIONS)
def test_switched_off_parts_are_absent_and_the_others_present(options):
    generator = made(**options)
    assert (nn.NoiseInjection in kinds(generator)) == options.get("noise", True)
    assert (nn.AdaIN in kinds(generator)) == options.get("styles", True)
    assert (nn.LearnedConstant in kinds(generator)) == options.get("constant", True)
    dense = [module for module in generator.mapping.modules() if isinstance(module, nn.EqualizedDense)]
    assert len(dense) == options.get("mapping_layers", 2) and all(layer.lr_multiplier == 0.01 for layer in dense)
    for resolution, alpha in ((4, 1.0), (8, 0.5), (8, 1.0)):
        generator.grow_to(resolution, alpha)
        images = numbers(generator.train()(latent(3, generator.latent_dim)))
        assert images.shape == (3, resolution, resolution, 1) and (images[0] != images[1]).any()
        assert generator.sample(2).shape == (2, resolution, resolution, 1)


def test_without_noise_training_is_deterministic_and_no_noise_is_drawn():
    generator, z = made(noise=False, mixing=0.0), latent()
    state = random.state_dict()["noise"]
    np.testing.assert_array_equal(numbers(generator(z)), numbers(generator(z)))
    assert random.state_dict()["noise"] == state


def test_without_styles_w_enters_at_the_input_alone_and_pixels_are_normalized(backend):
    generator = made(styles=False, constant=False).eval()
    w, other = latent(2, 4), latent(2, 4)
    image = numbers(generator.synthesize(w))
    np.testing.assert_array_equal(numbers(generator.synthesize([w, other, other, other])), image)
    assert not np.array_equal(numbers(generator.synthesize([other, w, w, w])), image)
    for y in activations(generator, lambda: generator.synthesize(w)):
        np.testing.assert_allclose((y * y).mean(axis=-1), 1.0, atol=1e-3)  # eps is seen where all channels are near 0


def test_with_a_constant_input_w_does_not_enter_there(backend):
    generator = made()
    x = numbers(generator.input(latent(2, 4)))
    np.testing.assert_array_equal(x[0], x[1])
    assert not np.array_equal(*numbers(made(constant=False).input(latent(2, 4))))


def test_without_mapping_w_is_z_normalized(backend):
    generator, z = made(mapping_layers=0, latent_dim=4), latent(2, 4)
    np.testing.assert_array_equal(numbers(mg.Tensor(generator.mapping(z))), to_numpy(ops.pixel_norm(z)))
    assert not generator.mapping.parameters()


def test_after_the_style_each_channel_has_its_mean_and_deviation(backend):
    """In every layer of the network: yb, and |1 + ys|."""
    generator, w = made().eval(), latent(2, 4)
    made_of_it = activations(generator, lambda: generator.synthesize(w))
    for layer, y in zip((layer for block in generator.blocks for layer in block.layers), made_of_it):
        scale, shift = np.split(numbers(layer.style.affine(w)), 2, axis=1)
        np.testing.assert_allclose(y.mean(axis=(1, 2)), shift, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(y.std(axis=(1, 2)), abs(1.0 + scale), rtol=1e-4)


def test_the_discriminator_blurs_in_front_of_each_halving():
    modules = [type(module) for module in stylegan.Discriminator(16, (4, 3, 2)).modules()]
    assert modules.count(nn.Blur2d) == modules.count(nn.AvgPool2d) == 2


# -- misuse --------------------------------------------------------------------------------------------------------

IMAGES, W = np.zeros((2, 8, 8, 1)), np.zeros((2, 4))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: made(styles=False), ValueError, "a constant input without styles gives the same image for every z"),
        (
            lambda: made(mapping_layers=0),
            ValueError,
            "without mapping layers w is z: expected latent_dim = style_dim, got 3 and 4",
        ),
        (lambda: made(mixing=1.5), ValueError, "0 <= mixing <= 1, got 1.5"),
        (lambda: made(mixing=-0.1), ValueError, "0 <= mixing <= 1, got -0.1"),
        (lambda: made()(np.zeros((2, 5))), ShapeError, r"expects shape \(..., 3\), got \(2, 5\)"),
        (
            lambda: made().synthesize(np.zeros((2, 5))),
            ShapeError,
            r"AdaIN\(3, styles of 4\) expects shape \(..., 4\), got \(2, 5\)",
        ),
        (lambda: made().synthesize([W] * 3), ShapeError, "at 8x8 there are 4 layers, got 3 styles and 4 maps of noise"),
        (lambda: made().synthesize(W, [IMAGES] * 5), ShapeError, "at 8x8 there are 4 layers, got 4 styles and 5 maps of noise"),
        (
            lambda: made().synthesize(W, [IMAGES] * 4),
            ShapeError,
            r"expects noise of shape \(2 or 1, 4, 4, 1\), got \(2, 8, 8, 1\)",
        ),
        (lambda: made().draw_styles(np.zeros((2, 5))), ShapeError, r"expected styles \(n, 4\) or \(n, 4, 4\), got \(2, 5\)"),
        (
            lambda: made().draw_styles(np.zeros((2, 3, 4))),
            ShapeError,
            r"expected styles \(n, 4\) or \(n, 4, 4\), got \(2, 3, 4\)",
        ),
        (lambda: made().draw_styles(np.zeros(4)), ShapeError, r"expected styles \(n, 4\) or \(n, 4, 4\), got \(4,\)"),
        (lambda: made().draw_styles(W, [IMAGES]), ShapeError, "got 4 styles and 1 maps of noise"),
    ],
)
def test_wrong_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_noise_given_to_a_generator_without_noise_is_refused():
    generator = stylegan.Generator(8, 3, 4, 1, (3, 2), noise=False)
    w = generator.map(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="no layers of noise"):
        generator.draw_styles(w, generator.noise_maps(2, np.random.default_rng(0)))


def test_psi_of_1_needs_no_average():
    generator = stylegan.Generator(8, 3, 4, 1, (3, 2))
    w = generator.map(np.zeros((2, 3)))
    np.testing.assert_array_equal(generator.truncate(w, 1.0, layers=2), np.repeat(w[:, None], 4, axis=1))


@pytest.mark.parametrize("psi", [float("nan"), float("inf")])
def test_an_infinite_psi_is_refused(psi):
    with pytest.raises(ValueError, match="psi is a finite number"):
        stylegan.Generator(8, 3, 4, 1, (3, 2)).sample(2, psi=psi)


@pytest.mark.parametrize("shape", [(3, 4, 4), (3, 5), (0, 4), (4,)])
def test_mixed_styles_must_be_one_for_each_image(shape):
    generator = stylegan.Generator(8, 3, 4, 1, (3, 2))
    for call in (
        lambda w: generator.truncate(w, 1.0),
        lambda w: generator.truncate(w, 1.0, 2),
        lambda w: generator.mix(w, w, [0]),
    ):
        with pytest.raises(ShapeError, match=r"expected styles \(n, 4\), one for each image"):
            call(np.zeros(shape))
    with pytest.raises(ShapeError, match=r"pair by pair, got \(2, 4\) and \(3, 4\)"):
        generator.mix(np.zeros((2, 4)), np.zeros((3, 4)), [0])


def test_mixing_integer_styles_keeps_the_others_precision():
    generator = stylegan.Generator(8, 3, 4, 1, (3, 2))
    assert generator.mix(np.zeros((1, 4), int), np.full((1, 4), 0.5), [1])[0, 1, 0] == 0.5


@pytest.mark.parametrize("layers", [-1, 2.5, "2"])
def test_the_number_of_mapping_layers_is_a_whole_number(layers):
    with pytest.raises(ValueError, match="mapping_layers counts layers"):
        stylegan.Generator(8, 3, 3, layers, (3, 2))


def test_without_styles_nothing_is_mixed():
    assert stylegan.Generator(8, 3, 4, 1, (3, 2), styles=False, constant=False).mixing == 0.0


def test_learning_rate_multipliers_do_not_change_the_start():
    for options in ({"mapping_lr": 0.1}, {"noise_lr": 0.1}):
        mg.seed(0)
        first = stylegan.Generator(8, 3, 4, 1, (3, 2))
        mg.seed(0)
        second = stylegan.Generator(8, 3, 4, 1, (3, 2), **options)
        z = first.latent(2)
        np.testing.assert_allclose(first.draw(z), second.draw(z), atol=1e-4)
    assert {layer.noise.lr_multiplier for block in second.blocks for layer in block.layers} == {0.1}
