"""Layers: parameters and functions together."""

from typing import TYPE_CHECKING

from minigen.nn import init
from minigen.nn.activations import ELU, SELU, LeakyReLU, ReLU, Sigmoid, Softmax, Softplus, Tanh, activation
from minigen.nn.containers import Flatten, Reshape, Sequential
from minigen.nn.convolution import Conv2d, ConvTranspose2d
from minigen.nn.dense import Dense, DenseTranspose
from minigen.nn.growing import AdaIN, Bias, Blur2d, EqualizedConv2d, EqualizedDense, LearnedConstant, NoiseInjection, PixelNorm
from minigen.nn.minibatch import MinibatchDiscrimination, MinibatchStdDev, Pack
from minigen.nn.module import Buffer, Module, NonNegative
from minigen.nn.normalization import BatchNorm, InstanceNorm, LayerNorm
from minigen.nn.pooling import AvgPool2d, MaxPool2d, UpSample2d
from minigen.nn.recurrent import GRU, LSTM, GRUCell, LSTMCell, RepeatVector
from minigen.nn.regularization import ActivityRegularization, Dropout, GaussianNoise, activity_penalty
from minigen.nn.sampling import Sampling
from minigen.nn.spectral import SpectralNorm, spectral_norm
from minigen.utils.near_misses import answering

# fmt: off
__all__ = [
    "ActivityRegularization", "AdaIN", "AvgPool2d", "BatchNorm", "Bias", "Blur2d", "Buffer", "Conv2d", "ConvTranspose2d", "Dense",
    "DenseTranspose", "Dropout", "ELU", "EqualizedConv2d", "EqualizedDense", "Flatten", "GRU", "GRUCell", "GaussianNoise",
    "InstanceNorm", "LSTM", "LSTMCell", "LayerNorm", "LeakyReLU", "LearnedConstant", "MaxPool2d", "MinibatchDiscrimination",
    "MinibatchStdDev", "Module", "NoiseInjection", "NonNegative", "Pack", "PixelNorm", "ReLU", "RepeatVector", "Reshape", "SELU",
    "Sampling", "Sequential", "Sigmoid", "Softmax", "Softplus", "SpectralNorm", "Tanh", "UpSample2d", "activation",
    "activity_penalty", "init", "spectral_norm",
]
# fmt: on

if not TYPE_CHECKING:
    __getattr__ = answering(__name__, __all__)
