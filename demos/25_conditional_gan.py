# %% [markdown]
"""A conditional DCGAN with experience replay: the chapter's exercise, solved and measured.

Choose a digit, get that digit. Both networks are conditioned on the label, and the discriminator also learns from past fakes.
Whether the replay helps is measured.
"""

# %% [markdown]
# # 25. A conditional GAN, and the chapter's last exercise
#
# "Train a DCGAN, add experience replay, turn it into a conditional GAN": an exercise to which the book gives no answer. The label
# enters the generator as ten more latent variables and the discriminator as ten more channels (Mirza & Osindero 2014), and each
# fake is scored with its label. With replay (Shrivastava et al. 2017), half of the fakes that the discriminator sees are replaced
# by older ones from a buffer, each with its label. Networks, penalty and rates are those of demo 22.
# %%
import numpy as np

import minigen as mg
from minigen import data, evaluators, metrics, plot, recipes, training
from minigen.gallery.demo import Criteria, demo_arguments, save, train_evaluator
from minigen.gallery.standards import check_samples, recognized

recipe = recipes.find("conditional-dcgan")
args = demo_arguments("25_conditional_gan", __doc__, recipe, samples=10_000)
train, test = data.load(args.data)
if args.quick:
    train, test, args.steps, args.batch_size, args.samples = train[:1000], test[:200], 4, 16, 200
criteria = Criteria(args)
evaluator = train_evaluator(train, args)
classes = len(train.class_names)


recipe = recipe.with_arguments(args)
recipe.show()


def trained(recipe, callbacks=()):
    """A conditional DCGAN after training."""
    mg.seed(args.seed)
    trainer = recipe.trainer(*recipe.networks(recipe.spec_of(train)))
    recipe.fit(trainer, train, callbacks=callbacks)
    return trainer


grid = training.SampleGrid(args.out / "evolution", every=max(args.steps // 5, 1), n=5 * classes)
trainers = {"with replay": trained(recipe, [grid]), "without": trained(recipe.with_settings(replay=0))}

# %% [markdown]
# ## One class per column
# Each row is one z, with every label in turn: the same style for all classes.
# %%
rng = np.random.default_rng(args.seed)
z = np.repeat(rng.standard_normal((8, trainers["with replay"].generator.latent_dim)).astype(np.float32), classes, axis=0)
images = trainers["with replay"].sampler.draw(z, np.tile(np.arange(classes), 8))
save(plot.image_grid(images, columns=classes, title="Each row one z, each column one class"), args, "classes.png")
save(
    plot.training_curves(
        trainers["with replay"].history,
        panels={"loss": ("discriminator loss", "generator loss"), "D is right": ("accuracy on real", "accuracy on fake")},
        title="The game, with replay",
    ),
    args,
    "training.png",
)

# %% [markdown]
# ## Did it work?
# The evaluator must predict the class that was conditioned on. And a classifier trained only on generated images must recognize
# real ones (train on fake, test on real): by the nearest generated image, as in the DCGAN paper, and by the evaluator's own
# network trained on fakes. The same classifiers trained on as many real images are given for comparison. The samples must meet a
# standard that no trivial sampler meets, and the images of each class must differ nearly as much as real ones do: one image of
# each class would show the class that was asked for.
# %%
real = train[np.random.default_rng(0).permutation(len(train))[: args.samples]]
features = evaluator.features(real.images)
of_real = evaluators.train_on_fake(real, test)
labels = np.arange(args.samples) % classes
for name, trainer in trainers.items():
    made = trainer.sample(args.samples, labels)
    agreement = metrics.accuracy(evaluator.predict(made), labels)
    nearest, network = evaluators.train_on_fake(data.Dataset("fake", made, labels, train.class_names, {}), test)
    distance = metrics.frechet_distance(features, evaluator.features(made))
    if name == "with replay":
        criteria.check("samples in which the evaluator sees the class asked for", agreement, at_least=recognized(args.data))
        criteria.check("accuracy on real images of a network that has seen fakes only", network, at_least=recognized(args.data))
        check_samples(criteria, evaluator, train, test, made, asked=labels)
    criteria.report(f"{name}: evaluator agrees; Fréchet distance", f"{agreement:.2%}; {distance:.2f}")
    criteria.report(f"{name}: trained on fake, tested on real, 1-NN and network", f"{nearest:.2%}, {network:.2%}")
criteria.report("trained on as many real images, 1-NN and network", f"{of_real.nearest:.2%}, {of_real.network:.2%}")
criteria.finish()
