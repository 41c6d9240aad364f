"""evaluate_samples is what its parts say, one by one."""

import numpy as np
import pytest

from minigen import metrics

rng = np.random.default_rng(7)


class Evaluator:
    """Its features are the pixels, its class the brightest of them."""

    def features(self, images):
        return images.reshape(len(images), -1)

    def predict(self, images):
        return self.features(images).argmax(axis=1)


def images(n, shift=0.0):
    return (rng.random((n, 2, 2, 1)) + shift).astype(np.float32)


def test_every_value_is_that_of_its_metric():
    fake, real, others = images(60, 0.1), images(80), images(70)
    scores = metrics.evaluate_samples(Evaluator(), fake, real, others)
    x, y = real[:60].reshape(60, 4), fake.reshape(60, 4)
    manifold, neighbors = metrics.precision_recall(x, y), metrics.nearest_neighbor_test(x, y)
    made, true = (np.bincount(z.argmax(axis=1), minlength=4) for z in (y, x))
    assert scores == {
        "Fréchet distance": metrics.frechet_distance(x, y),
        "kernel distance": metrics.kernel_distance(x, y, block_size=60).mean,
        "precision": manifold.precision,
        "recall": manifold.recall,
        "1-NN on real": neighbors.on_real,
        "1-NN on fake": neighbors.on_fake,
        "rarest class": made.min() * 4 / 60,
        "reverse KL": metrics.reverse_kl(made, true),
        "Fréchet floor": metrics.frechet_distance(x, others[:60].reshape(60, 4)),
        "kernel floor": metrics.kernel_distance(x, others[:60].reshape(60, 4), block_size=60).mean,
    }


def test_real_images_score_well_and_constant_ones_badly():
    real = images(400)
    good = metrics.evaluate_samples(Evaluator(), images(400), real)
    bad = metrics.evaluate_samples(Evaluator(), np.repeat(images(1), 400, axis=0), real)
    assert "Fréchet floor" not in good, "it needs other real images"
    assert good["Fréchet distance"] < 0.01 < 0.1 < bad["Fréchet distance"]
    assert good["rarest class"] > 0.7 and bad["rarest class"] == 0.0
    assert good["reverse KL"] < 0.05 and bad["reverse KL"] > 1.0
    assert good["recall"] > 0.8 and bad["recall"] < 0.1
    assert abs(good["1-NN on real"] - 0.5) < 0.1 and bad["1-NN on real"] > 0.9


def test_a_class_without_real_images_has_a_finite_divergence():
    real, fake = images(50), images(50)
    real[:, 0, 0], fake[:10, 0, 0] = 0.0, 2.0
    assert np.isfinite(metrics.evaluate_samples(Evaluator(), fake, real)["reverse KL"])


@pytest.mark.parametrize("n", [2, 3])
def test_too_few_images_are_refused_by_the_part_that_needs_more(n):
    with pytest.raises(ValueError, match="precision_recall"):
        metrics.evaluate_samples(Evaluator(), images(n), images(n))


def test_fewer_real_images_than_samples_are_refused():
    with pytest.raises(ValueError, match="got 20 samples and 10 real images, expected as many or more"):
        metrics.evaluate_samples(Evaluator(), images(20), images(10))
    with pytest.raises(ValueError, match="got 20 samples and 19 others images"):
        metrics.evaluate_samples(Evaluator(), images(20), images(20), images(19))
