"""What is asked of a network beside its task. Each is a number that does not change when the same batch comes twice over.

`nn.ActivityRegularization` adds these two to a model's loss; so the formulas stand in `functional`, which layers can reach.
"""

from minigen.functional import kl_sparsity, l1_sparsity

__all__ = ["kl_sparsity", "l1_sparsity"]
