"""Minibatches in a new order every epoch, on the current backend, with a position that can be saved."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from minigen.backend import Array, asarray, random, to_numpy
from minigen.data.pixels import as_pixels
from minigen.errors import ShapeError, StateError
from minigen.utils.checks import check_seed, is_whole
from minigen.utils.reading import shortened
from minigen.utils.settings import PythonNumbers


class Batches(PythonNumbers):
    """Batches of one or several arrays of equal length; each `for` over it is one epoch.

        for images, labels in data.batches(train.images, train.labels, batch_size=32, seed=0):

    Yields arrays on the current backend: one array if one was given, else a tuple. Epoch e visits the examples in the order of
    np.random.default_rng([seed, e]).permutation(n), so (seed, epoch, position) is the whole state.

    - A `for` that ends, or is left with `break`, ends its epoch: the next `for` is the next epoch.
    - After `load_state_dict`, the next `for` is the rest of the epoch that was saved. A state taken in the loop's body counts the
    current batch as done; one taken in the last batch leaves an empty rest.

    arrays: (n, ...) each, kept on the host; memory-mapped ones are read batch by batch. Images as bytes, which are uint8 and have
    four axes (n, height, width, channels), come as float32, divided by 255; of all other arrays, such as labels, the numbers
    stay.
    convert: a function of the first array's part of each batch, on the host, such as a generator's `from_pixels`.
    seed: None draws one from `minigen.seed`'s stream "shuffle".
    shuffle=False: the order as given; batches are then views, except of bytes.  drop_last: leave out a smaller last batch.
    Raises ShapeError for arrays that are empty, differ in length or have no axis of examples; ValueError for
    a batch_size below 1, or above n with drop_last, and for a negative seed.
    """

    def __init__(
        self,
        *arrays: Any,
        batch_size: int,
        seed: int | None = None,
        shuffle: bool = True,
        drop_last: bool = False,
        convert: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        arrays = tuple(to_numpy(array) for array in arrays)
        self.examples = common_length(arrays)
        self.arrays = arrays
        if batch_size < 1:
            raise ValueError(f"batches: got batch_size {batch_size}, expected at least 1")
        if drop_last and batch_size > self.examples:
            raise ValueError(
                f"batches: got batch_size {batch_size} with drop_last, which leaves no batch of the "
                f"{self.examples} examples; expected at most {self.examples}"
            )
        if seed is None:
            seed = int(random.stream("shuffle").integers(2**32))
        self.batch_size, self.seed, self.shuffle, self.drop_last = batch_size, check_seed("batches", seed), shuffle, drop_last
        self.convert = convert
        self.epoch = 0  # the epoch in progress, or the next one
        self.position = 0  # batches of it already yielded
        self._resumed = False

    def __len__(self) -> int:
        """Batches in a full epoch."""
        if self.drop_last:
            return self.examples // self.batch_size
        return -(-self.examples // self.batch_size)

    def __iter__(self) -> Iterator[Array | tuple[Array, ...]]:
        if self.position > 0 and not self._resumed:  # the last `for` was left with `break`
            self.epoch, self.position = self.epoch + 1, 0
        self._resumed = False
        epoch, first = self.epoch, self.position

        order = np.random.default_rng([self.seed, epoch]).permutation(self.examples) if self.shuffle else None
        for batch in range(first, len(self)):
            part = slice(batch * self.batch_size, (batch + 1) * self.batch_size)
            index = part if order is None else order[part]
            # Counted before it is yielded: a state saved in the loop's body continues with the next batch.
            self.epoch, self.position = epoch, batch + 1
            arrays = self.at(index)
            yield arrays[0] if len(arrays) == 1 else arrays
        self.epoch, self.position = epoch + 1, 0

    def at(self, index: slice | np.ndarray) -> tuple[Array, ...]:
        """The examples of these indices, as a batch has them."""
        first, *others = (as_pixels(array[index]) for array in self.arrays)
        return tuple(asarray(part) for part in (first if self.convert is None else self.convert(first), *others))

    def state_dict(self) -> dict[str, int]:
        """The state of the iteration: seed, epoch, position; n and batch_size, to recognize the data."""
        return {name: getattr(self, name) for name in ("seed", "epoch", "position", "examples", "batch_size")}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue where `state` was taken. Raises StateError, without changes, if it belongs to other data."""
        expected = self.state_dict()
        if not isinstance(state, Mapping) or set(state) != set(expected):
            got = f"a state with {sorted(state)}" if isinstance(state, Mapping) else f"the state {shortened(state)}"
            raise StateError(f"batches: got {got}, expected {sorted(expected)}")
        for name, value in state.items():
            if not is_whole(value) or isinstance(value, bool):
                raise StateError(f"batches: got a state with {name} {shortened(value)}, expected a whole number")
        state = {name: int(value) for name, value in state.items()}
        for name in ("examples", "batch_size"):
            if state[name] != expected[name]:
                raise StateError(f"batches: got a state with {name} {state[name]}, expected {expected[name]}")
        if min(state.values()) < 0 or state["position"] > len(self):
            raise StateError(f"batches: got the state {state}, expected a position of 0 to {len(self)}")
        self.seed, self.epoch, self.position = state["seed"], state["epoch"], state["position"]
        self._resumed = True


batches = Batches  # reads better in a `for`


class Endless:
    """Batches, as tuples, epoch after epoch. A copy continues in the same epoch, independently."""

    def __init__(self, batches: Batches):
        self.batches = batches
        self.epoch: Iterator = iter(())

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        return self

    def __next__(self) -> tuple[Array, ...]:
        while (batch := next(self.epoch, None)) is None:  # twice, if the rest of an epoch is empty
            self.epoch = iter(self.batches)
        return batch if isinstance(batch, tuple) else (batch,)

    def __getstate__(self) -> dict[str, Any]:
        return {"batches": self.batches}  # an iterator in mid-epoch cannot be copied

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.batches, self.epoch = state["batches"], iter(())
        self.batches.load_state_dict(self.batches.state_dict())  # it knows where the epoch stands


def common_length(arrays: tuple[np.ndarray, ...]) -> int:
    shapes = [array.shape for array in arrays]
    if not arrays or () in shapes:
        raise ShapeError(f"batches: got arrays of shapes {shapes}, expected one or more, (n, ...) each")
    lengths = {shape[0] for shape in shapes}
    if len(lengths) > 1:
        raise ShapeError(f"batches: got arrays of shapes {shapes}, expected the same n in each (n, ...)")
    if lengths == {0}:
        raise ShapeError(f"batches: got arrays of shapes {shapes}: no examples, hence only an empty batch")
    return lengths.pop()
