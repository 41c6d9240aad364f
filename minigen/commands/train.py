"""Train a model of the chapter, into a run folder.

The folder gets config.json, history.csv, checkpoint.npz and pictures/. Ctrl-C saves, as does SIGTERM: `minigen resume` continues.
Each model has its own options: `minigen train MODEL --help`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import minigen
from minigen.backend import current, use
from minigen.backend.devices import NAMES as BACKENDS
from minigen.commands.learning import train_into
from minigen.data import Dataset
from minigen.data.picture_files import FITS, picture_format
from minigen.data.registry import is_path
from minigen.errors import RecipeError, UsageError
from minigen.recipes import RECIPES, InputSpec, Recipe, inputs
from minigen.recipes.config import Config
from minigen.recipes.gans import GanRecipe
from minigen.recipes.run_folder import RunFolder
from minigen.utils.arguments import Parser, add_name, add_output, add_progress, add_seed, one_of, positive_int, resolution

EXAMPLES = """
  minigen train vae --data mnist --epochs 25 --out runs/vae
  minigen train vae --latent-dim 2 --beta 4 --out runs/beta
  minigen train dcgan --data fashion_mnist --steps 3000
  minigen train progan --data faces --resolution 32 --last 360000 --distance --out runs/faces
  minigen train stacked --images 2000 --epochs 2
  minigen train progan --data holidays/ --resolution 64 --out runs/holidays
  minigen train dcgan --data cifar10
"""
RESOLUTION, OF_PICTURES = 32, 64  # of faces, and of the pictures in a folder, by default
ANY = 10**9  # examples, if their number is unknown: more than any batch needs


def arguments(parser: Parser) -> None:
    """MODEL, and the rest, which its own parser handles: `model_parser`."""
    models = "\n".join(f"  {recipe.name:22} {recipe.summary}" for recipe in RECIPES.values())
    parser.description = f"{parser.description}\nmodels:\n{models}"
    parser.add_argument("model", type=one_of("model", [*RECIPES]), metavar="MODEL", help="one of the models above")
    words = parser.add_argument("words", nargs=argparse.REMAINDER, metavar="...", help="its options: minigen train MODEL --help")
    words.required = False


def model_parser(recipe: Recipe) -> Parser:
    """The parser of `minigen train MODEL`: the common training options, and the model's own."""
    parser = Parser(f"minigen train {recipe.name}", recipe.summary)
    add = parser.add_argument
    add_output(parser, Path("runs", recipe.name), "run folder", "RUN")
    names = ", ".join(inputs.NAMES)
    add(
        "--data",
        type=source,
        default=recipe.data,
        metavar="DATA",
        help=f"{names}, or a folder of pictures (default: {recipe.data})",
    )
    add("--images", type=positive_int, metavar="N", help="train on this many examples only")
    sizes = f"of faces (default: {RESOLUTION}) or of the pictures in a folder (default: {OF_PICTURES})"
    add("--resolution", type=positive_int, metavar="N", help=sizes)
    length = f"{recipe.epochs} epochs" if recipe.epochs else f"{recipe.steps} steps" if recipe.steps else "until it is grown"
    long = parser.add_mutually_exclusive_group()
    long.add_argument("--epochs", type=positive_int, metavar="N", help=f"passes over the data (default: {length})")
    long.add_argument("--steps", type=positive_int, metavar="N", help="the same, counted in updates")
    add("--batch-size", type=positive_int, metavar="N", help=f"(default: {recipe.batch_size})")
    add("--lr", type=float, metavar="X", help=f"largest learning rate (default: {recipe.lr:g})")
    add_seed(parser)
    add_name(parser, "backend", BACKENDS, "array library")
    add_progress(parser)
    if isinstance(recipe, GanRecipe):
        add(
            "--distance",
            action="store_true",
            help="add the Fréchet distance to the history; trains an evaluator if there is none",
        )
    pictures = parser.add_argument_group("how the pictures in a folder are taken")
    pictures.add_argument(
        "--fit", type=one_of("fit", FITS), metavar="HOW", help=f"{', '.join(FITS)} (default: crop, to the middle)"
    )
    pictures.add_argument("--gray", action="store_true", default=None, help="without color")
    pictures.add_argument("--background", metavar="COLOR", help="behind transparent parts, and of margins (default: white)")
    pictures.add_argument(
        "--classes",
        action=argparse.BooleanOptionalAction,
        help="whether sub-folders are classes (default: if there are no pictures beside them)",
    )
    own = parser.add_argument_group(f"options of {recipe.name}") if recipe.options() else None
    for name, option in recipe.options().items():
        kind, choices = type(option.default), option.metadata["choices"]
        own.add_argument(
            f"--{name.replace('_', '-')}",
            type=one_of(name, choices) if choices else kind,
            default=option.default,
            metavar={int: "N", float: "X", str: f"{{{','.join(choices)}}}"}[kind],
            help=f"{option.metadata['help']} (default: {f'{option.default:.6g}' if kind is float else option.default})",
        )
    return parser


