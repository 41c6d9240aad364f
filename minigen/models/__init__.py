"""Models: one file a paper; architecture, loss and sample(), no training code."""
