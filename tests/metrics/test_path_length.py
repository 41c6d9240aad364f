"""Perceptual path length, against closed forms of generators whose images turn at a known speed."""

import numpy as np
import pytest

from minigen.backend import random
from minigen.errors import ShapeError
from minigen.metrics import perceptual_path_length

MATRIX = np.random.default_rng(1).standard_normal((6, 4)) / 2


class Toy:
    """W = 2 z; the images are the codes themselves, in float32 as from a network. It remembers the codes that it drew."""

    def __init__(self, latent_dim=6):
        self.latent_dim, self.drawn, self.mapped = latent_dim, [], []

    def draw(self, z):
        self.drawn.append(z)
        return z.reshape(len(z), 1, 1, -1).astype(np.float32)

    def map(self, z):
        self.mapped.append(z)
        return 2 * z

    draw_styles = draw


class Turning:
    """Features on circles: (cos x, sin x) of every coordinate x of images @ matrix, of length sqrt(k) in all."""

    def __init__(self, matrix=MATRIX, scale=1.0):
        self.matrix, self.scale = matrix, scale

    def features(self, images):
        x = images.reshape(len(images), -1).astype(np.float64) @ self.matrix
        return self.scale * np.concatenate([np.cos(x), np.sin(x)], axis=1)


class Plain:
    """The pixels as features."""

    def features(self, images):
        return images.reshape(len(images), -1)


def trimmed(distances):
    """The mean of what is left without the smallest and the largest hundredth."""
    cut = int(0.01 * (len(distances) - 1))
    return np.sort(distances)[cut : len(distances) - cut].mean()


def pairs_of(generator):
    """The pairs of codes in W of a Toy that was measured."""
    return np.concatenate(generator.mapped[::2]) * 2.0, np.concatenate(generator.mapped[1::2]) * 2.0


@pytest.mark.parametrize("ends", [False, True])
def test_in_w_a_linear_phase_turns_at_the_speed_of_its_line(ends):
    """Each circle turns by A (b - a) in the time 1, so that the length is the mean of |A (b - a)|^2 / k: wherever t lies."""
    generator = Toy()
    measured = perceptual_path_length(generator, Turning(), space="w", n=1000, ends=ends)
    a, b = pairs_of(generator)
    expected = trimmed((((b - a) @ MATRIX) ** 2).mean(axis=1))
    assert measured.value == pytest.approx(expected, rel=2e-3)  # what is left of float32 with steps of 1e-4
    # Over all pairs it is 2 * 4 |A|^2 / k, of which the tails that are dropped take a few percent.
    assert 0.9 < measured.value / (8 * (MATRIX**2).sum() / 4) < 1.05


@pytest.mark.parametrize("ends", [False, True])
def test_in_z_the_sphere_itself_turns_by_the_angle_between_the_codes(ends):
    """In two dimensions the angle is uniform between 0 and pi, and so is what is left of it between its percentiles."""
    measured = perceptual_path_length(Toy(2), Plain(), n=4000, ends=ends)
    low, high = 0.01 * np.pi, 0.99 * np.pi
    expected = (high**3 - low**3) / (3 * (high - low))
    assert abs(measured.value - expected) < 4 * measured.standard_error
    assert measured.standard_error == pytest.approx(np.sqrt(4 / 45) * np.pi**2 / np.sqrt(4000), rel=0.05)


def test_in_z_codes_lie_where_normal_ones_do_and_move_evenly():
    generator = Toy(50)
    perceptual_path_length(generator, Plain(), n=100, eps=0.1)
    first, again, second = generator.drawn[0], *generator.drawn[1:]
    first, second = (x.astype(np.float64) for x in ([first, second] if np.allclose(first, again) else [first, again]))
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), np.sqrt(50), rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(second, axis=1), np.sqrt(50), rtol=1e-6)
    angles = np.arccos((first * second).sum(axis=1) / 50) / 0.1
    assert abs(angles.mean() - np.pi / 2) < 0.1  # random directions are about at right angles


def test_with_ends_paths_start_at_the_codes_else_between_them():
    generator = Toy()
    perceptual_path_length(generator, Turning(), space="w", n=200, ends=True)
    a, b = pairs_of(generator)
    np.testing.assert_allclose(generator.drawn[0], a, rtol=1e-6)
    np.testing.assert_allclose(generator.drawn[1], a + 1e-4 * (b - a), rtol=1e-4, atol=1e-5)
    generator = Toy()
    perceptual_path_length(generator, Turning(), space="w", n=200)
    a, b = pairs_of(generator)
    t = ((generator.drawn[0] - a) * (b - a)).sum(axis=1) / ((b - a) ** 2).sum(axis=1)
    assert t.min() < 0.05 and t.max() > 0.95 and abs(t.mean() - 0.5) < 0.1


