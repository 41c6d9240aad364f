"""Generative adversarial networks, one module per paper: each has a Generator and a Discriminator (or Critic)."""

from minigen.models.gans import conditional, dcgan, gan, points, progan, stylegan, wgan
from minigen.models.gans.base import Discriminator, Generator

__all__ = ["Discriminator", "Generator", "conditional", "dcgan", "gan", "points", "progan", "stylegan", "wgan"]
