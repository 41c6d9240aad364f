"""Metrics, on host NumPy arrays, of images, codes, reconstructions and whole models."""

from minigen.metrics.classes import (
    InceptionScore,
    ModeCoverage,
    accuracy,
    class_histogram,
    inception_score,
    mode_coverage,
    reverse_kl,
)
from minigen.metrics.codes import (
    Separability,
    active_units,
    linear_separability,
    mutual_information,
    mutual_information_gap,
    principal_angles,
    style_attribution,
)
from minigen.metrics.detection import Auroc, alarm_threshold, auroc, false_alarm_interval
from minigen.metrics.features import KernelDistance, frechet_distance, frechet_gaussians, kernel_distance, squared_mmd
from minigen.metrics.images import bernoulli_entropy, psnr, reconstruction_mse, sharpness, ssim
from minigen.metrics.intervals import Estimate, t_interval, wilson_interval
from minigen.metrics.likelihood import elbo, importance_weighted_nll
from minigen.metrics.neighbors import (
    NearestNeighborTest,
    NearestTraining,
    PrecisionRecall,
    knn_accuracy,
    nearest_neighbor_test,
    nearest_training,
    pairwise_diversity,
    precision_recall,
)
from minigen.metrics.patches import laplacian_pyramid, sliced_wasserstein
from minigen.metrics.path_length import perceptual_path_length
from minigen.metrics.samples import Evaluator, FeatureExtractor, evaluate_samples

# fmt: off
__all__ = [
    "Auroc", "Estimate", "Evaluator", "FeatureExtractor", "InceptionScore", "KernelDistance", "ModeCoverage",
    "NearestNeighborTest", "NearestTraining", "PrecisionRecall", "Separability", "accuracy", "active_units",
    "alarm_threshold", "auroc", "bernoulli_entropy", "class_histogram", "elbo", "evaluate_samples", "false_alarm_interval",
    "frechet_distance", "frechet_gaussians", "importance_weighted_nll", "inception_score", "kernel_distance", "knn_accuracy",
    "laplacian_pyramid", "linear_separability", "mode_coverage", "mutual_information", "mutual_information_gap",
    "nearest_neighbor_test", "nearest_training", "pairwise_diversity", "perceptual_path_length", "precision_recall",
    "principal_angles", "psnr", "reconstruction_mse", "reverse_kl", "sharpness", "sliced_wasserstein", "squared_mmd", "ssim",
    "style_attribution", "t_interval", "wilson_interval",
]
# fmt: on