def test_the_score_is_invariant_to_the_length_and_rotation_of_features():
    measured = perceptual_path_length(Toy(), Turning(), n=300)
    assert perceptual_path_length(Toy(), Turning(scale=1000.0), n=300).value == pytest.approx(measured.value, rel=1e-9)
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((8, 8)))[0]

    class Turned(Turning):
        def features(self, images):
            return super().features(images) @ turn

    assert perceptual_path_length(Toy(), Turned(), n=300).value == pytest.approx(measured.value, rel=1e-9)


def test_a_path_twice_as_fast_is_four_times_as_long():
    once, twice = (perceptual_path_length(Toy(), Turning(c * MATRIX), space="w", n=300).value for c in (1, 2))
    assert twice == pytest.approx(4 * once, rel=1e-3)


def test_one_repeated_image_and_zero_features_score_zero():
    class Collapsed(Toy):
        def draw(self, z):
            return np.ones((len(z), 2, 2, 1), np.float32)

    class Blind(Plain):
        def features(self, images):
            return np.zeros((len(images), 3))

    assert perceptual_path_length(Collapsed(), Plain(), n=20) == (0.0, 0.0)
    assert perceptual_path_length(Toy(), Blind(), n=20) == (0.0, 0.0)


def jumping(n, share):
    """An evaluator for which some of the first n pairs are infinitely rough: they jump between the two ends of a step."""

    class Jumping:
        calls = 0

        def features(self, images):
            angle = np.zeros(len(images))
            if self.calls % 2:
                angle[: int(share * n)] = 1.0
            self.calls += 1
            return np.stack([np.cos(angle), np.sin(angle)], axis=1)

    return Jumping()


def test_outliers_are_dropped_from_101_pairs_on():
    jump = (2 - 2 * np.cos(1)) / 1e-8
    assert perceptual_path_length(Toy(), jumping(200, 0.005), n=200).value == 0.0
    assert perceptual_path_length(Toy(), jumping(100, 0.01), n=100).value == pytest.approx(jump / 100, rel=1e-6)
    assert perceptual_path_length(Toy(), jumping(200, 0.5), n=200).value == pytest.approx(jump / 2, rel=1e-6)


def test_the_standard_error_is_the_deviation_over_seeds():
    runs = [perceptual_path_length(Toy(3), Turning(np.eye(3)), space="w", n=250, seed=seed) for seed in range(60)]
    spread = np.std([run.value for run in runs], ddof=1)
    assert np.mean([run.standard_error for run in runs]) == pytest.approx(spread, rel=0.25)
    low, high = runs[0].interval
    assert (low + high) / 2 == pytest.approx(runs[0].value) and high - low == pytest.approx(3.92 * runs[0].standard_error)


def test_a_seed_gives_the_same_pairs_and_leaves_the_random_streams_alone():
    before = random.state_dict()
    first = perceptual_path_length(Toy(), Turning(), n=300, seed=3)
    assert perceptual_path_length(Toy(), Turning(), n=300, seed=3) == first
    assert perceptual_path_length(Toy(), Turning(), n=300, seed=4) != first
    assert random.state_dict() == before


def test_a_generator_without_w_is_measured_in_z_only():
    class Progressive:
        latent_dim = 3
        draw = Toy.draw
        drawn = []

    assert perceptual_path_length(Progressive(), Plain(), n=20).value > 0
    with pytest.raises(ValueError, match=r"Progressive has no W \(no map and draw_styles\); use space='z'"):
        perceptual_path_length(Progressive(), Plain(), space="w", n=20)


def test_noise_that_is_not_fixed_is_noticed():
    class Noisy(Toy):
        rng = np.random.default_rng(0)

        def draw(self, z):
            return super().draw(z) + 0.01 * self.rng.standard_normal((len(z), 1, 1, 6)).astype(np.float32)

    with pytest.raises(ValueError, match="Noisy drew the same codes twice, and the pixels differ by 0.0.*: fix its noise"):
        perceptual_path_length(Noisy(), Plain(), n=20)


class Broken:
    def __init__(self, features):
        self.answer = features

    def features(self, images):
        return self.answer


@pytest.mark.parametrize("options, evaluator, error, message", [
    ({"space": "v"}, Plain(), ValueError, "got space 'v', expected 'z' or 'w'"),
    ({"n": 1}, Plain(), ValueError, "got n = 1"),
    ({"eps": 0.0}, Plain(), ValueError, "eps = 0.0, expected"),
    ({"eps": 1.0}, Plain(), ValueError, "eps = 1.0, expected"),
    ({}, Broken(np.full((20, 3), np.nan)), ValueError, "NaN or infinity in features"),
    ({}, Broken(np.ones(20)), ShapeError, r"features of shape \(20,\)"),
    ({}, Broken(np.ones((3, 2))), ShapeError, r"features of shape \(3, 2\), expected \(20, k\) for 20 images"),
])  # fmt: skip
def test_wrong_arguments_are_refused(options, evaluator, error, message):
    with pytest.raises(error, match=message):
        perceptual_path_length(Toy(), evaluator, **{"n": 20, **options})
