"""Layers: parameters and functions together."""

from minigen.nn import init
from minigen.nn.activations import ELU, SELU, LeakyReLU, ReLU, Sigmoid, Softmax, Softplus, Tanh, activation
from minigen.nn.containers import Flatten, Reshape, Sequential
from minigen.nn.convolution import Conv2d, ConvTranspose2d
from minigen.nn.dense import Dense, DenseTranspose
from minigen.nn.minibatch import MinibatchDiscrimination, MinibatchStdDev, Pack
from minigen.nn.module import Buffer, Module
from minigen.nn.normalization import BatchNorm, InstanceNorm, LayerNorm
from minigen.nn.pooling import AvgPool2d, MaxPool2d, UpSample2d
from minigen.nn.recurrent import GRU, LSTM, GRUCell, LSTMCell, RepeatVector
from minigen.nn.regularization import ActivityRegularization, Dropout, GaussianNoise, activity_penalty
from minigen.nn.sampling import Sampling
from minigen.nn.spectral import SpectralNorm, spectral_norm

__all__ = [
    "ELU", "GRU", "LSTM", "SELU", "ActivityRegularization", "AvgPool2d", "BatchNorm", "Buffer", "Conv2d",
    "ConvTranspose2d", "Dense", "DenseTranspose", "Dropout", "Flatten", "GRUCell", "GaussianNoise", "InstanceNorm",
    "LSTMCell", "LayerNorm", "LeakyReLU", "MaxPool2d", "MinibatchDiscrimination", "MinibatchStdDev", "Module", "Pack",
    "ReLU", "RepeatVector", "Reshape", "Sampling", "Sequential", "Sigmoid", "Softmax", "Softplus", "SpectralNorm", "Tanh",
    "UpSample2d", "activation", "activity_penalty", "init", "spectral_norm",
]
