"""The optimizers of the chapter. p: parameters, g: gradient, t = 1, 2, ...: the number of the step."""

import functools
from collections.abc import Iterable

import numpy as np

from minigen.autograd import Parameter
from minigen.backend import Array, array_module
from minigen.optim.optimizer import Optimizer, Schedule
from minigen.utils.checks import check_fraction, check_positive


class SGD(Optimizer):
    """Stochastic gradient descent, plain, with momentum (Polyak 1964) or with Nesterov's (Sutskever et al. 2013).

    v <- momentum * v + g;   p <- p - lr * v,   Nesterov: p <- p - lr * (g + momentum * v)
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float | Schedule,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
    ):
        check_fraction("SGD", momentum=momentum)
        if nesterov and not momentum:
            raise ValueError("Nesterov's momentum needs momentum > 0, got 0")
        self.momentum, self.nesterov = momentum, nesterov
        self.buffers = ("velocity",) if momentum else ()
        super().__init__(parameters, lr, weight_decay, clip_norm)

    def update(self, values: Array, gradient: Array, lr: float, velocity: Array | None = None) -> None:
        if velocity is None:
            gradient *= lr
            values -= gradient
        else:
            velocity *= self.momentum
            velocity += gradient
            values -= lr * (gradient + self.momentum * velocity if self.nesterov else velocity)


class RMSprop(Optimizer):
    """Steps divided by a moving root mean square of the gradient (Tieleman & Hinton 2012, lecture 6.5).

    v <- rho * v + (1 - rho) * g^2;   p <- p - lr * g / (sqrt(v) + eps)
    """

    buffers = squares = ("mean_square",)

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float | Schedule = 1e-3,
        rho: float = 0.9,
        eps: float = 1e-7,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
    ):
        check_fraction("RMSprop", rho=rho)
        check_positive("RMSprop", eps=eps)
        self.rho, self.eps = rho, eps
        super().__init__(parameters, lr, weight_decay, clip_norm)

    def update(self, values: Array, gradient: Array, lr: float, mean_square: Array) -> None:
        move_to_square(mean_square, self.rho, gradient)
        root = array_module(values).sqrt(mean_square)
        root += self.eps
        gradient /= root
        gradient *= lr
        values -= gradient


class Adam(Optimizer):
    """Adaptive moments (Kingma & Ba 2015, algorithm 1).

    m <- beta1 m + (1 - beta1) g;   v <- beta2 v + (1 - beta2) g^2
    p <- p - lr * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)
    """

    buffers = ("first_moment", "second_moment")
    squares = ("second_moment",)

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float | Schedule = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
    ):
        check_fraction(type(self).__name__, beta1=beta1, beta2=beta2)
        check_positive(type(self).__name__, eps=eps)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        super().__init__(parameters, lr, weight_decay, clip_norm)

    def update(self, values: Array, gradient: Array, lr: float, first_moment: Array, second_moment: Array) -> None:
        t = self.t
        self.average(gradient, first_moment, second_moment)
        step = self.root_mean_square(second_moment, t)
        array_module(values).divide(first_moment, step, out=step)
        step *= lr / (1.0 - self.beta1**t)
        values -= step

    def average(self, gradient: Array, first_moment: Array, second_moment: Array) -> None:
        """Move both moments toward g and g^2."""
        first_moment *= self.beta1
        first_moment += (1.0 - self.beta1) * gradient
        move_to_square(second_moment, self.beta2, gradient)

    def root_mean_square(self, second_moment: Array, t: int) -> Array:
        """sqrt(v / (1 - beta2^t)) + eps."""
        root = array_module(second_moment).sqrt(second_moment)
        root *= (1.0 - self.beta2**t) ** -0.5
        root += self.eps
        return root


class Nadam(Adam):
    """Adam with Nesterov's momentum, whose coefficient warms up (Dozat 2016).

    mu_t = beta1 (1 - 0.96^(0.004 t) / 2);   m, v as Adam's
    p <- p - lr * (mu_{t+1} m / (1 - mu_1 ... mu_{t+1}) + (1 - mu_t) g / (1 - mu_1 ... mu_t)) / (sqrt(v / (1 - beta2^t)) + eps)
    """

    def update(self, values: Array, gradient: Array, lr: float, first_moment: Array, second_moment: Array) -> None:
        t = self.t
        self.average(gradient, first_moment, second_moment)
        ahead = self.momentum(t + 1) / (1.0 - momentum_product(self.beta1, t + 1))
        now = (1.0 - self.momentum(t)) / (1.0 - momentum_product(self.beta1, t))
        values -= lr * (ahead * first_moment + now * gradient) / self.root_mean_square(second_moment, t)

    def momentum(self, t: int) -> float:
        """mu_t."""
        return self.beta1 * (1.0 - 0.5 * 0.96 ** (0.004 * t))


def move_to_square(average: Array, decay: float, gradient: Array) -> None:
    """average <- decay * average + (1 - decay) * gradient^2, in place."""
    square = (1.0 - decay) * gradient
    square *= gradient
    average *= decay
    average += square


@functools.lru_cache(maxsize=8)
def momentum_product(beta1: float, t: int) -> float:
    """Nadam's mu_1 mu_2 ... mu_t; beyond 2,000 factors it underflows to zero."""
    steps = np.arange(1, min(t, 2000) + 1)
    return float(np.prod(beta1 * (1.0 - 0.5 * 0.96 ** (0.004 * steps))))
