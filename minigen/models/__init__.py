"""Models, one module per paper: architecture, loss and sample(), no training code."""
