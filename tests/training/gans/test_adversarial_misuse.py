"""Players, examples and settings that do not fit, each refused before the first step; and values that stop being finite."""

import re
import signal
import warnings

import numpy as np
import pytest

import minigen as mg
from minigen import losses, nn, ops, optim
from minigen.errors import DataError, DtypeError, NonFiniteError, ShapeError
from minigen.models.gans import base, conditional, points
from minigen.training import Adversarial, Checkpoint, EarlyStopping, checkpoint
from minigen.training.gans.remedies import LabelSmoothing
from tests.training.gans.players import (
    QUIET,
    Each,
    NormedGenerator,
    PictureGenerator,
    cloud,
    conditioned,
    game,
    labels,
    normed_discriminator,
    picture_discriminator,
    pixels,
    small,
    weights,
)
from tests.training.networks import assert_same


def pictures(activation="tanh", **options):
    """A game of 2 x 2 images."""
    return game(lambda: (PictureGenerator(activation), picture_discriminator(**options)))


# -- players that do not fit each other --------------------------------------------------------------------------


def test_both_shapes_are_named():
    with pytest.raises(ShapeError) as caught:
        game((small()[0], points.Discriminator(hidden=4, layers=1, features=3)))
    assert str(caught.value) == (
        "the generator makes examples (n, 2), which the discriminator does not take: body.0: Dense(3 -> 4, relu) "
        "expects shape (..., 3), got (2, 2)"
    )


def test_gray_images_for_a_discriminator_of_colors_are_refused():
    net = base.Discriminator(nn.Sequential(nn.Conv2d(3, 2, 2), nn.Flatten()), 8)
    with pytest.raises(
        ShapeError, match=r"^the generator makes examples \(n, 2, 2, 1\), which the discriminator does not take: body.0"
    ):
        game((PictureGenerator(), net))


class Mean(nn.Module):
    """One score for the whole batch."""

    def __init__(self):
        self.head = nn.Dense(2, 1)

    def forward(self, x):
        return ops.mean(self.head(x), axis=0, keepdims=True)


@pytest.mark.parametrize("head, shape", [
    (nn.Dense(2, 2), "(2, 2)"), (nn.Sequential(nn.Dense(2, 1), nn.Reshape(())), "(2,)"), (Mean(), "(1, 1)"),
])  # fmt: skip
def test_a_discriminator_gives_one_score_per_example(head, shape):
    with pytest.raises(
        ShapeError,
        match=re.escape(
            f"a discriminator gives one score per example, or one for those it packs, (2, 1) for 2 examples, got {shape}"
        )
        + "$",
    ):
        game((small()[0], head))


def test_players_of_two_dtypes_are_refused():
    generator, discriminator = small()
    with pytest.raises(
        DtypeError, match=r"^the generator is float64, the discriminator float32: make them one with discriminator.astype"
    ):
        game((generator.astype("float64"), discriminator))


def test_a_class_in_place_of_a_penalty_or_a_remedy_is_refused():
    with pytest.raises(TypeError, match=r"^penalties: expected such as \[losses.R1\(\)\], got <class .*R1'>$"):
        game(penalties=losses.R1)
    with pytest.raises(
        TypeError, match=r"^remedies: expected such as \[remedies.LabelSmoothing\(\)\], got <class .*LabelSmoothing'>$"
    ):
        game(remedies=LabelSmoothing)


def test_a_generator_that_cannot_sample_is_refused():
    with pytest.raises(TypeError, match="^the generator must be a minigen.models.gans.Generator, got a Dense: write a subclass"):
        game((nn.Dense(2, 2), small()[1]))


@pytest.mark.parametrize("networks, classes", [
    (lambda: (conditioned()[0], small()[1]), "3, the discriminator None"),
    (lambda: (small()[0], conditioned()[1]), "None, the discriminator 3"),
    (lambda: (conditioned(3)[0], conditioned(4)[1]), "3, the discriminator 4"),
])  # fmt: skip
def test_labels_on_one_side_only_are_refused(networks, classes):
    with pytest.raises(
        ValueError, match=f"^the generator has classes {classes}: both networks are conditioned on labels, or neither$"
    ):
        game(networks)


