"""Networks that grow: the paper's sizes, fading without a jump, the fast form beside the plain one, and what does not fit."""

import copy
import re

import numpy as np
import pytest

import minigen as mg
from minigen import gradcheck_module, nn, optim
from minigen.backend import asarray, to_numpy
from minigen.errors import ShapeError, StateError
from minigen.models.gans import growing, progan, stylegan
from minigen.nn import init
from tests.models.papers.plain import plain, weight

rng = np.random.default_rng(13)
MAPS = (4, 3, 2)
STYLED = {"latent_dim": 3, "style_dim": 4, "mapping_layers": 2}

NETWORKS = {
    "progan.Generator": lambda: progan.Generator(16, 3, MAPS),
    "progan.Discriminator": lambda: progan.Discriminator(16, MAPS, group_size=2),
    "stylegan.Generator": lambda: stylegan.Generator(16, feature_maps=MAPS, **STYLED),
    "stylegan.Generator, plain": lambda: stylegan.Generator(
        16, feature_maps=MAPS, **STYLED, styles=False, constant=False, noise=False
    ),
    "stylegan.Discriminator": lambda: stylegan.Discriminator(16, MAPS, group_size=2),
}
GENERATORS = {name: make for name, make in NETWORKS.items() if ".Generator" in name}
DISCRIMINATORS = {name: make for name, make in NETWORKS.items() if ".Discriminator" in name}
EVERY = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
EVERY_GENERATOR = pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
EVERY_DISCRIMINATOR = pytest.mark.parametrize("make", DISCRIMINATORS.values(), ids=DISCRIMINATORS)
STAGES = [(4, 1.0), (8, 0.375), (8, 1.0), (16, 0.0), (16, 0.625)]  # resolution, alpha: of few binary digits, without rounding
AT = pytest.mark.parametrize(("resolution", "alpha"), STAGES)


def made(make, resolution=16, alpha=1.0):
    """The network in float64 and in evaluation mode, no parameter where it starts, at this stage."""
    network, numbers = make().astype("float64").eval(), np.random.default_rng(1)
    for parameter in network.parameters():
        parameter.assign(parameter.data + asarray(0.5 * numbers.standard_normal(parameter.shape)))
    network.grow_to(resolution, alpha)
    return network


def an_input(network, n=2):
    """Latent vectors, or images of the present resolution."""
    if isinstance(network, growing.GrowingGenerator):
        return asarray(rng.standard_normal((n, network.latent_dim)))
    return asarray(rng.standard_normal((n, network.resolution, network.resolution, 3)))


def doubled(images):
    """Each pixel four times, on the host."""
    return to_numpy(images).repeat(2, axis=1).repeat(2, axis=2)


