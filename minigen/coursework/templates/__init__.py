"""A starter file of each kind."""
