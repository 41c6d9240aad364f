"""Exercise 7: a GAN.

Two networks, two losses. The discriminator gives a score, the logit of "this is real": D = sigmoid(score).

    discriminator_loss = -mean log D(real) - mean log(1 - D(fake))
    generator_loss     = -mean log D(fake)                                      (the non-saturating form)
    r1_penalty         = gamma / 2 * mean over real examples of ||grad_x score(x)||^2

The penalty (Mescheder et al. 2018) makes the discriminator flat at the data. Training differentiates it with respect to the
weights: a derivative of a derivative.

    minigen check exercise7.py

Hints
    - You will want `import minigen as mg` above.
    - -log sigmoid(s) = softplus(-s), and -log(1 - sigmoid(s)) = softplus(s): mg.softplus never takes the logarithm of 0.
    - One backward pass gives the gradient of every score by its own example: that of the sum of the scores.
    - x = mg.Tensor(real.data, requires_grad=True) is a new leaf; [dx] = mg.grad(y, [x], create_graph=True) gives a derivative
      that can be differentiated again, in a list with one for each x.
    - The norm is over all elements of an example, whatever its shape; the mean over the examples.
"""

EXERCISE = 7


def discriminator_loss(real, fake):
    """What the discriminator minimizes, ... real: scores (n, 1), fake: scores (m, 1) -> one number, in nats."""
    raise NotImplementedError("write the loss")


def generator_loss(fake):
    """What the generator minimizes, ... fake: scores (m, 1) -> one number, in nats."""
    raise NotImplementedError("write the loss")


def r1_penalty(discriminator, real, gamma):
    """The penalty, ... discriminator: examples -> scores (n, 1); real: a Tensor (n, ...) -> one number."""
    raise NotImplementedError("write the penalty")
