"""Divergences between distributions, in nats. `reduction`: see losses.reduction; the default is nats per image."""

from minigen import ops
from minigen.autograd import TensorLike
from minigen.losses.reduction import reduce
from minigen.utils.checks import check_same_shape
from minigen.utils.near_misses import explained


@explained
def kl_normal(mean: TensorLike, logvar: TensorLike, reduction: str = "batchmean") -> TensorLike:
    """Divergence of a diagonal Gaussian from the standard normal, KL(N(mean, diag exp(logvar)) || N(0, I)), in nats.

        1/2 sum_j (mean_j^2 + exp(logvar_j) - 1 - logvar_j)

    mean, logvar: (n, latent_dim). "batchmean": summed over the latent variables, mean over the n examples, to match a
    log-likelihood per image; "mean" also divides by latent_dim. From logvar = 20 on it continues along its tangent
    (`ops.kl_standard_normal`), so that nothing overflows. Raises ShapeError unless both have one shape. Source: Kingma & Welling
    2014, appendix B.
    """
    check_same_shape("kl_normal", mean=mean, logvar=logvar)
    return reduce(ops.kl_standard_normal(mean, logvar), reduction)
