"""Put the model of a run folder among those that come with minigen: `python -m minigen.pretrained RUN NAME`.

Writes NAME.npz and NAME.json into this folder; the metrics of the card are those of RUN/evaluation.json, which `minigen evaluate
RUN` makes, and it keeps the `check_figures` by which a test recognizes the weights.
"""

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from minigen.errors import CommandError
from minigen.pretrained import check_figures, opened, pack
from minigen.recipes.run_folder import RunFolder
from minigen.utils.arguments import Parser
from minigen.utils.exits import guarded

LICENSES = {
    "faces": "none needed: minigen draws the faces itself",
    "glyphs": "none needed: minigen draws the glyphs itself",
    "mnist": "MNIST: Yann LeCun and Corinna Cortes, CC BY-SA 3.0",
    "fashion_mnist": "Fashion-MNIST: Zalando SE, MIT",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; returns the exit status."""
    parser = Parser("python -m minigen.pretrained", __doc__ or "", epilog="")
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder that was evaluated")
    parser.add_argument("name", metavar="NAME", help="such as progan-faces-32")
    parser.add_argument("--about", required=True, help="the model in a line")
    parser.add_argument("--on", default="two cores", help="what it was trained on (default: two cores)")
    args = parser.parse_args(argv)
    folder = RunFolder.opened(args.run)
    config = folder.config()
    figures = folder.figures(config, folder.done(config))
    if not figures:
        raise CommandError(f"{folder.path} was not evaluated yet: minigen evaluate {folder.path}")
    rows = list(csv.DictReader(folder.history.read_text(encoding="utf-8").splitlines()))
    hours = sum(float(row["seconds"]) for row in rows) / 3600
    done = folder.done(config) * (config.settings["batch_size"] if config.counted == "steps" else config.examples)
    card = pack(
        opened(folder.path).trained,
        config,
        args.name,
        about=args.about,
        command=config.command,
        images_seen=done,
        hours=f"{hours:.1f} hours on {args.on}",
        license=LICENSES.get(config.data, f"that of the images in {config.data}"),
        metrics=figures,
    )
    card = replace(card, check=check_figures(args.name))
    card.save()
    print(card)
    print(f"wrote {card.weights} and .json")
    return 0


if __name__ == "__main__":
    raise SystemExit(guarded(main))
