"""Evaluate a trained model by metrics of its kind, on held-out examples; a table, and RUN/evaluation.json.

Autoencoders: the error of their reconstructions, beside that of PCA with as many components. Variational ones: bounds of the
log-likelihood, in nats. GANs: how far samples are from real images in the eyes of an evaluator, a classifier that is trained once
for each data set and kept; below the floor, the distance of real images from others, no generator can be expected to get.
"""

import argparse
from typing import Any

import numpy as np

from minigen import baselines, evaluators, metrics
from minigen.autograd import no_grad
from minigen.backend import asarray, to_numpy
from minigen.commands.trained import opened, run_arguments
from minigen.data import Dataset
from minigen.errors import UsageError
from minigen.models.autoencoders import DenoisingAutoencoder, HashingAutoencoder, LinearVariationalAutoencoder
from minigen.recipes import TrainedModel, inputs
from minigen.recipes.config import Config
from minigen.utils.arguments import Parser, positive_int
from minigen.utils.files import write_json
from minigen.utils.tables import table

EXAMPLES = """
  minigen evaluate runs/vae
  minigen evaluate runs/dcgan -n 5000
"""
IMPORTANCE_SAMPLES = 50
FEWEST = 4  # samples that can be evaluated: each has three nearest neighbors among the others
NEAREST = 500  # samples whose nearest training image is searched


def arguments(parser: Parser) -> None:
    run_arguments(parser)
    parser.add_argument("-n", type=positive_int, default=2000, help="examples to evaluate, at most (default: 2000)")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")


def run(args: argparse.Namespace) -> int:
    model = opened(args)
    config, trained = model.config, model.trained
    train, test = inputs.load_examples(config.data, config.images, config.resolution)
    config.check_data(train)
    if config.counted == "steps":
        figures = generated(trained, config, train, args.n, not args.quiet)
    else:
        figures = reconstructed(trained, train, test[: args.n])
        if trained.generative:
            figures |= bounds(trained, train, test[: args.n])
    rows = [(name, value if isinstance(value, str) else f"{value:.5g}") for name, value in figures.items()]
    print(table(rows))  # before they are saved, which can fail
    path = model.out("evaluation.json")
    write_json(path, {"model": config.model, "data": config.data, "seed": args.seed, "figures": figures})
    print(f"wrote {path}")
    return 0


# -- autoencoders ----------------------------------------------------------------------------------------------


def reconstructed(trained: TrainedModel, train: Dataset, test: Dataset) -> dict[str, float]:
    """Name -> squared errors, means over all values of all held-out examples."""
    originals, fitted = (trained.inputs(part)[0].reshape(len(part), -1) for part in (test, train))
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


def bounds(trained: TrainedModel, train: Dataset, test: Dataset) -> dict[str, float]:
    """Name -> nats per example: how improbable the model finds held-out examples, and how much information codes carry."""
    model, examples = trained.model, trained.inputs(test)
    figures = {}
    if isinstance(model, LinearVariationalAutoencoder):
        with no_grad():
            figures["negative ELBO, nats"] = -float(to_numpy(model.elbo(asarray(examples[0]))).mean())
        best = baselines.probabilistic_pca(trained.inputs(train)[0], model.latent_dim)
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


# -- GANs ------------------------------------------------------------------------------------------------------


def generated(trained: TrainedModel, config: Config, train: Dataset, n: int, progress: bool) -> dict[str, Any]:
    """Name -> the evaluator's metrics of n samples against n training images, and n others; at most half of all.

    UsageError for fewer than can be evaluated.
    """
    n = min(n, len(train) // 2)
    if n < FEWEST:
        raise UsageError(
            f"samples are evaluated beside as many training images, and as many others: at least {FEWEST} of each, here are {n}"
        )
    order = np.random.default_rng(0).permutation(len(train))
    real, others = (train.images[order[part]] for part in (slice(n), slice(n, 2 * n)))
    samples = inputs.unpadded(trained.sample(n), real.shape[1])
    if config.data == "faces":
        evaluator = evaluators.attribute_classifier(train, progress=progress)
        features = [evaluator.features(images) for images in (real, samples, others)]
        scores = {
            "Fréchet distance": metrics.frechet_distance(*features[:2]),
            "Fréchet floor": metrics.frechet_distance(features[0], features[2]),
        }
    else:
        evaluator = evaluators.feature_classifier(train, progress=progress)
        scores = metrics.evaluate_samples(evaluator, samples, real, others)
        if trained.conditional:
            scores["samples of the class asked for"] = metrics.accuracy(evaluator.predict(samples), trained.labels(n, None))
    near = metrics.nearest_training(samples[:NEAREST], real, held_out=others[:NEAREST])
    return {
        "samples": n,
        **scores,
        "pairwise diversity": metrics.pairwise_diversity(samples, real),
        "nearest-training-image ratio": near.memorization_ratio,
        "evaluator": evaluator.fingerprint(),
    }