@pytest.mark.parametrize("name", ["discriminator_steps", "generator_steps"])
@pytest.mark.parametrize("steps", [0, -1])
def test_a_player_that_never_moves(name, steps):
    with pytest.raises(ValueError, match=f"^{name} counts updates in a step, a whole number of at least 1, got {steps}$"):
        game(**{name: steps})


@pytest.mark.parametrize("case, name", [("swapped", "generator"), ("both", "generator"), ("another copy", "discriminator")])
def test_an_optimizer_of_other_parameters(case, name):
    (generator, discriminator), (_, copy) = small(), small()
    both = [*generator.parameters(), *discriminator.parameters()]
    mine, other = {
        "swapped": (discriminator.parameters(), generator.parameters()),
        "both": (both, discriminator.parameters()),
        "another copy": (generator.parameters(), copy.parameters()),
    }[case]
    optimizers = [optim.SGD(parameters, lr=0.1) for parameters in (mine, other)]
    with pytest.raises(
        ValueError, match=f"^the {name}'s optimizer must have parameters of the {name} and no others: make it from {name}"
    ):
        Adversarial(generator, discriminator, generator_optimizer=optimizers[0], discriminator_optimizer=optimizers[1])


def test_a_class_in_place_of_an_optimizer_is_refused():
    players = small()
    with pytest.raises(
        TypeError, match=r"^generator_optimizer: expected such as optim\.Adam\(generator\.parameters\(\)\), got <class"
    ):
        Adversarial(*players, generator_optimizer=optim.Adam, discriminator_optimizer=optim.Adam)


@pytest.mark.parametrize("penalty", [losses.GradientPenalty(), losses.R1()], ids=repr)
def test_batch_norm_beside_a_penalty_on_the_gradient_warns(penalty):
    with pytest.warns(UserWarning) as caught:
        game(lambda: (small()[0], normed_discriminator()), penalties=[penalty])
    assert str(caught[0].message) == (
        f"{penalty!r} is about the gradient of each example's own score, but body.1, a BatchNorm, makes a "
        "score depend on the whole batch: leave it out, or use LayerNorm"
    )


@pytest.mark.parametrize(
    "networks, penalty",
    [
        (lambda: (NormedGenerator(), small()[1]), losses.R1()),
        (lambda: (small()[0], normed_discriminator()), losses.Drift()),
        (lambda: (small()[0], base.Discriminator(nn.Sequential(nn.Dense(2, 4), nn.LayerNorm(4)), 4)), losses.GradientPenalty()),
    ],
    ids=["BatchNorm in the generator", "a penalty on the scores", "LayerNorm"],
)
def test_without_a_reason_there_is_no_warning(networks, penalty):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        game(networks, penalties=[penalty])


# -- examples that do not fit ------------------------------------------------------------------------------------


def spoiled(x, value):
    """x with one number replaced, in example 7."""
    x = x.copy()
    x[7].flat[0] = value
    return x


