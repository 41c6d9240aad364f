"""Draw new images with a trained model.

None are selected: the seed determines them. Models whose codes have no distribution, such as the stacked autoencoder, cannot
sample; see `minigen interpolate` for those.
"""

import argparse

from minigen import plot
from minigen.commands.trained import image_count, opened, picture_path, run_arguments
from minigen.errors import UsageError, suggestion
from minigen.utils.arguments import Parser, finite_float

EXAMPLES = """
  minigen sample runs/vae
  minigen sample runs/dcgan -n 100 --seed 1 --out samples.png
  minigen sample runs/conditional-dcgan --label 7
  minigen sample runs/faces --psi 0.7
"""


def arguments(parser: Parser) -> None:
    run_arguments(parser)
    parser.add_argument("-n", type=image_count, default=64, help="how many (default: 64)")
    parser.add_argument("--out", type=picture_path, metavar="FILE", help="the picture (default: RUN/samples.png)")
    parser.add_argument("--label", metavar="CLASS", help="the class to draw, of a conditional model (default: all in turn)")
    parser.add_argument(
        "--psi", type=finite_float, default=1.0, metavar="X", help="truncation of StyleGAN's styles, 0: their mean (default: 1)"
    )


def run(args: argparse.Namespace) -> int:
    model = opened(args)
    config, trained = model.config, model.trained
    label = None
    if args.label is not None:
        if args.label not in config.classes:
            raise UsageError(f"unknown class {args.label!r}: {suggestion(args.label, config.classes)}")
        label = config.classes.index(args.label)
    out = args.out or model.out("samples.png")
    columns = len(config.classes) if trained.conditional and label is None else None
    samples = trained.sample(args.n, label, args.psi)
    title = f"{args.n} samples of {config.model}, none selected"
    if config.images_shaped:
        figure = plot.image_grid(config.as_images(samples), columns, title)
    else:
        figure = plot.point_cloud(samples[:, :2], title=title)
    print(f"wrote {plot.save_figure(figure, out)}")
    return 0
