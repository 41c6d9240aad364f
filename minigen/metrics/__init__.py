"""Metrics, on host NumPy arrays, of images, codes, reconstructions and whole models."""

from minigen.metrics.attribution import style_attribution
from minigen.metrics.classification import accuracy
from minigen.metrics.coverage import ModeCoverage, class_histogram, mode_coverage, reverse_kl
from minigen.metrics.detection import Auroc, alarm_threshold, auroc, false_alarm_interval
from minigen.metrics.disentanglement import active_units, mutual_information, mutual_information_gap
from minigen.metrics.diversity import pairwise_diversity
from minigen.metrics.evaluator import Evaluator, FeatureExtractor
from minigen.metrics.frechet import frechet_distance, frechet_gaussians
from minigen.metrics.images import psnr, sharpness, ssim
from minigen.metrics.intervals import t_interval, wilson_interval
from minigen.metrics.kernel import KernelDistance, kernel_distance, squared_mmd
from minigen.metrics.likelihood import Estimate, elbo, importance_weighted_nll
from minigen.metrics.manifold import PrecisionRecall, precision_recall
from minigen.metrics.memorization import NearestTraining, nearest_training
from minigen.metrics.neighbors import knn_accuracy
from minigen.metrics.path_length import PathLength, perceptual_path_length
from minigen.metrics.reconstruction import bernoulli_entropy, reconstruction_mse
from minigen.metrics.samples import evaluate_samples
from minigen.metrics.separability import Separability, linear_separability
from minigen.metrics.subspace import principal_angles
from minigen.metrics.two_sample import NearestNeighborTest, nearest_neighbor_test

__all__ = [
    "Auroc",
    "Estimate",
    "Evaluator",
    "FeatureExtractor",
    "KernelDistance",
    "ModeCoverage",
    "NearestNeighborTest",
    "NearestTraining",
    "PathLength",
    "PrecisionRecall",
    "Separability",
    "accuracy",
    "active_units",
    "alarm_threshold",
    "auroc",
    "bernoulli_entropy",
    "class_histogram",
    "elbo",
    "false_alarm_interval",
    "frechet_distance",
    "frechet_gaussians",
    "importance_weighted_nll",
    "evaluate_samples",
    "kernel_distance",
    "knn_accuracy",
    "linear_separability",
    "t_interval",
    "mode_coverage",
    "mutual_information",
    "mutual_information_gap",
    "nearest_neighbor_test",
    "nearest_training",
    "pairwise_diversity",
    "perceptual_path_length",
    "precision_recall",
    "principal_angles",
    "psnr",
    "reconstruction_mse",
    "reverse_kl",
    "wilson_interval",
    "sharpness",
    "squared_mmd",
    "ssim",
    "style_attribution",
]
