"""Models, one module per paper: architecture, loss and sample(), no training code."""

from minigen.models import applications, autoencoders, gans

__all__ = ["applications", "autoencoders", "gans"]
