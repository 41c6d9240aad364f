"""Did it work? Numbers, on host NumPy arrays, that judge images, codes, reconstructions and whole models."""

from minigen.metrics.classification import accuracy
from minigen.metrics.disentanglement import active_units, mutual_information, mutual_information_gap
from minigen.metrics.images import psnr, sharpness, ssim
from minigen.metrics.intervals import mean_interval
from minigen.metrics.likelihood import Estimate, elbo, importance_weighted_nll
from minigen.metrics.neighbours import knn_accuracy
from minigen.metrics.probabilistic_pca import ProbabilisticPCA, probabilistic_pca
from minigen.metrics.reconstruction import bernoulli_floor, reconstruction_mse
from minigen.metrics.subspace import PCA, pca, principal_angles
from minigen.metrics.wiener import WienerFilter, denoising_error, wiener_filter

__all__ = [
    "PCA", "Estimate", "ProbabilisticPCA", "WienerFilter", "accuracy", "active_units", "bernoulli_floor", "denoising_error",
    "elbo", "importance_weighted_nll", "knn_accuracy", "mean_interval", "mutual_information", "mutual_information_gap", "pca",
    "principal_angles", "probabilistic_pca", "psnr", "reconstruction_mse", "sharpness", "ssim", "wiener_filter",
]