def halved(images):
    """Means of 2 x 2, on the host, by loops."""
    n, height, width, channels = images.shape
    y = np.zeros((n, height // 2, width // 2, channels))
    for r, s in np.ndindex(y.shape[1:3]):
        y[:, r, s] = sum(images[:, 2 * r + i, 2 * s + j] for i in (0, 1) for j in (0, 1)) / 4
    return y


def numbers(y):
    """A Tensor's values on the host."""
    return to_numpy(y.data)


# -- the paper's networks ------------------------------------------------------------------------------------------


@pytest.fixture
def lazy(monkeypatch):
    """Weights of zeros, which cost nothing: for networks that are only counted."""
    monkeypatch.setattr(init, "normal", lambda shape, std: asarray(np.zeros(shape, np.float32)))


@pytest.mark.parametrize(
    ("make", "used", "held"),
    [
        (lambda: progan.Generator(), 23_071_507, 23_079_115),
        (lambda: progan.Discriminator(), 23_077_137, 23_087_249),
        (lambda: progan.Generator(32, channels=1), 20_713_985, 20_715_524),
        (lambda: progan.Discriminator(32, channels=1), 20_719_617, 20_722_689),
        (lambda: stylegan.Discriminator(), 23_077_137, 23_087_249),
    ],
)
def test_parameter_counts_are_the_published_ones(make, used, held, lazy):
    """With the colors of the last stage only, and with those of all."""
    network = make()
    assert (network.parameter_count(), sum(p.size for p in network.parameters())) == (used, held)


@pytest.mark.parametrize(
    ("make", "shape", "total"),
    [
        (progan.Generator, (512,), "23,071,507"),
        (progan.Discriminator, (1024, 1024, 3), "23,077,137"),
        (stylegan.Generator, (512,), "26,212,019"),
        (stylegan.Discriminator, (1024, 1024, 3), "23,077,137"),
    ],
)
def test_a_summary_at_1024_computes_nothing(make, shape, total, lazy, monkeypatch, capsys):
    network = make()

    def refuse(*inputs, **options):
        raise AssertionError("a forward pass")

    monkeypatch.setattr(nn.Module, "__call__", refuse)
    network.summary(shape)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].split() == ["total", total]
    assert "(1024, 1024, 3)" in lines[-3 if isinstance(network, growing.GrowingGenerator) else 2]
    assert sum(int(line.split()[-1].replace(",", "")) for line in lines[3:-2]) == int(total.replace(",", ""))


@EVERY
@AT
def test_a_summary_counts_what_the_stage_uses(make, resolution, alpha, capsys):
    """In a fade the old colors too, which are outside the chain of layers."""
    network = made(make, resolution, alpha)
    network.summary((resolution, resolution, 3) if "Disc" in type(network).__name__ else (3,))
    out = capsys.readouterr().out
    assert out.split()[-1] == f"{network.parameter_count():,}"
    assert ("outside the layers" in out) == (alpha < 1.0)


@EVERY
@AT
def test_parameters_that_a_stage_counts_are_those_with_a_gradient(make, resolution, alpha):
    network = made(make, resolution, alpha)
    (network(an_input(network)) ** 2).sum().backward()
    assert network.parameter_count() == sum(p.size for p in network.parameters() if p.grad is not None)


def test_default_feature_maps_are_the_papers():
    assert growing.checked_maps(None, [4 << s for s in range(9)]) == (512, 512, 512, 512, 256, 128, 64, 32, 16)


# -- stages --------------------------------------------------------------------------------------------------------


@EVERY
def test_a_new_network_is_fully_grown(make):
    network = make()
    assert (network.stage, network.alpha, network.resolution) == (2, 1.0, 16) and network.resolutions == [4, 8, 16]


@EVERY_GENERATOR
@AT
def test_images_have_the_size_of_the_stage(make, resolution, alpha):
    network = make()
    network.grow_to(resolution, alpha)
    images = network(network.latent(2))
    assert images.shape == (2, resolution, resolution, 3) and images.dtype == np.float32
    assert network.sample(3).shape == (3, resolution, resolution, 3)


@EVERY_DISCRIMINATOR
@AT
def test_images_of_another_stage_are_refused(make, resolution, alpha):
    network = made(make, resolution, alpha)
    assert network(np.zeros((2, resolution, resolution, 3))).shape == (2, 1)
    with pytest.raises(ShapeError):
        network(np.zeros((2, 2 * resolution, 2 * resolution, 3)))


@pytest.mark.parametrize(
    ("stage", "alpha", "expected"),
    [
        (4, 1.0, [1, 0, 0]),
        (8, 0.0, [1, 0, 0]),
        (8, 0.25, [1, 0.25, 0]),
        (8, 1.0, [1, 1, 0]),
        (16, 0.75, [1, 1, 0.75]),
        (16, 1.0, [1, 1, 1]),
    ],
)
def test_weights_of_the_stages_in_the_plain_form(stage, alpha, expected):
    network = progan.Discriminator(16, MAPS)
    network.grow_to(stage, alpha)
    assert [weight(network, s) for s in range(3)] == expected


# -- fading --------------------------------------------------------------------------------------------------------


@EVERY_GENERATOR
@pytest.mark.parametrize("resolution", [8, 16])
def test_new_layers_of_a_generator_begin_as_the_old_image_enlarged_exactly(make, resolution, backend):
    network = made(make, resolution // 2)
    z = an_input(network)
    old = numbers(network(z))
    network.grow_to(resolution, 0.0)
    np.testing.assert_array_equal(numbers(network(z)), doubled(old))
    network.grow_to(resolution, 1.0)
    assert not np.array_equal(numbers(network(z)), doubled(old))


@EVERY_DISCRIMINATOR
@pytest.mark.parametrize("resolution", [8, 16])
def test_new_layers_of_a_discriminator_begin_with_the_old_score_of_the_image_halved(make, resolution, backend):
    network = made(make, resolution)
    x = an_input(network)
    settled = numbers(network(x))
    network.grow_to(resolution, 0.0)
    faded = numbers(network(x))
    network.grow_to(resolution // 2)
    old = numbers(network(asarray(halved(to_numpy(x)))))
    np.testing.assert_allclose(faded, old, rtol=1e-12)
    assert not np.allclose(settled, old)


@EVERY_GENERATOR
@pytest.mark.parametrize("resolution", [8, 16])
def test_an_image_is_affine_in_alpha_exactly(make, resolution, backend):
    network = made(make, resolution)
    z, images = an_input(network), {}
    for alpha in (0.0, 0.25, 0.625, 1.0):
        network.grow_to(resolution, alpha)
        images[alpha] = numbers(network(z))
    for alpha in (0.25, 0.625):
        np.testing.assert_array_equal(images[alpha], images[0.0] * (1.0 - alpha) + images[1.0] * alpha)


@EVERY_DISCRIMINATOR
@pytest.mark.parametrize("resolution", [8, 16])
def test_the_input_of_a_discriminators_older_layers_is_affine_in_alpha_exactly(make, resolution, backend):
    network, seen = made(make, resolution), {}
    older, x = network.blocks[network.stage - 1], an_input(network)
    forward = older.forward
    for alpha in (0.0, 0.25, 0.625, 1.0):
        network.grow_to(resolution, alpha)
        older.forward = lambda y: (seen.__setitem__(alpha, numbers(y)), forward(y))[1]  # noqa: B023
        network(x)
    for alpha in (0.25, 0.625):
        np.testing.assert_array_equal(seen[alpha], seen[0.0] * (1.0 - alpha) + seen[1.0] * alpha)
    assert not np.array_equal(seen[0.0], seen[1.0])


# -- the plain form ------------------------------------------------------------------------------------------------


def forms(network):
    """Both forms as functions of the same input, with outputs of the same size."""
    enlarge, steps = growing.double, 2 - network.stage

    def often(x):
        for _ in range(steps):
            x = enlarge(x)
        return x

    if isinstance(network, growing.GrowingGenerator):
        return lambda z: often(network(z)), lambda z: plain(network, z)
    return network, lambda x: plain(network, often(x))


@EVERY
@AT
def test_the_plain_form_computes_the_same(make, resolution, alpha):
    """The images halved again are those that were doubled, exactly: no rounding has an excuse."""
    network = made(make, resolution, alpha)
    x = an_input(network)
    fast, slow = (numbers(form(x)) for form in forms(network))
    np.testing.assert_array_equal(slow, fast)
    assert fast.std() > 0.0


@EVERY
@AT
def test_the_plain_form_has_the_same_gradient(make, resolution, alpha):
    """By the input and by all parameters; those that the stage does not use have none in one form, and zero in the other."""
    network = made(make, resolution, alpha)
    x, results = an_input(network), []
    for form in forms(network):
        variable = mg.Tensor(x, requires_grad=True)
        y = form(variable)
        cotangent = asarray(np.random.default_rng(3).standard_normal(y.shape))
        results.append(mg.grad((y * cotangent).sum(), [variable, *network.parameters()], allow_unused=True))
    for name, fast, slow in zip(["the input", *network.named_parameters()], *results):
        expected = np.zeros(slow.shape) if fast is None else numbers(fast)
        np.testing.assert_allclose(numbers(slow), expected, rtol=1e-9, atol=1e-10, err_msg=name)


def test_the_plain_form_of_a_discriminator_sees_any_large_image_by_its_means():
    """Not only images that were small before; here with roundings."""
    network = made(NETWORKS["progan.Discriminator"], 8, 0.3)
    x = rng.standard_normal((2, 16, 16, 3))
    np.testing.assert_allclose(plain(network, x).numpy(), network(halved(x)).numpy(), rtol=1e-12)


# -- grow_to -------------------------------------------------------------------------------------------------------


@EVERY
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3,), "a resolution is a whole number, a power of two from 4 to 1024, got 3"),
        ((2,), "a resolution is a whole number, a power of two from 4 to 1024, got 2"),
        ((0,), "a resolution is a whole number, a power of two from 4 to 1024, got 0"),
        ((-8,), "a resolution is a whole number, a power of two from 4 to 1024, got -8"),
        ((12,), "a resolution is a whole number, a power of two from 4 to 1024, got 12"),
        ((2048,), "a resolution is a whole number, a power of two from 4 to 1024, got 2048"),
        ((8.0,), "a resolution is a whole number, a power of two from 4 to 1024, got 8.0"),
        (("8",), "a resolution is a whole number, a power of two from 4 to 1024, got '8'"),
        ((32,), r"cannot grow to 32x32: (Generator|Discriminator) has layers up to 16x16; make it with resolution=32"),
        ((8, -0.1), "alpha is the weight of the new layers, 0 <= alpha <= 1, got -0.1"),
        ((8, 1.1), "alpha is the weight of the new layers, 0 <= alpha <= 1, got 1.1"),
        ((8, float("nan")), "alpha is the weight of the new layers, 0 <= alpha <= 1, got nan"),
        ((4, 0.5), "nothing precedes 4x4 to fade from, got alpha=0.5"),
    ],
)
def test_growing_to_a_resolution_without_layers_is_refused(make, arguments, message):
    network = make()
    network.grow_to(8, 0.25)
    with pytest.raises(ValueError, match=f"^{message}$"):
        network.grow_to(*arguments)
    assert (network.resolution, network.alpha) == (8, 0.25), "what was refused has changed the network"