BAD = {
    "shape": (pictures, lambda: np.zeros((9, 3, 2, 1), np.float32), ShapeError,
              r"^the generator makes examples \(n, 2, 2, 1\), the real ones are \(9, 3, 2, 1\)$"),
    "flat": (pictures, lambda: np.zeros((9, 4), np.float32), ShapeError, r"\(n, 2, 2, 1\), the real ones are \(9, 4\)$"),
    "bytes as floats": (pictures, lambda: np.float32(255) * pixels(), DataError,
                        r"^images reach from 0\.\d+ to 25\d\.\d+, expected pixels in \[0, 1\] or \[-1, 1\]: bytes are divided by 255$"),
    "too dark": (pictures, lambda: spoiled(pixels(), -1.1), DataError, "^images reach from -1.1 to "),
    "signed, for a sigmoid": (lambda: pictures("sigmoid"), lambda: 2 * pixels() - 1, DataError,
                              r"this generator makes pixels in \[0.0, 1.0\]: \(images \+ 1\) / 2$"),
    "NaN": (pictures, lambda: spoiled(pixels(), np.nan), DataError, "1 of 22 contain NaN or infinity, the first at index 7"),
    "infinite points": (game, lambda: spoiled(cloud(), np.inf), DataError, "1 of 22 contain NaN or infinity, the first at index 7"),
    "float64": (game, lambda: cloud().astype(np.float64), DtypeError, "examples are float64, the model computes in float32"),
    "a list": (game, lambda: cloud().tolist(), TypeError, r"expected an array \(n, ...\), got list"),
    "none": (game, lambda: cloud(0), ShapeError, "n >= 1"),
    "labels missing": (lambda: game(conditioned), cloud, ValueError, r"^conditional networks take examples=\(images, labels\), a tuple$"),
    "labels not asked for": (game, lambda: (cloud(), labels()), ValueError,
                             "^these networks take no labels: pass the examples alone, or wrap them in models.gans.conditional$"),
    "label too large": (lambda: game(conditioned), lambda: (cloud(), labels(classes=4)), ValueError,
                        "^labels reach from 0 to 3, the networks know 0 to 2$"),
    "label below 0": (lambda: game(conditioned), lambda: (cloud(), labels() - 1), ValueError, "^labels reach from -1 to 1, the networks"),
    "fewer labels": (lambda: game(conditioned), lambda: (cloud(), labels(21)), ValueError, r"^labels: expected 22 integers, one for each example, got int64 of shape \(21,\)$"),
    "labels one-hot": (lambda: game(conditioned), lambda: (cloud(), np.eye(3, dtype=np.float32)[labels()]), ValueError,
                       r"^labels: expected 22 integers, one for each example, got float32 of shape \(22, 3\)$"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_examples_are_refused_and_nothing_has_changed(name):
    make, data, error, message = BAD[name]
    trainer = make()
    before = weights(trainer) | mg.backend.random.state_dict()
    with pytest.raises(error, match=message):
        trainer.fit(data(), steps=1, **QUIET)
    assert_same(weights(trainer) | mg.backend.random.state_dict(), before)
    assert trainer.batches is None and trainer.step == 0


@pytest.mark.parametrize(
    "activation, data, low, high",
    [("tanh", lambda: pixels(), -1, 1), ("tanh", lambda: 2 * pixels() - 1, -1, 1), ("sigmoid", lambda: pixels(), 0, 1)],
    ids=["[0, 1] for a tanh", "[-1, 1] for a tanh", "[0, 1] for a sigmoid"],
)
def test_pixels_are_brought_to_the_generators_range(activation, data, low, high):
    trainer = pictures(activation)
    given = data()
    before = given.copy()
    trainer.fit(given, steps=1, **QUIET)
    (kept,) = trainer.batches.at(slice(None))
    assert kept.dtype == np.float32
    np.testing.assert_allclose(kept, pixels() * (high - low) + low, atol=1e-6)
    np.testing.assert_array_equal(given, before, err_msg="the caller's array was changed")


def test_points_may_lie_anywhere():
    game().fit(np.float32(300) * cloud(), steps=1, **QUIET)


# -- settings of fit ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"steps": 0}, {"steps": -3}, {"steps": 2, "record_every": 0}, {"steps": 2.5}])
def test_steps_are_counted_from_one(options):
    with pytest.raises(
        ValueError, match=f"^steps and record_every count steps, whole numbers of at least 1, got {options['steps']} and "
    ):
        game().fit(cloud(), **options, **QUIET)


@pytest.mark.parametrize("batch_size, message", [(23, "expected at most 22"), (0, "expected at least 1")])
def test_a_batch_size_that_does_not_fit_is_refused(batch_size, message):
    with pytest.raises(ValueError, match=message):
        game().fit(cloud(), steps=1, **{**QUIET, "batch_size": batch_size})


@pytest.mark.parametrize("options, together, batch_size, right", [
    ({"pack": 2}, 2, 5, 4), ({"pack": 2}, 2, 1, 2), ({"pack": 3}, 3, 11, 9), ({"minibatch": "stddev"}, 4, 6, 4),
    ({"pack": 2, "minibatch": "stddev"}, 8, 12, 8), ({"pack": 2, "minibatch": "stddev"}, 8, 4, 8)])  # fmt: skip
@pytest.mark.parametrize("networks", [small, conditioned])
def test_a_batch_is_a_multiple_of_what_is_scored_together(networks, options, together, batch_size, right):
    trainer = game(lambda: networks(**options))
    data = (cloud(), labels()) if trainer.conditional else cloud()
    before = weights(trainer)
    message = (
        f"^the discriminator scores {together} examples together, which does not divide a batch of {batch_size}: take "
        f"batch_size={right}$"
    )
    with pytest.raises(ShapeError, match=message):
        trainer.fit(data, steps=1, **{**QUIET, "batch_size": batch_size})
    assert_same(weights(trainer), before)
    trainer.fit(data, steps=1, **{**QUIET, "batch_size": right})
    assert trainer.step == 1


def test_early_stopping_belongs_in_fit():
    trainer = game()
    with pytest.raises(TypeError, match="^EarlyStopping works in training.fit only, not in training.Adversarial$"):
        trainer.fit(cloud(), steps=1, callbacks=[EarlyStopping()], **QUIET)
    assert trainer.batches is None and trainer.callbacks == []


# -- values that stop being finite -------------------------------------------------------------------------------

explosive = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's own warnings of the overflow


def explodes_at(step, lr):
    """A learning rate of 0.01 up to `step` (counted from 1), and then a huge one."""
    return lambda done: lr if done + 1 >= step else 0.01


def exploding(step, lr, name, **options):
    """A game in which one player's update goes too far."""
    rates = {"generator": 0.01, "discriminator": 0.01, name: explodes_at(step, lr)}
    mg.seed(1)
    generator, discriminator = small()
    return Adversarial(
        generator,
        discriminator,
        generator_optimizer=optim.SGD(generator.parameters(), lr=rates["generator"]),
        discriminator_optimizer=optim.SGD(discriminator.parameters(), lr=rates["discriminator"]),
        **options,
    )


def assert_last_good(folder, step):
    """The checkpoint on disk is of that step, and finite."""
    arrays, header = checkpoint.load(folder / "checkpoint.npz")
    assert header["step"] == step and len(header["history"]) == step
    assert all(np.isfinite(value).all() for group in arrays.values() for value in group.values() if value.dtype.kind == "f")


@explosive
@pytest.mark.parametrize(
    "lr, name, message",
    [
        (
            1e25,
            "discriminator",
            r"^the generator's loss is nan at step 4: layer discriminator\.head: dense returned NaN or infinity; it computed it "
            "from finite inputs",
        ),
        (
            1e25,
            "generator",
            r"^the discriminator's loss is nan at step 5: layer generator\.net\.1: dense returned NaN or infinity; it computed it "
            "from finite inputs",
        ),
        (
            1e300,
            "discriminator",
            r"^parameter discriminator\.\S+ is not finite before step 4: the last update went too far; try a smaller",
        ),
        (
            1e300,
            "generator",
            r"^parameter generator\.\S+ is not finite before step 5: the last update went too far; try a smaller",
        ),
    ],
)
def test_an_update_that_goes_too_far(lr, name, message, tmp_path):
    """Networks, layer or parameter, and step are named; what is on the disk stays as it was."""
    trainer = exploding(4, lr, name)
    with pytest.raises(NonFiniteError) as caught:
        trainer.fit(cloud(), steps=9, record_every=1, callbacks=[Checkpoint(tmp_path)], **QUIET)
    assert re.search(message, str(caught.value)), str(caught.value)
    assert_last_good(tmp_path, 4 if "step 5: layer" in str(caught.value) else 3)


@explosive
def test_ctrl_c_does_not_save_what_is_not_finite(tmp_path):
    def ruin(run):
        if run.step == 4:
            run.generator.net[0].bias.assign(np.full(4, np.nan, np.float32))
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(NonFiniteError, match="parameter generator.net.0.bias is not finite before step 5"):
        game().fit(cloud(), steps=9, record_every=3, callbacks=[Each(ruin), Checkpoint(tmp_path)], **QUIET)
    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["step"] == 3


class Breaks(nn.Module):
    """The identity; from the n-th forward pass on NaN, or a square root whose derivative is 0 * infinity."""

    def __init__(self, n, how):
        self.n, self.how, self.calls = n, how, 0
        self.weight = mg.Parameter(np.ones(2, np.float32))

    def forward(self, x):
        self.calls += 1
        if self.calls < self.n:
            return x * self.weight
        return x * float("nan") if self.how == "value" else x * self.weight + ops.sqrt(self.weight * 0.0)


@explosive
def test_the_layer_that_makes_nan_is_named_with_its_network():
    net = small()[1]
    net.body.layers.insert(0, Breaks(6, "value"))
    trainer = game((small()[0], net))
    net.body[0].calls = 0  # three forward passes per step
    with pytest.raises(NonFiniteError, match=r"^the generator's loss is nan at step 2: layer discriminator\.body\.0: multiply"):
        trainer.fit(cloud(), steps=3, **QUIET)


@explosive
def test_the_parameter_whose_gradient_is_nan_is_named(backend, tmp_path):
    net = small()[1]
    net.body.layers.insert(0, Breaks(7, "gradient"))
    trainer = game((small()[0], net))
    net.body[0].calls = 0
    with pytest.raises(
        NonFiniteError, match="^the gradient of discriminator.body.0.weight is not finite at step 3; minigen.detect_anomaly"
    ):
        trainer.fit(cloud(), steps=4, record_every=1, callbacks=[Checkpoint(tmp_path)], **QUIET)
    assert_last_good(tmp_path, 2)
    assert trainer.discriminator_optimizer.steps == 2, "nothing was updated by it"


@explosive
def test_the_power_iteration_that_saw_the_nan_is_not_blamed():
    """A buffer of a layer behind takes over its NaN before anything is checked."""
    net = small()[1]
    net.body.layers.insert(0, Breaks(1, "value"))
    net.body.layers.append(nn.BatchNorm(4))
    trainer = game((small()[0], net))
    with pytest.raises(
        NonFiniteError, match=r"^the discriminator's loss is nan at step 1: layer discriminator\.body\.0: multiply"
    ):
        trainer.fit(cloud(), steps=1, **QUIET)


def test_a_wrong_layer_is_named_with_its_network():
    """An error that comes in the middle of training: the path begins with the network, also in the other player's step."""
    net = small()[1]
    trainer = game((small()[0], net))

    def widen(run):
        net.body.layers[0] = nn.Dense(3, 4)

    with pytest.raises(ShapeError, match=r"^discriminator\.body\.0: Dense\(3 -> 4\) expects shape"):
        trainer.fit(cloud(), steps=2, callbacks=[Each(widen)], **QUIET)


def test_conditional_generators_say_what_they_need():
    with pytest.raises(ValueError, match="needs a network of more than 3 latent variables"):
        conditional.Generator(small()[0], 3)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"loss": "hinge"}, r"^loss: expected such as losses.NonSaturating\(\), got 'hinge'$"),
        ({"loss": losses.Wasserstein}, "^loss: expected such as"),
        ({"penalties": [losses.R1]}, r"^penalties: expected such as \[losses.R1\(\)\], got"),
        ({"remedies": [losses.R1()]}, r"^remedies: expected such as .*, got R1\(gamma=10.0, resolution=None, every=1\)$"),
    ],
)
def test_other_things_than_losses_penalties_and_remedies_are_refused(options, message):
    with pytest.raises(TypeError, match=message):
        game(**options)


def test_a_run_that_is_asked_for_less_than_it_has_done_changes_nothing(tmp_path):
    game().fit(cloud(), steps=3, callbacks=[Checkpoint(tmp_path)], **QUIET)
    trainer = game()
    before = trainer.generator.fingerprint()
    with pytest.raises(ValueError, match="^3 steps are done already; `steps` includes them: pass at least as many, not 2$"):
        trainer.fit(cloud(), steps=2, resume=tmp_path, **QUIET)
    assert trainer.step == 0 and trainer.generator.fingerprint() == before


def test_a_conditional_generator_without_labels_is_refused():
    with pytest.raises(ValueError, match=r"^this generator is conditioned on the class, 0 to 2: sample\(n, labels\)$"):
        game(conditioned).sample(4)
    with pytest.raises(ValueError, match="^this generator takes no labels$"):
        game().sample(4, 1)
