"""What the trainers expect of networks; `models.gans` and `models.applications` provide them."""

from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Generator(Protocol):
    """A Module from what `latent` draws, and labels if `classes` is not None, to examples; see `models.gans.Generator`."""

    classes: int | None
    pixel_range: tuple[float, float] | None

    @property
    def input_shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> Any: ...

    def __call__(self, z: Any, *labels: Any) -> Any: ...

    def eval_mode(self) -> Any: ...

    def frozen(self) -> Any: ...

    def latent(self, n: int) -> Any: ...

    def sample(self, n: int, *labels: Any) -> np.ndarray: ...

    def draw(self, z: Any, *labels: Any) -> np.ndarray: ...

    def from_pixels(self, images: np.ndarray) -> np.ndarray: ...

    def to_pixels(self, x: np.ndarray) -> np.ndarray: ...


@runtime_checkable
class Restorer(Generator, Protocol):
    """A generator from degraded images to whole ones; see `models.applications`."""

    def degrade(self, x: Any) -> Any: ...

    def content_loss(self, restored: Any, x: Any) -> Any: ...


@runtime_checkable
class Growing(Protocol):
    """A network that grows; see `models.gans.growing`. A generator also has `at_stage`: real images processed like its own."""

    resolution: int
    alpha: float

    def grow_to(self, resolution: int, alpha: float = 1.0) -> None: ...
