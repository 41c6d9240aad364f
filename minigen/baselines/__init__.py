"""Methods without a network, in closed form or iterative: baselines for models, and maps of their codes.

Beside them, what generators are compared with: trivial samplers, and real images spoiled on purpose (`baselines.spoiling`).
"""

from minigen.baselines import spoiling
from minigen.baselines.neighbor_embedding import tsne
from minigen.baselines.principal_components import PCA, ProbabilisticPCA, pca, probabilistic_pca
from minigen.baselines.trivial_samplers import trivial_samples
from minigen.baselines.wiener import WienerFilter, denoising_error, wiener_filter

# fmt: off
__all__ = [
    "PCA", "ProbabilisticPCA", "WienerFilter", "denoising_error", "pca", "probabilistic_pca", "spoiling", "trivial_samples",
    "tsne", "wiener_filter",
]
# fmt: on
