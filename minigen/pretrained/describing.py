"""The cards of all that `load` opens."""

import math
from pathlib import Path
from typing import Any

from minigen.nn import saving
from minigen.pretrained.cards import Card, shipped
from minigen.pretrained.files import best_of, best_part, check_best, checked_history, kept, place_of, record_of
from minigen.recipes.run_folder import RunFolder
from minigen.training import checkpoint


def card(name: str | Path, *, best: bool = False) -> Card:
    """What is known of what `load` opens by this name: `print(minigen.card("runs/vae"))`.

    Of a file the card that was given to `model.save`, with class, settings, version and checksum; of a run what it trains, on
    what, how far it is, its last losses, and the metrics that `minigen evaluate` has found in it as it is now; of a model that
    came with minigen its `ShippedCard`. One goes with a model into a file: `network.save(path, card=minigen.card("runs/vae"))`.
    best: of a folder, the card of its best checkpoint, as in `load`. Raises what `load` raises.
    """
    check_best(name, best)
    kind, path = place_of(name)
    if kind == "model":
        return file_card(path)
    if kind == "checkpoint":
        return checkpoint_card(best_of(path) if best else path)
    return run_card(RunFolder.opened(path), best) if kind == "run" else shipped(str(name))


def run_card(folder: RunFolder, best: bool) -> Card:
    """The card of a run folder, as of its last checkpoint or its best one. CommandError if there is none yet, or something in it
    is damaged."""
    config = folder.config()
    known = checkpoint_card(folder.best_of(config) if best else folder.trained(config)).facts
    done = known[config.counted] if best else folder.done(config)
    facts = {
        "about": config.recipe.summary,
        **known,
        "data": config.examples_in_words,
        "trained by": config.command,
        config.counted: done,
        "minigen": config.minigen,
    }
    return Card(facts, folder.figures(config, done))


def file_card(path: Path) -> Card:
    """What was given to `model.save`, and then "class", "settings", the number of "values" in its state, "weights", their
    SHA-256, and "minigen", the version that wrote it. Raises what `load` raises for a file that is damaged."""
    header, state = saving.read(path)
    facts = {name: value for name, value in header["card"].items() if name != "metrics"}
    facts |= {  # which no card stands in for
        **made_of(header["model"]),
        "values": sum(array.size for array in state.values()),
        "weights": header["weights"],
        "minigen": header["minigen"],
    }
    return Card(facts, header["card"].get("metrics", {}))


def checkpoint_card(path: Path) -> Card:
    """What a run's checkpoint knows of its network: the examples it was trained on, how far, its last losses. Raises what `load`
    raises."""
    with checkpoint.opened(path) as saved:
        part = best_part(saved, path)
        rows = checked_history(saved, path).rows
        said = saved.header.get("settings")
        facts: dict[str, Any] = {"data": said.get("data") if isinstance(said, dict) else None}
        if rows:
            clock = next(iter(rows[0]))
            facts[f"{clock}s"] = rows[-1][clock]
            facts["time"] = duration(sum(row.get("seconds", 0.0) for row in rows))
            facts["losses"] = {name: value for name, value in rows[-1].items() if "loss" in name}
        facts |= made_of(record_of(saved, part).get("model"))
        facts["values"] = sum(math.prod(array.shape) for array in kept(saved.layout[part], part).values())
    return Card(facts, {})


def made_of(model: Any) -> dict[str, Any]:
    """Class and settings of a description, none of a class that minigen does not have."""
    model = model if isinstance(model, dict) else {}
    return {name: model[name] for name in ("class", "settings") if name in model}


def duration(seconds: float) -> str:
    """A time in words."""
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} seconds"
