"""Did it work? Numbers, on host NumPy arrays, that judge codes and reconstructions."""

from minigen.metrics.neighbours import knn_accuracy
from minigen.metrics.reconstruction import bernoulli_floor, reconstruction_mse
from minigen.metrics.subspace import PCA, pca, principal_angles

__all__ = ["PCA", "bernoulli_floor", "knn_accuracy", "pca", "principal_angles", "reconstruction_mse"]
