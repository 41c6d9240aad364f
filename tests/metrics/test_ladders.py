"""Are the metrics of generators right about what is known to be worse? More and more noise, fewer and fewer classes.

Real and fake examples are different ones of the same distribution; each rung of a ladder spoils the fakes a little more. A
metric that sees the damage moves strictly at every rung. Some are blind to one of the two by their nature: that is tested too.
"""

import numpy as np
import pytest

from minigen import baselines, data, metrics

N, CLASSES = 800, 10  # examples a set
NOISE = [0.0, 0.4, 0.6, 0.8, 1.0]  # in standard deviations of a feature


def clusters():
    """Ten Gaussians of standard deviation 1 on the axes of a 10-dimensional space, all alike: (features, classes)."""
    labels = np.arange((CLASSES + 1) * N) % CLASSES
    return 4 * np.eye(CLASSES)[labels] + np.random.default_rng(0).standard_normal((len(labels), CLASSES)), labels


def glyphs():
    """Pictures of digits, flattened, in the frame of their first 32 principal components: (features, classes)."""
    train, _ = data.load("glyphs", train_size=(CLASSES + 1) * N, test_size=1)
    pixels = train.images.reshape(len(train), -1)
    return baselines.pca(pixels[:N], 32).project(pixels), train.labels


@pytest.fixture(scope="module", params=[clusters, glyphs])
def ladders(request):
    """Real examples and their classes, fakes with more and more noise, fakes of fewer and fewer classes."""
    features, labels = request.param()
    fake, classes = features[N:], labels[N:]
    noise = features.std() * np.random.default_rng(1).standard_normal((N, features.shape[1]))
    noisy = [fake[:N] + level * noise for level in NOISE]
    dropped = [fake[classes < CLASSES - missing][:N] for missing in range(CLASSES)]
    return features[:N], labels[:N], noisy, dropped


def kernel(real, fake):
    return metrics.kernel_distance(real, fake, blocks=1, block_size=N).mean


def measured(metric, real, ladder):
    """Each of the metric's numbers at every rung: (numbers, rungs)."""
    return np.atleast_2d(np.transpose([metric(real, fake) for fake in ladder]))


def rises(values):
    return (np.diff(values) > 0).all()


@pytest.mark.parametrize("distance", [metrics.frechet_distance, kernel])
def test_distances_rise_with_noise_and_with_every_class_dropped(ladders, distance):
    real, _, noisy, dropped = ladders
    for ladder in (noisy, dropped):
        (values,) = measured(distance, real, ladder)
        assert rises(values), values


def test_precision_falls_with_noise_and_recall_does_not(ladders):
    """Recall trusts the balls around the fakes, and noise makes them larger."""
    real, _, noisy, _ = ladders
    precision, recall = measured(metrics.precision_recall, real, noisy)
    assert rises(-precision), precision
    assert recall[-1] > recall[0], recall


def test_recall_falls_with_every_class_dropped_and_precision_does_not(ladders):
    """The fakes that are left are as real as before. Of real examples taken for fakes, precision is 1 whatever is left out."""
    real, labels, _, dropped = ladders
    _, recall = measured(metrics.precision_recall, real, dropped)
    assert rises(-recall), recall
    copies = [real[labels < CLASSES - missing] for missing in range(CLASSES)]
    precision, recall = measured(metrics.precision_recall, real, copies)
    assert (precision == 1).all() and rises(-recall), recall


def test_neighbors_tell_every_class_dropped(ladders):
    real, _, _, dropped = ladders
    for values in measured(metrics.nearest_neighbor_test, real, dropped):
        assert rises(values), values


def test_neighbors_tell_noise_by_the_real_examples_alone(ladders):
    """Fakes that noise has scattered are nearer to real examples than to one another, so that the mean of both need not rise."""
    real, _, noisy, _ = ladders
    _, on_real, on_fake = measured(metrics.nearest_neighbor_test, real, noisy)
    assert rises(on_real), on_real
    assert on_fake[-1] < on_fake[0], on_fake
