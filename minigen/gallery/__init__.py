"""Running and showing the demos: their arguments and criteria, notebooks, and the gallery of their pictures."""
