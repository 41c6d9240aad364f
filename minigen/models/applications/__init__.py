"""Applications of generative networks, one module per paper."""
