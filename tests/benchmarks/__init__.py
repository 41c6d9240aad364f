"""How fast minigen is beside PyTorch: `python -m tests.benchmarks --help`. Timing is never a test."""
