"""One table of pairs of generator and discriminator with what each player minimizes. A network that is in no pair fails here."""

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import minigen as mg
from minigen import gradcheck_module, losses, nn, optim
from minigen.losses import (
    R1,
    AdversarialLoss,
    Drift,
    GradientPenalty,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Penalty,
    Wasserstein,
)
from minigen.models import gans
from minigen.models.gans import conditional, dcgan, gan, points, progan, stylegan, wgan
from minigen.models.gans.growing import Growing
from minigen.training import Adversarial
from minigen.training.gans.remedies import FeatureMatching, LabelSmoothing, Remedy
from tests.checks import to_order_2


@dataclass(frozen=True)
class Pair:
    """How to make two networks, at a size that suits a check, and the game they play with n examples of each kind; `labels`: of
    these, if they are conditional."""

    generator: Callable[[], nn.Module]
    discriminator: Callable[[], nn.Module]
    n: int = 2
    loss: AdversarialLoss = NonSaturating()
    penalties: tuple[Penalty, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    labels: tuple[int, ...] = ()

    def game(self) -> Adversarial:
        """The trainer, which knows both objectives. Nothing draws or moves: no dropout, power iterations, noise, mixing of
        styles."""
        players = self.generator(), self.discriminator()
        for layer in (layer for player in players for layer in player.modules()):
            layer.training = not isinstance(layer, (nn.Dropout, nn.SpectralNorm, nn.NoiseInjection, stylegan.Generator))
        optimizers = [optim.SGD(player.parameters(), lr=0.01) for player in players]
        return Adversarial(
            *players,
            generator_optimizer=optimizers[0],
            discriminator_optimizer=optimizers[1],
            loss=self.loss,
            penalties=self.penalties,
            remedies=self.remedies,
        )

    def inputs(self, game: Adversarial, dtype: str) -> tuple[tuple, tuple, list]:
        """Of both objectives, on the current backend: (latent vectors, labels), a batch of examples and labels, and mixes."""
        rng = np.random.default_rng(0)
        labels = tuple(mg.asarray(np.array(self.labels)) for _ in range(game.conditional))
        z = mg.asarray(rng.standard_normal((self.n, game.generator.latent_dim)).astype(dtype))
        with game.generator.eval_mode():
            shape = game.generator(z.astype("float32"), *labels).shape
        real = mg.asarray(rng.random(shape).astype(dtype))
        scores = self.n // max(getattr(layer, "m", 1) for layer in game.discriminator.modules())
        mixes = [mg.asarray(rng.random((scores, 1)).astype(dtype)) for penalty in self.penalties if penalty.draws]
        return (z, *labels), (real, *labels), mixes

    def objectives(self, dtype: str = "float32") -> tuple[Adversarial, Callable, Callable]:
        """The game, what its discriminator minimizes and what its generator minimizes, without chance."""
        game = self.game()
        inputs, real, mixes = self.inputs(game, dtype)
        fake = (mg.asarray(np.random.default_rng(1).random(real[0].shape).astype(dtype)), *real[1:])
        for player in (game.generator, game.discriminator):
            player.astype(dtype)
        return (game, lambda: game.discriminator_loss(real, fake, *mixes)[0], lambda: game.generator_loss(*inputs)[0])


def tiny(**options) -> Callable[[], dcgan.TinyDiscriminator]:
    """The deep convolutional discriminator with few feature maps."""
    return lambda: dcgan.TinyDiscriminator(feature_maps=(2, 3), **options)


def tiny_generator(**options) -> Callable[[], dcgan.TinyGenerator]:
    """The deep convolutional generator with few feature maps."""
    return lambda: dcgan.TinyGenerator(**{"latent_dim": 3, "feature_maps": (3, 2), **options})


def point_generator(latent_dim: int = 2) -> points.Generator:
    """The generator of points with few units."""
    return points.Generator(latent_dim, hidden=5)


def point_discriminator(**options) -> Callable[[], points.Discriminator]:
    """The discriminator of points with few units."""
    return lambda: points.Discriminator(hidden=5, **options)


def growing(make: Callable, alpha: float = 0.3, **options) -> Callable[[], nn.Module]:
    """A network for 8 x 8 pixels, with few feature maps, that is halfway there: all of its layers are in use."""

    def player() -> nn.Module:
        network = make(resolution=8, feature_maps=(3, 2), **options)
        network.grow_to(8, alpha)
        return network

    return player


STYLED = {"latent_dim": 3, "style_dim": 4, "mapping_layers": 1}

# Networks of ten thousands of units come near a kink somewhere: along the directions of this seed a step this small passes none.
STEP, SEED = 1e-7, 2

PAIRS: dict[str, Pair] = {
    "gan": Pair(gan.Generator, gan.Discriminator),
    "gan, minimax": Pair(gan.Generator, lambda: gan.Discriminator(dropout=0.3), 3, Minimax(), (R1(),), (LabelSmoothing(0.9),)),
    "gan, another shape": Pair(lambda: gan.Generator(3, (5, 3, 2)), lambda: gan.Discriminator((5, 3, 2), pack=2), 2),
    "gan, spectral norm": Pair(gan.Generator, lambda: nn.spectral_norm(gan.Discriminator(pack=2)), 4, Hinge()),
    "dcgan": Pair(dcgan.Generator, dcgan.Discriminator, 1),
    "dcgan, tiny": Pair(tiny_generator(), tiny(), 1),
    "dcgan, tiny, another shape": Pair(
        tiny_generator(shape=(17, 9, 3)), tiny(shape=(17, 9, 3), batch_norm=False), 1, NonSaturating(), (R1(),)
    ),
    "dcgan, tiny, rules broken": Pair(
        tiny_generator(batch_norm=False, transposed=False, hidden=4, activation="elu"),
        tiny(batch_norm=False, strided=False, hidden=4, activation="elu"),
        1,
        LeastSquares(),
    ),
    "dcgan, tiny, critic": Pair(
        tiny_generator(activation="selu"),
        tiny(batch_norm=False, activation="tanh"),
        1,
        Wasserstein(),
        (GradientPenalty(), Drift()),
    ),
    "dcgan, tiny, feature matching": Pair(
        tiny_generator(), tiny(batch_norm=False), 2, NonSaturating(), (R1(),), (FeatureMatching(),)
    ),
    "wgan": Pair(
        lambda: wgan.Generator(3, width=1), lambda: wgan.Critic(width=1), 1, Wasserstein(), (GradientPenalty(), Drift())
    ),
    "wgan, another shape": Pair(
        lambda: wgan.Generator(3, (17, 9, 3), width=1),
        lambda: wgan.Critic((17, 9, 3), width=1),
        1,
        Wasserstein(),
        (GradientPenalty(),),
    ),
    "points": Pair(point_generator, point_discriminator(), 4, Wasserstein(), (GradientPenalty(0.1),)),
    "points, packed": Pair(point_generator, point_discriminator(pack=2), 4, NonSaturating(), (GradientPenalty(), R1())),
    "points, minibatch discrimination": Pair(
        point_generator, point_discriminator(minibatch="discrimination"), 3, NonSaturating(), (R1(),)
    ),
    "points, minibatch stddev": Pair(
        point_generator, point_discriminator(minibatch="stddev"), 4, LeastSquares(), (GradientPenalty(),)
    ),
    "points, spectral norm": Pair(point_generator, lambda: nn.spectral_norm(point_discriminator()()), 3, Hinge(), (R1(),)),
    "progan": Pair(
        growing(progan.Generator, latent_dim=3),
        growing(progan.Discriminator, group_size=2),
        2,
        Wasserstein(),
        (GradientPenalty(), Drift()),
    ),
    "progan, R1": Pair(
        growing(progan.Generator, latent_dim=3), growing(progan.Discriminator, group_size=2), 2, NonSaturating(), (R1(),)
    ),
    "progan, 4x4": Pair(
        lambda: progan.Generator(4, 3, (2,), 1), lambda: progan.Discriminator(4, (2,), 1, 2), 2, NonSaturating(), (R1(),)
    ),
    "stylegan": Pair(
        growing(stylegan.Generator, **STYLED), growing(stylegan.Discriminator, group_size=2), 2, NonSaturating(), (R1(),)
    ),
    "stylegan, without styles": Pair(
        growing(stylegan.Generator, **STYLED, styles=False, constant=False, noise=False),
        growing(stylegan.Discriminator, group_size=2),
        2,
        Wasserstein(),
        (GradientPenalty(),),
    ),
    "stylegan, dense input": Pair(
        growing(stylegan.Generator, latent_dim=3, style_dim=3, mapping_layers=0, constant=False, mixing=0.0),
        growing(stylegan.Discriminator, group_size=2),
        2,
    ),
    "conditional, points": Pair(
        lambda: conditional.Generator(point_generator(2 + 3), classes=3),
        lambda: conditional.Discriminator(points.Discriminator(hidden=5, features=2 + 3), classes=3),
        4,
        NonSaturating(),
        (GradientPenalty(), R1()),
        labels=(2, 0, 1, 2),
    ),
    "conditional, points, feature matching": Pair(
        lambda: conditional.Generator(point_generator(2 + 2), classes=2),
        lambda: conditional.Discriminator(points.Discriminator(hidden=5, features=2 + 2), classes=2),
        3,
        NonSaturating(),
        (R1(),),
        (FeatureMatching(),),
        labels=(1, 0, 1),
    ),
    "conditional, dcgan, tiny": Pair(
        lambda: conditional.Generator(tiny_generator(latent_dim=2 + 2)(), classes=2),
        lambda: conditional.Discriminator(tiny(shape=(28, 28, 1 + 2), batch_norm=False)(), classes=2),
        2,
        NonSaturating(),
        (R1(),),
        labels=(1, 0),
    ),
    "conditional, dcgan, tiny, another shape": Pair(
        lambda: conditional.Generator(tiny_generator(latent_dim=2 + 2, shape=(17, 9, 3))(), classes=2),
        lambda: conditional.Discriminator(tiny(shape=(17, 9, 3 + 2), batch_norm=False)(), classes=2),
        2,
        labels=(1, 0),
    ),
}
EVERY = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
NETWORKS = {
    f"{name}: {player}": getattr(pair, player) for name, pair in PAIRS.items() for player in ("generator", "discriminator")
}
GENERATORS = {name: pair.generator for name, pair in PAIRS.items() if not pair.labels}


def test_the_table_names_every_public_network():
    """All players that the files of models.gans define."""
    files = [getattr(gans, name) for name in gans.__all__ if inspect.ismodule(getattr(gans, name))]
    players = (gans.Generator, gans.Discriminator, conditional.Discriminator, Growing)
    public = {
        value
        for file in files
        for value in vars(file).values()
        if inspect.isclass(value) and value.__module__ == file.__name__ and issubclass(value, players)
    }
    assert {type(make()) for make in NETWORKS.values()} == public


def test_every_loss_and_every_penalty_is_in_a_pair():
    public = {value for value in vars(losses).values() if inspect.isclass(value)}
    players = {type(pair.loss) for pair in PAIRS.values()} | {
        type(penalty) for pair in PAIRS.values() for penalty in pair.penalties
    }
    assert players == {value for value in public if issubclass(value, (AdversarialLoss, Penalty))} - {
        AdversarialLoss,
        Penalty,
        losses.WeightClipping,
    }  # which is not a term of an objective


# -- what holds for each -------------------------------------------------------------------------------------------


@EVERY
def test_derivatives_of_the_discriminators_objective_to_order_2(pair):
    game, discriminator_loss, _ = pair.objectives("float64")
    gradcheck_module(game.discriminator, discriminator_loss, eps=STEP, seed=SEED)


@EVERY
def test_derivatives_of_the_generators_objective_to_order_2(pair):
    game, discriminator_loss, generator_loss = pair.objectives("float64")
    discriminator_loss()  # feature matching asks for the last real batch
    gradcheck_module(game.generator, generator_loss, eps=STEP, seed=SEED)


@EVERY
def test_derivatives_of_the_examples_by_the_latent_vectors_to_order_2(pair):
    game = pair.game()
    (z, *labels), *_ = pair.inputs(game, "float64")
    game.generator.astype("float64")
    mg.gradcheck(lambda z: game.generator(z, *labels), z, eps=STEP, seed=SEED)


@EVERY
def test_a_device_computes_the_same_to_order_2(pair, device):
    """Both losses, their gradients, and how these change along a direction: what is checked above holds on the device too.

    Some are sums that cancel to nothing: what is left of these is the rounding of their terms, which are as large as the others.
    """
    results = []
    for name in (device, "numpy"):
        mg.use(name)
        mg.seed(0)
        game, *objectives = pair.objectives("float64")
        results.append(
            [
                x
                for player, objective in zip((game.discriminator, game.generator), objectives)
                for x in to_order_2(player, objective)
            ]
        )
    largest = max(float(np.abs(x).max(initial=0.0)) for x in results[1])
    for there, on_numpy in zip(*results):
        np.testing.assert_allclose(there, on_numpy, rtol=1e-7, atol=1e-9 + 1e-15 * largest)


@EVERY
def test_both_objectives_compute_in_float32(pair, backend):
    game, *objectives = pair.objectives("float32")
    for player, objective in zip((game.discriminator, game.generator), objectives):
        loss = objective()
        loss.backward()
        assert loss.shape == () and loss.dtype == np.float32
        assert all(p.grad.dtype == np.float32 for p in player.parameters())


@EVERY
def test_shapes_and_dtypes(pair, backend):
    """One score for each example, or pack of examples; features are what a remedy may compare."""
    game = pair.game()
    inputs, real, mixes = pair.inputs(game, "float32")
    examples = game.generator(*inputs)
    scores = game.discriminator(examples, *inputs[1:])
    assert examples.shape == real[0].shape and examples.dtype == scores.dtype == np.float32
    packs = max(getattr(layer, "m", 1) for layer in game.discriminator.modules())
    assert scores.shape == (pair.n // packs, 1)
    features = game.discriminator.features(examples, *inputs[1:])
    assert features.ndim == 2 and len(features) == len(scores)


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_a_state_dict_carries_a_network_over(make):
    first, second = make(), make()
    assert first.fingerprint() != second.fingerprint()
    second.load_state_dict(first.state_dict())
    assert first.fingerprint() == second.fingerprint()
    wrong = first.state_dict()
    wrong.pop(next(iter(wrong)))
    with pytest.raises(mg.errors.StateError, match="missing"):
        second.load_state_dict(wrong)


@EVERY
def test_copies_compute_the_same_and_share_nothing(pair):
    game = pair.game()
    inputs, real, _ = pair.inputs(game, "float32")
    for player, arrays in ((game.generator.eval(), inputs), (game.discriminator.eval(), real)):
        twin = copy.deepcopy(player)
        expected = player(*arrays).numpy()
        np.testing.assert_array_equal(twin(*arrays).numpy(), expected)
        for p in twin.parameters():
            p.assign(p.data + 1.0)
        np.testing.assert_array_equal(player(*arrays).numpy(), expected)


# -- samples ---------------------------------------------------------------------------------------------------------


def draw(generator: nn.Module, n: int) -> np.ndarray:
    """Samples, with labels if it is conditional."""
    labels = [np.arange(n) % generator.classes] if generator.classes else []
    return generator.sample(n, *labels)


@EVERY
def test_samples_are_float32_on_the_host_with_pixels_from_0_to_1(pair, backend):
    generator = pair.generator()
    for p in generator.parameters():
        p.assign(3.0 * p.data)  # so that images have blacks and whites
    samples = draw(generator, 5)
    assert type(samples) is np.ndarray and samples.dtype == np.float32 and len(samples) == 5
    if generator.pixel_range is not None:
        assert samples.shape[1:3] in ((4, 4), (8, 8), (28, 28), (5, 3), (17, 9)) and samples.shape[3] in (1, 2, 3)
        assert samples.min() >= 0.0 and samples.max() <= 1.0


@EVERY
def test_the_same_seed_gives_the_same_samples_on_every_backend(pair, device):
    samples = []
    for name in (device, "numpy"):
        mg.use(name)
        mg.seed(3)
        samples.append(draw(pair.generator(), 4))
    np.testing.assert_allclose(*samples, rtol=1e-4, atol=1e-5)


@EVERY
def test_sampling_leaves_the_generator_and_the_noise_as_they_were(pair, backend):
    """Only latent vectors are drawn; statistics, modes and gradients stay, and no graph is made."""
    generator = pair.generator()
    next(generator.children())[1].eval()  # a mixture of modes, as a frozen layer has
    before, modes = generator.fingerprint(), [layer.training for layer in generator.modules()]
    state = mg.backend.random.state_dict()
    draw(generator, 3)
    after = mg.backend.random.state_dict()
    assert {name for name in state if state[name] != after[name]} == {"latent"}
    assert generator.fingerprint() == before and [layer.training for layer in generator.modules()] == modes


@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
def test_samples_are_the_networks_outputs_in_evaluation_mode(make):
    generator = make()
    generator(generator.latent(8))  # moves the running statistics of a BatchNorm
    mg.seed(5)
    z = generator.latent(3)
    assert z.shape == (3, generator.latent_dim) and z.dtype == np.float32
    mg.seed(5)
    expected = generator.to_pixels(generator.eval()(z).numpy())
    np.testing.assert_array_equal(generator.train().sample(3), expected)
    np.testing.assert_array_equal(generator.draw(z), expected)
