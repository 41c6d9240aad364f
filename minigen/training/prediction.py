"""What a trained model makes of many examples."""

from typing import Any

from minigen.nn import Module
from minigen.nn.batching import outputs
from minigen.utils.checks import is_whole
from minigen.utils.settings import takes_settings


@takes_settings
def predict(model: Module, examples: Any, *, batch_size: int | None = None) -> Any:
    """model(examples (n, ...)) as an array on the host; in batches, in evaluation mode, outside any graph.

    As Keras's `model.predict`: of `nn.Sequential(encoder, decoder)` the reconstructions, of its encoder the codes. A model's
    outputs are what its `forward` returns, which are logits for many models of minigen: `model.reconstruct(images)` are pixels.

    examples: an array, or a tuple of those that the model takes together. Images as bytes become pixels, memory-mapped arrays
    are read batch by batch: see `data.Batches`.  batch_size: how many go through the model at a time; by default 128, of large
    images fewer. A model that returns a tuple or a dict of arrays gives a tuple or a dict of them.

    Raises TypeError for what is no Module and no array, ShapeError for no examples, ValueError for a batch_size below 1.
    """
    if not isinstance(model, Module):
        raise TypeError(f"predict takes a Module, predict(model, examples), got a {type(model).__name__}")
    arrays = examples if isinstance(examples, tuple) else (examples,)
    for array in arrays:
        if not hasattr(array, "shape"):
            hint = "; pass its array .images" if hasattr(array, "images") else ""
            raise TypeError(f"examples: expected an array (n, ...), got {type(array).__name__}{hint}")
    if batch_size is not None and (not is_whole(batch_size) or batch_size < 1):
        raise ValueError(f"batch_size counts examples, a whole number of at least 1, got {batch_size}")
    return outputs(model, model, *arrays, batch_size=batch_size)
