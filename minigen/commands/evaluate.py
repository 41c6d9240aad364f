"""Evaluate a trained model by metrics of its kind, on held-out examples; a table, and RUN/evaluation.json.

Autoencoders: the error of their reconstructions, beside that of PCA with as many components. Variational ones: bounds of the
log-likelihood, in nats. What generates images: how far samples are from real ones in the eyes of an evaluator, which is trained
once for each data set and kept, beside trivial samplers and real images held out, the floor; what is missing among them; and
whether they are copies.
"""

import argparse
from math import isqrt
from typing import Any

import numpy as np

from minigen import baselines, data, evaluators, metrics
from minigen.autograd import no_grad
from minigen.backend import asarray, to_numpy
from minigen.commands.trained import opened, run_arguments
from minigen.data import Dataset
from minigen.errors import UsageError
from minigen.evaluators.comparison import MEASURED
from minigen.models.autoencoders import DenoisingAutoencoder, HashingAutoencoder, LinearVariationalAutoencoder
from minigen.recipes import TrainedModel, inputs
from minigen.recipes.config import Config
from minigen.utils.arguments import Parser, positive_int
from minigen.utils.files import write_json

EXAMPLES = """
  minigen evaluate runs/vae
  minigen evaluate runs/dcgan -n 1000
"""
IMPORTANCE_SAMPLES = 50
RECONSTRUCTED = 2000  # examples of an autoencoder by default
DECOMPOSED = 2**36  # n d min(n, d) of the n training examples with d values to which PCA is fitted, at most: a minute or two
FEWEST = 5  # samples that can be compared: precision looks at three neighbors of each
OF_CLASS = 2  # samples of each class, if classes are asked for: pairs of them are compared


def arguments(parser: Parser) -> None:
    run_arguments(parser)
    parser.add_argument(
        "-n", type=positive_int, help=f"examples to evaluate, at most (default: {RECONSTRUCTED}; of samples {MEASURED})"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bars")


def run(args: argparse.Namespace) -> int:
    model = opened(args)
    config, trained = model.config, model.trained
    train, test = config.load()
    figures = {}
    if config.counted == "epochs":
        examples = evaluators.at_random(test, args.n or RECONSTRUCTED)
        figures = reconstructed(trained, train, examples)
        if trained.generative:
            figures |= bounds(trained, train, examples)
    if trained.generative and config.images_shaped:
        figures |= generated(trained, config, train, test, args.n or MEASURED, not args.quiet)
    print(evaluators.evidence_table(figures))  # before they are saved, which can fail
    path = model.out("evaluation.json")
    clock = config.counted.removesuffix("s")
    done = {config.counted: trained.history[clock][-1]} if trained.history.rows else {}  # by which its card knows it again
    write_json(path, {"model": config.model, "data": config.data, "seed": args.seed, **done, "figures": figures})
    print(f"wrote {path}")
    return 0


# -- autoencoders ----------------------------------------------------------------------------------------------


def reconstructed(trained: TrainedModel, train: Dataset, test: Dataset) -> dict[str, float]:
    """Name -> squared errors, means over all values of all held-out examples."""
    originals, fitted = trained.inputs(test)[0].reshape(len(test), -1), rows(trained, train)
    rebuilt = trained.reconstruct(test).reshape(originals.shape)
    k = min(trained.codes(test[:1]).size, *fitted.shape)
    error = metrics.reconstruction_mse(originals, rebuilt)
    best = metrics.reconstruction_mse(originals, baselines.pca(fitted, k).reconstruct(originals))
    figures = {
        "held-out examples": len(test),
        "values in a code": trained.codes(test[:1]).size,
        "squared error": error,
        f"squared error of PCA with {k} components": best,
    }
    model = trained.model
    if isinstance(model, DenoisingAutoencoder):
        damaged = to_numpy(model.corrupt(asarray(test.images)))
        whole = to_numpy(model.reconstruct(asarray(damaged)))
        figures |= {
            f"squared error of images with {model.corrupt.name} damage": metrics.reconstruction_mse(test.images, damaged),
            "squared error of what is made of them": metrics.reconstruction_mse(test.images, whole),
        }
    if isinstance(model, HashingAutoencoder):
        codes = trained.codes(test)
        figures["share of codes outside (0.1, 0.9)"] = float(((codes < 0.1) | (codes > 0.9)).mean())
    return figures


def rows(trained: TrainedModel, train: Dataset) -> np.ndarray:
    """The training examples, (n, d), to which PCA is fitted: the first ones, if that would take long, n d min(n, d) steps."""
    d = train.images[0].size
    few = train[: max(DECOMPOSED // d**2, min(d, isqrt(DECOMPOSED // d)), 1)]
    return trained.inputs(few)[0].reshape(len(few), -1)


def bounds(trained: TrainedModel, train: Dataset, test: Dataset) -> dict[str, float]:
    """Name -> nats per example: how improbable the model finds held-out examples, and how much information codes carry."""
    model, examples = trained.model, trained.inputs(test)
    figures = {}
    if isinstance(model, LinearVariationalAutoencoder):
        with no_grad():
            figures["negative ELBO, nats"] = -float(to_numpy(model.elbo(asarray(examples[0]))).mean())
        best = baselines.probabilistic_pca(rows(trained, train), model.latent_dim)
        figures["the same of probabilistic PCA, exact, nats"] = -float(best.log_likelihood(examples[0]).mean())
    elif trained.conditional:
        with no_grad():
            _, terms = model.loss(*map(asarray, examples))
        figures["negative ELBO given the class, nats"] = float(terms["reconstruction"]) + float(terms["kl"])
    else:
        figures["negative ELBO, nats"] = -metrics.elbo(model, examples[0], seed=0).value
        surprise = metrics.importance_weighted_nll(model, examples[0], IMPORTANCE_SAMPLES, seed=0)
        figures[f"importance-weighted bound, {IMPORTANCE_SAMPLES} samples, nats"] = surprise.value
    figures["active units"] = metrics.active_units(trained.codes(test))
    return figures


# -- samples ---------------------------------------------------------------------------------------------------


def generated(trained: TrainedModel, config: Config, train: Dataset, test: Dataset, n: int, progress: bool) -> dict[str, Any]:
    """The evidence about n samples, or fewer where there are fewer real images. UsageError for fewer than can be evaluated."""
    held_out = real_images(config, test, n)
    n = min(n, len(train), len(held_out))
    least = max(FEWEST, OF_CLASS * len(train.class_names) if trained.conditional else 0)
    if n < least:
        raise UsageError(
            f"samples are evaluated beside as many training images, and as many held out: at least {least} of each, here are {n}"
        )
    evaluator = evaluators.evaluator_of(train, progress=progress)
    samples = inputs.unpadded(config.as_images(trained.sample(n)), train.images.shape[1])
    asked = trained.labels(n, None) if trained.conditional else None
    return evaluators.evidence(evaluator, train, held_out, samples, asked)


def real_images(config: Config, test: Dataset, n: int) -> np.ndarray:
    """At most n real images that the model has not seen: of faces as many as are asked for are drawn."""
    if config.data == "faces" and n > len(test):
        _, test = data.load("faces", resolution=config.resolution, train_size=1, test_size=n, cache=True)
    return evaluators.held_out(test, n)