def run(args: argparse.Namespace) -> int:
    recipe = RECIPES[args.model]
    args = model_parser(recipe).parse_args(args.words)
    folder = RunFolder(args.out)
    folder.check_free()
    args.data = inputs.source(args.data)
    options = options_of_data(args)
    use(args.backend or current().name)
    shape, classes = inputs.shape_of(args.data, args.resolution, bool(args.gray)), inputs.classes_of(args.data, args.classes)
    complete(args, recipe, shape, classes, args.images or ANY)  # before anything is loaded
    train, test = inputs.load_examples(args.data, args.images, args.resolution, **options)
    if inputs.is_folder(args.data):
        options["checksum"] = inputs.fingerprint(train)
    config = configured(args, recipe, train, options or None)
    with folder.created():
        config.save(folder.config_file)
        return train_into(folder, config, (train, test), args.progress)


def source(text: str) -> str:
    """The type of an argument that names a data set, or a folder of pictures."""
    if text not in inputs.NAMES:
        try:
            is_path(text)
        except ValueError as error:  # a mere word that names nothing
            raise argparse.ArgumentTypeError(str(error)) from error
    return text


def options_of_data(args: argparse.Namespace) -> dict[str, Any]:
    """How the pictures of a folder are taken; nothing for a data set. UsageError for options that the data do not have.

    Fills in the resolution.
    """
    given = {name: value for name in inputs.PICTURES if (value := getattr(args, name)) is not None}
    if inputs.is_folder(args.data):
        args.resolution = args.resolution or OF_PICTURES
        try:
            form = picture_format(args.resolution, **{name: value for name, value in given.items() if name != "classes"})
        except ValueError as error:
            raise UsageError(str(error)) from error
        return {"fit": form.fit, "gray": form.gray, "background": form.background, "classes": args.classes}
    if given:
        raise UsageError(f"--{next(iter(given))} is for the pictures in a folder: {args.data} is a data set")
    if args.resolution is None:
        args.resolution = RESOLUTION
    elif args.data != "faces":
        raise UsageError(f"--resolution is for --data faces, or a folder: examples of {args.data} have a size of their own")
    try:
        resolution(str(args.resolution))
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"argument --resolution: {error}") from error
    return {}


def configured(args: argparse.Namespace, recipe: Recipe, train: Dataset, pictures: dict[str, Any] | None) -> Config:
    """The content of config.json. UsageError for settings with which the model cannot be built or trained."""
    recipe = complete(args, recipe, train.images.shape[1:], len(train.class_names), len(train))
    return Config(
        minigen=minigen.__version__,
        model=recipe.name,
        data=args.data,
        images=args.images,
        resolution=args.resolution,
        examples=len(train),
        classes=list(train.class_names),
        seed=args.seed,
        backend=current().name,
        settings=recipe.settings,
        distance=getattr(args, "distance", False),
        pictures=pictures,
    )


def complete(args: argparse.Namespace, recipe: Recipe, shape: Sequence[int], classes: int, n: int) -> Recipe:
    """The recipe of a run with n examples. UsageError for settings with which the model cannot be built or trained."""
    try:
        recipe = recipe.with_arguments(args)
        spec = spec_of(args, recipe, shape, classes)
        recipe = recipe.with_length(spec, n)
        recipe.check(spec)
    except (TypeError, ValueError) as error:  # the library's own message
        raise UsageError(str(error)) from error
    return recipe


def spec_of(args: argparse.Namespace, recipe: Recipe, shape: Sequence[int], classes: int) -> InputSpec:
    """The input spec. RecipeError for a shape that the model does not take: that of faces, and of a folder's pictures, can be
    chosen."""
    try:
        return recipe.input_spec(shape, classes)
    except RecipeError as error:
        chosen = args.data == "faces" or inputs.is_folder(args.data)
        hint = ": --resolution N takes squares of N x N pixels" if chosen else ""
        raise RecipeError(f"{error}{hint}") from error
