"""Samples from fixed latent vectors, drawn repeatedly while the generator learns."""

import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minigen import plot
from minigen.errors import StateError
from minigen.training.gans.adversarial import Adversarial
from minigen.training.run import Callback
from minigen.utils.files import replacing
from minigen.utils.reading import shortened


class SampleGrid(Callback[Adversarial]):
    """What the generator makes of `n` latent vectors that stay the same, every so many steps and at the end of the run.

    Each time it saves folder/step_000100.png, and at the end folder/evolution.gif with all of them. A conditional generator draws
    its classes in turn. Pixels outside [0, 1], of an unbounded generator, are clipped; points of the plane are drawn over real
    ones. The latent vectors come from a seed of their own, so that the run does not change; the samples come from the averaged
    generator, if there is one. Checkpoints hold what has been drawn: after a resume the GIF is complete. With another trainer it
    starts again.
    """

    requires = "Adversarial"

    def __init__(self, folder: str | Path = "samples", every: int = 100, n: int = 64, seconds_per_frame: float = 0.2):
        if every < 1 or n < 1:
            raise ValueError(f"SampleGrid draws n samples per `every` steps, both at least 1, got n={n}, every={every}")
        self.folder, self.every, self.n, self.seconds_per_frame = Path(folder).absolute(), every, n, seconds_per_frame
        self.steps: list[int] = []
        self.samples: list[np.ndarray] = []

    def on_train_begin(self, run: Adversarial) -> None:
        if self.steps and self.steps[-1] > run.step:  # it has watched another trainer before
            self.steps, self.samples = [], []
        for step, samples in zip(self.steps, self.samples):
            if not self.file(step).exists():  # after a kill, or in a new folder
                self.save(run, step, samples)
        if not self.steps:
            self.draw(run)

    def on_step_end(self, run: Adversarial) -> None:
        if run.step % self.every == 0:
            self.draw(run)

    def on_train_end(self, run: Adversarial) -> None:
        if self.steps[-1] < run.step:
            self.draw(run)
        last = self.samples[-1]
        frames = (enlarged(samples, last[0]) if last.ndim > 2 else self.cloud(samples, run) for samples in self.samples)
        path = plot.save_animation(
            frames,
            self.folder / "evolution.gif",
            self.seconds_per_frame,
            labels=[f"step {step}" for step in self.steps],
            columns=self.columns(run),
        )
        run.log(f"wrote {path}")

    def draw(self, run: Adversarial) -> None:
        """Sample, keep the samples, and save their picture. Raises NonFiniteError for samples that are not finite."""
        run.check_finite()
        z = np.random.default_rng(0).standard_normal((self.n, run.generator.latent_dim))
        labels = [np.arange(self.n) % run.generator.classes] if run.conditional else []
        samples = run.sampler.draw(z, *labels).astype(np.float32)
        self.samples.append(samples.clip(0.0, 1.0) if samples.ndim > 2 else samples)
        self.steps.append(run.step)
        self.save(run, run.step, self.samples[-1])

    def save(self, run: Adversarial, step: int, samples: np.ndarray) -> None:
        """Save the picture of a step."""
        if samples.ndim > 2:
            plot.save_tiles(samples, self.file(step), self.columns(run))
        else:
            with replacing(self.file(step)) as temporary:
                self.cloud(samples, run, f"Step {step}").savefig(temporary, format="png")

    def file(self, step: int) -> Path:
        """The path of the picture of a step."""
        return self.folder / f"step_{step:06d}.png"

    def columns(self, run: Adversarial) -> int | None:
        """The number of columns of the grid: one per class, if there are classes."""
        return run.generator.classes if run.conditional else None

    def cloud(self, points: np.ndarray, run: Adversarial, title: str | None = None) -> Any:
        """A figure of points over real ones."""
        return plot.point_cloud(points, reference=run.real_examples(1000), title=title)

    def state_dict(self) -> dict[str, np.ndarray]:
        return {"steps": np.array(self.steps, dtype=np.int64), **{f"samples {i}": x for i, x in enumerate(self.samples)}}

    def check_state(self, state: Mapping[str, Any], run: Adversarial) -> None:
        if not state:  # the run had no SampleGrid before
            return
        drawn = [f"samples {i}" for i in range(len(state) - 1)]
        if state.keys() != {"steps", *drawn} or state["steps"].shape != (len(drawn),) or state["steps"].dtype.kind != "i":
            raise StateError(f"SampleGrid: got a state with {', '.join(sorted(state)[:5])} ... that does not fit together")
        largest = run.example_shape
        for name in drawn:
            n, *shape = state[name].shape or (0,)
            if n != self.n:
                raise StateError(f"SampleGrid: n was {n}, is {self.n}")
            fits = len(shape) == len(largest) and shape[-1] == largest[-1] and 0 not in shape
            if not fits or any(map(operator.mod, largest, shape)) or state[name].dtype != np.float32:
                raise StateError(
                    f"SampleGrid: {name} is {state[name].dtype}{list(state[name].shape)}, expected "
                    f"float32{[self.n, *largest]}, or smaller, of a growing generator"
                )

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        if not state:
            return
        steps = state["steps"].tolist()
        if steps != sorted(set(steps)) or min(steps, default=0) < 0:
            raise StateError(f"SampleGrid: steps are {shortened(steps)}, expected increasing whole numbers")
        samples = {name: array for name, array in state.items() if name != "steps"}
        for name, array in samples.items():
            if not np.isfinite(array).all() or array.ndim > 2 and (array.min() < 0.0 or array.max() > 1.0):
                raise StateError(f"SampleGrid: {name} holds values that are not pixels or points")
        self.steps, self.samples = steps, [samples[f"samples {i}"] for i in range(len(steps))]


def enlarged(images: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """Images of a smaller generator, enlarged to the size of one image by repeating pixels; points stay."""
    if images.ndim == 2:
        return images
    return images.repeat(largest.shape[0] // images.shape[1], axis=1).repeat(largest.shape[1] // images.shape[2], axis=2)
