"""Walk from image to image through the latent space.

Each row is a walk: of an autoencoder straight from the code of one held-out image to that of another (of a conditional model
in the class of the first), of a GAN along a great circle from one latent vector to another. Between pictures of your own,
in Python: minigen.load(RUN).interpolate(a, b): docs/guide/latent.md.
"""

import argparse

import numpy as np

from minigen import plot
from minigen.commands.trained import MOST, image_count, opened, picture_path, run_arguments
from minigen.errors import UsageError
from minigen.utils.arguments import Parser

EXAMPLES = """
  minigen interpolate runs/vae
  minigen interpolate runs/stylegan --rows 3 --steps 12 --out walk.png
  minigen interpolate runs/dcgan --gif
"""


def arguments(parser: Parser) -> None:
    run_arguments(parser)
    parser.add_argument("--rows", type=image_count, default=5, help="walks, one per row (default: 5)")
    parser.add_argument("--steps", type=image_count, default=10, help="images per walk, its ends included (default: 10)")
    parser.add_argument("--out", type=picture_path, metavar="FILE", help="the picture (default: RUN/interpolation.png)")
    parser.add_argument("--gif", action="store_true", help="also as an animation beside it, there and back")


def run(args: argparse.Namespace) -> int:
    if args.steps < 2:
        raise UsageError("a walk has two ends: take at least 2 steps")
    if args.rows * args.steps > MOST:
        raise UsageError(f"{args.rows} walks of {args.steps} steps are {args.rows * args.steps:,} images: take at most {MOST:,}")
    model = opened(args)
    config, trained = model.config, model.trained
    if not config.images_shaped:
        raise UsageError(f"{config.data} are points, not images: there is nothing to see between them")
    held_out = None
    if config.counted == "epochs":  # an autoencoder, which walks between what it is shown
        held_out = config.load()[1]
    a, b, labels = trained.ends(args.rows, np.random.default_rng(args.seed), held_out)
    walks = trained.interpolate(a, b, args.steps, labels=labels)
    images = config.as_images(walks.reshape(-1, *walks.shape[2:]))
    images = images.reshape(*walks.shape[:2], *images.shape[1:])
    out = args.out or model.out("interpolation.png")
    figure = plot.walk_grid(images, f"From one image to another: {config.model}")
    print(f"wrote {plot.save_figure(figure, out)}")
    if args.gif:
        print(f"wrote {plot.save_walks(images, out.with_suffix('.gif'))}")
    return 0
