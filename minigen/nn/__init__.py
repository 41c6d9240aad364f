"""Layers: parameters and functions together."""

from minigen.nn import init
from minigen.nn.activations import ELU, SELU, LeakyReLU, ReLU, Sigmoid, Softmax, Softplus, Tanh
from minigen.nn.containers import Flatten, Reshape, Sequential
from minigen.nn.dense import Dense, DenseTranspose
from minigen.nn.module import Module
from minigen.nn.regularization import Dropout, GaussianNoise

__all__ = [
    "ELU", "SELU", "Dense", "DenseTranspose", "Dropout", "Flatten", "GaussianNoise", "LeakyReLU", "Module", "ReLU", "Reshape",
    "Sequential", "Sigmoid", "Softmax", "Softplus", "Tanh", "init",
]
