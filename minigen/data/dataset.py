"""The result of every loader: images, their labels and, if known, their factors of variation."""

from dataclasses import dataclass

import numpy as np

from minigen.errors import DataError


@dataclass(frozen=True, eq=False)
class Dataset:
    """One split of a data set, on the host.

    images: (n, height, width, channels) float32 in [0, 1]; or bytes, uint8 from 0 to 255, where they were asked for: training,
    evaluators and trivial samplers take these as the same pixels, all else takes `as_pixels(images)`.
    labels: (n,) int64, indices into class_names.
    factors: one (n,) array for each known factor of variation, by name; empty if none are known.
    files: (n,) names of the files that they are from, if each has one of its own; else None.
    `len(dataset)` is n; `dataset[:1000]`, `dataset[dataset.labels == 3]` and `dataset[indices]` are Datasets.
    Raises DataError if they differ in length.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    factors: dict[str, np.ndarray]
    files: np.ndarray | None = None

    def __post_init__(self) -> None:
        lengths = {"images": len(self.images), "labels": len(self.labels)}
        lengths |= {f"factors[{name!r}]": len(values) for name, values in self.factors.items()}
        if self.files is not None:
            lengths["files"] = len(self.files)
        if len(set(lengths.values())) > 1:
            raise DataError(f"{self.name}: got {lengths}, expected the same number of each")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice | np.ndarray) -> "Dataset":
        if not isinstance(index, (slice, np.ndarray, list)):
            raise TypeError(
                f"a Dataset is indexed with a slice, a mask or an array of indices, got {index!r}; "
                "for one image write dataset.images[i]"
            )
        factors = {name: values[index] for name, values in self.factors.items()}
        files = None if self.files is None else self.files[index]
        return Dataset(self.name, self.images[index], self.labels[index], self.class_names, factors, files)

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.images.shape[1:]))
        return f"Dataset({self.name!r}, {len(self)} images of {shape}, {len(self.class_names)} classes)"
