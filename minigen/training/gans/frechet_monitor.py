"""The Fréchet distance of samples from real examples, while a generator learns."""

from collections.abc import Callable

import numpy as np

from minigen import metrics
from minigen.training.gans.adversarial import Adversarial
from minigen.training.gans.monitor import fixed_samples
from minigen.training.gans.sample_grid import enlarged
from minigen.training.run import Callback

COLUMN = "Fréchet distance"


class FrechetMonitor(Callback[Adversarial]):
    """Adds a column "Fréchet distance" to the history: that of `samples` samples from as many real examples.

    features: images (n, h, w, c) in [0, 1], of the size of the examples -> (n, d), such as an evaluator's. Networks that still
    grow are compared with real images at their stage, both enlarged by repeating pixels. The latent vectors and the real examples
    are the same each time, and do not change the run. The samples come from the averaged generator, if there is one; during a
    fade that average lags behind the stage. With a thousand samples the distance is biased upward: see
    `metrics.frechet_distance`.
    """

    requires = "Adversarial"

    def __init__(self, features: Callable[[np.ndarray], np.ndarray], samples: int = 1000):
        if samples < 2:
            raise ValueError(f"FrechetMonitor needs a covariance of the samples, at least 2, got {samples}")
        self.features, self.samples = features, samples

    def on_epoch_end(self, run: Adversarial) -> None:
        both = run.real_examples(self.samples), fixed_samples(run, self.samples)
        row = run.history.rows[-1]
        row[COLUMN] = metrics.frechet_distance(*(self.features(enlarged(images, run.batches.arrays[0][0])) for images in both))
