"""Methods without a network, in closed form or iterative: baselines for models, and maps of their codes."""

from minigen.baselines.neighbor_embedding import tsne
from minigen.baselines.principal_components import PCA, ProbabilisticPCA, pca, probabilistic_pca
from minigen.baselines.wiener import WienerFilter, denoising_error, wiener_filter

__all__ = ["PCA", "ProbabilisticPCA", "WienerFilter", "denoising_error", "pca", "probabilistic_pca", "tsne", "wiener_filter"]
