"""Procedural data with known factors of variation: glyphs, faces, styles of drawings, points in the plane."""

from minigen.synthetic import faces, glyphs, styles
from minigen.synthetic.toys import GaussianMixture, gaussian_grid, gaussian_ring, tilted_plane

__all__ = ["GaussianMixture", "faces", "gaussian_grid", "gaussian_ring", "glyphs", "styles", "tilted_plane"]
