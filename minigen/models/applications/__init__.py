"""Applications of generative networks: one file a paper."""