@pytest.mark.parametrize("make", [progan.Generator, progan.Discriminator, stylegan.Generator, stylegan.Discriminator])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resolution": 6}, "a resolution is a whole number, a power of two from 4 to 1024, got 6"),
        ({"resolution": 2048}, "a resolution is a whole number, a power of two from 4 to 1024, got 2048"),
        ({"resolution": 8, "feature_maps": (4,)}, r"expected 2 positive whole numbers, one for each resolution 4, 8, got \(4,\)"),
        (
            {"resolution": 8, "feature_maps": (4, 3, 2)},
            r"expected 2 positive whole numbers, one for each resolution 4, 8, got \(4, 3, 2\)",
        ),
        ({"resolution": 8, "feature_maps": (4, 0)}, r"expected 2 positive whole numbers, .* got \(4, 0\)"),
    ],
)
def test_impossible_networks_are_refused(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


def test_numpy_scalars_are_accepted_as_settings():
    network = progan.Generator(np.int64(16), 3, MAPS)
    network.grow_to(np.int32(8), np.float32(0.5))
    assert network.resolution == 8 and type(network.alpha) is float and network.alpha == 0.5


def test_a_batch_that_does_not_divide_into_groups_says_which_would():
    with pytest.raises(ShapeError, match=r"groups of 4 need a batch size of 4, 8, 12 \.\.\., got 6: drop the rest"):
        progan.Discriminator(8, (2, 2))(np.zeros((6, 8, 8, 3), np.float32))


# -- state ---------------------------------------------------------------------------------------------------------


@EVERY
@pytest.mark.parametrize(("resolution", "alpha"), [(4, 1.0), (8, 0.25), (16, 0.7)])
def test_a_state_dict_knows_how_far_its_network_has_grown(make, resolution, alpha):
    first, second = make().eval(), make().eval()
    first.grow_to(resolution, alpha)
    second.load_state_dict(first.state_dict())
    assert (second.resolution, second.alpha) == (resolution, first.alpha) and second.alpha == pytest.approx(alpha, rel=1e-7)
    x = asarray(to_numpy(an_input(first)).astype(np.float32))
    np.testing.assert_array_equal(numbers(second(x)), numbers(first(x)))


@EVERY
def test_a_state_of_another_network_is_refused_by_name_and_changes_nothing(make):
    network, kind = make(), type(make())
    network.grow_to(8, 0.5)
    before = network.fingerprint()
    options = {} if issubclass(kind, progan.Discriminator) else {"latent_dim": 3}
    options |= {"style_dim": 4, "mapping_layers": 2} if kind is stylegan.Generator else {}
    smaller, narrower = kind(8, feature_maps=MAPS[:2], **options), kind(16, feature_maps=(4, 3, 3), **options)
    with pytest.raises(StateError, match=r"fit (Generator|Discriminator): .*missing blocks\.2\.\S+weight .*missing rgb\.2\.bias"):
        network.load_state_dict(smaller.state_dict())
    with pytest.raises(StateError, match=r"rgb\.2\.weight is float32\[1, 1, 3, 3\], expected float32\[1, 1, (2, 3|3, 2)\]"):
        network.load_state_dict(narrower.state_dict())
    with pytest.raises(StateError, match="missing growth"):
        network.load_state_dict({name: value for name, value in network.state_dict().items() if name != "growth"})
    assert network.fingerprint() == before and network.resolution == 8


@EVERY
def test_a_copy_follows_its_own_stage(make):
    network = make()
    network.grow_to(8, 0.5)
    twin = copy.deepcopy(network)
    assert (twin.resolution, twin.alpha) == (8, 0.5)
    network.grow_to(16)
    assert (twin.resolution, twin.alpha) == (8, 0.5)
    twin.grow_to(4)
    assert network.resolution == 16


@EVERY
def test_a_moving_average_follows_the_stage(make, backend):
    network = make()
    network.grow_to(4)
    average = optim.ExponentialMovingAverage(network, 0.9)
    assert average.average.resolution == 4
    network.grow_to(16, 0.25)
    average.update()
    assert (average.average.resolution, average.average.alpha) == (16, 0.25)


@EVERY
@AT
def test_an_optimizer_leaves_alone_what_the_stage_does_not_use(make, resolution, alpha):
    network = make()
    network.grow_to(resolution, alpha)
    chosen, before = optim.Adam(network.parameters(), lr=0.1, weight_decay=0.1), network.state_dict()
    x = asarray(to_numpy(an_input(network)).astype(np.float32))
    (network(x) ** 2).sum().backward()
    chosen.step()
    idle = {name for name, p in network.named_parameters().items() if p.grad is None}
    stage, faded = network.stage, alpha < 1.0
    expected = [part for part in range(3) if part > stage], [part for part in range(3) if part not in (stage, stage - faded)]
    assert idle == {
        name
        for name in network.named_parameters()
        if name.split(".")[0] in ("blocks", "rgb") and int(name.split(".")[1]) in expected[name.startswith("rgb")]
    }
    after = network.state_dict()
    assert all(np.array_equal(after[name], before[name]) for name in idle)


@EVERY
def test_growing_to_the_current_stage_changes_nothing(make):
    """The buffer is not written: a graph is not made stale."""
    network = make()
    network.grow_to(8, 0.5)
    version = network.growth.version
    network.grow_to(8, 0.5)
    assert network.growth.version == version


# -- what a network sees of real images ----------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", [16, 8, 4])
def test_real_images_become_means_of_blocks(resolution, backend):
    images = rng.standard_normal((2, 16, 16, 3))
    expected = images
    for _ in range({16: 0, 8: 1, 4: 2}[resolution]):
        expected = halved(expected)
    np.testing.assert_allclose(to_numpy(growing.at_stage(asarray(images), resolution)), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("resolution", [16, 8])
def test_real_images_are_faded_as_the_generators_are(resolution, alpha, backend):
    images = rng.standard_normal((2, 16, 16, 3))
    x = images if resolution == 16 else halved(images)
    expected = alpha * x + (1.0 - alpha) * halved(x).repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(to_numpy(growing.at_stage(asarray(images), resolution, alpha)), expected, rtol=1e-12, atol=1e-14)


def test_real_images_keep_their_dtype_and_at_full_size_are_unchanged():
    images = rng.standard_normal((2, 8, 8, 1)).astype(np.float32)
    assert growing.at_stage(images, 8) is images
    assert all(growing.at_stage(images, *stage).dtype == np.float32 for stage in [(4, 1.0), (8, 0.3)])


@pytest.mark.parametrize(
    ("shape", "resolution"), [((2, 12, 12, 1), 8), ((2, 16, 12, 1), 8), ((2, 12, 16, 1), 8), ((2, 4, 4, 1), 8)]
)
def test_real_images_that_do_not_divide_are_refused(shape, resolution):
    with pytest.raises(ShapeError, match=f"{re.escape(str(shape))} do not divide into {resolution}x{resolution} blocks"):
        growing.at_stage(np.zeros(shape), resolution)


def test_halving_undoes_doubling_exactly(backend):
    x = asarray(rng.standard_normal((2, 3, 5, 2)).astype(np.float32))
    np.testing.assert_array_equal(to_numpy(growing.halve(growing.double(x))), to_numpy(x))
    np.testing.assert_array_equal(to_numpy(growing.double(x)), doubled(x))


@pytest.mark.parametrize("size", [(17, 17), (18, 18), (8, 32), (8, 8)])
@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_a_discriminator_takes_images_of_its_stage_only(size, alpha):
    discriminator = progan.Discriminator(16, (3, 2, 2), group_size=2)
    discriminator.grow_to(16, alpha)
    with pytest.raises(ShapeError, match=r"currently takes images of 16x16 pixels, got \(2, \d+, \d+, 3\)"):
        discriminator(np.zeros((2, *size, 3), np.float32))


@pytest.mark.parametrize(
    ("growth", "message"),
    [
        ([2.0, 0.5], r"has grown to 16 x 16 pixels .*, Generator has layers up to 8 x 8: make it with resolution=16"),
        ([8.0, 1.0], r"has grown to 1024 x 1024 pixels .*: make it with resolution=1024"),
        ([9.0, 1.0], r"growth is \[stage, alpha\], a stage of Generator is a whole number from 0 to 1, got 9"),
        ([-1.0, 1.0], "a whole number from 0 to 1, got -1"),
        ([0.5, 1.0], "a whole number from 0 to 1, got 0.5"),
        ([np.nan, 1.0], "a whole number from 0 to 1, got nan"),
        ([1.0, 2.0], "alpha is the weight of the newest layers, from 0 to 1, got 2"),
        ([1.0, np.nan], "alpha is the weight of the newest layers, from 0 to 1, got nan"),
        ([0.0, 0.5], "at stage 0 alpha is 1, as nothing precedes 4 x 4 pixels, got 0.5"),
        ([0.0, 0.5, 1.0], r"growth is float32\[3\], expected float32\[2\]"),
        ("grown", "got 'grown'|expected an array|got text|of <U5"),
    ],
)
def test_a_state_of_a_missing_stage_is_refused(growth, message):
    generator = progan.Generator(8, 3, (3, 2))
    state = {**generator.state_dict(), "growth": growth if isinstance(growth, str) else np.array(growth, np.float32)}
    before = generator.fingerprint()
    with pytest.raises((StateError, TypeError), match=message):
        generator.load_state_dict(state)
    assert generator.fingerprint() == before


def test_growing_to_the_current_stage_changes_nothing_in_float32_either():
    generator = progan.Generator(8, 3, (3, 2))
    generator.grow_to(8, 0.1)
    version = generator.growth.version
    generator.grow_to(8, 0.1)
    assert generator.growth.version == version


def test_a_device_is_asked_for_the_stage_once(device):
    mg.use(device)
    generator = progan.Generator(8, 3, (3, 2))
    z = mg.Tensor(generator.latent(2))
    generator(z)
    if device == "strict":
        with mg.backend.strict.count() as counted:
            generator(z)
            generator.grow_to(8, 1.0)
        assert counted.downloads == 0


@pytest.mark.parametrize("maps", [8, [8.0, 8], ["8", 8], "88"])
def test_feature_maps_are_whole_numbers(maps):
    with pytest.raises(ValueError, match="feature_maps: expected 2 positive whole numbers"):
        progan.Generator(8, 3, maps)


@pytest.mark.parametrize("alpha", ["x", None, float("nan"), -0.1])
def test_alpha_is_a_number(alpha):
    with pytest.raises(ValueError, match="alpha is the weight of the new layers"):
        progan.Generator(8, 3, (3, 2)).grow_to(8, alpha)


def test_images_are_drawn_in_parts_that_fit_into_memory():
    for resolution, maps in ((4, 512), (32, 512), (1024, 16)):
        generator = progan.Generator(resolution, 3, [1] * (resolution.bit_length() - 3) + [maps])
        numbers = generator.at_a_time * resolution**2 * maps
        assert 1 <= generator.at_a_time <= 500 and numbers <= 2**25


# -- derivatives of what no objective takes --------------------------------------------------------------------------


@EVERY
def test_derivatives_of_the_plain_form_to_order_2(make):
    network = made(make, 8, 0.375)
    x = an_input(network) if isinstance(network, growing.GrowingGenerator) else rng.standard_normal((2, 16, 16, 3))
    gradcheck_module(network, lambda x: plain(network, x), x, allow_unused=True, eps=1e-7, seed=2)


@pytest.mark.parametrize(("resolution", "alpha"), [(8, 1.0), (8, 0.375), (4, 1.0)])
def test_derivatives_of_images_at_a_stage_to_order_2(resolution, alpha):
    generator, images = progan.Generator(8, 3, (3, 2)), rng.standard_normal((2, 8, 8, 2))
    generator.grow_to(resolution, alpha)
    np.testing.assert_array_equal(generator.at_stage(images), growing.at_stage(images, resolution, alpha))
    mg.gradcheck(lambda x: generator.at_stage(x * x), images)
