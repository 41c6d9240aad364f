"""A file to begin with, of each kind."""
