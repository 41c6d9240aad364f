# %% [markdown]
"""Tied weights: the decoder uses the encoder's weights, transposed.

Half the parameters of a stacked autoencoder, and about as good at reconstructing images that neither has seen.
"""

# %% [markdown]
# # 4. Tied weights
#
#     z = selu(selu(x W1 + b1) W2 + b2),    logits = selu(z W2^T + b3) W1^T + b4
#
# An autoencoder is symmetrical; tying makes that explicit: the decoder uses the encoder's weights, transposed, and only its
# biases are its own. Each weight is used twice, and its gradient is the sum over both uses.
#
# Both networks start from the same seed, so with the same W1 and W2, and see the same batches.
# %%
import minigen as mg
from minigen import baselines, data, metrics, plot, recipes
from minigen.gallery.demo import Criteria, demo_arguments, save

recipe = recipes.find("tied")
args = demo_arguments("04_tied", __doc__, recipe)
train, test = data.load(args.data)
if args.quick:
    train, test, args.epochs = train[:2000], test[:500], 2
criteria = Criteria(args)

recipe.with_arguments(args).show()
models, histories = {}, {}
for name, each in {"tied": recipe, "untied": recipes.find("stacked")}.items():
    mg.seed(args.seed)
    each = each.with_arguments(args)
    models[name] = model = each.network(each.spec_of(train))
    model.summary((28, 28, 1))
    histories[name] = each.fit(model, train, test)
    model.eval()

# %% [markdown]
# ## Reconstructions
# %%
rebuilt = {name: mg.to_numpy(model.reconstruct(mg.asarray(test.images))) for name, model in models.items()}
rows = {"original": test.images[:10]}
rows |= {f"{name},\n{model.parameter_count():,} parameters": rebuilt[name][:10] for name, model in models.items()}
save(plot.image_rows(rows, title=f"Held-out images and their reconstructions ({args.data})"), args, "reconstructions.png")
lines = {name: history["validation loss"] for name, history in histories.items()}
save(
    plot.curves(
        histories["tied"]["epoch"],
        lines,
        xlabel="epoch",
        ylabel="binary cross entropy, nats per pixel",
        title=f"Held-out images ({args.data})",
    ),
    args,
    "training.png",
)

# %% [markdown]
# ## The first layer's weights
# One picture per unit: the weights of its 784 pixels, red above zero, blue below. In the tied network a unit also decodes with
# this picture: those in use are smooth, because noise would appear in the output, and the others stay at their initial values.
# Untied, the initial noise remains in all of them, because nothing removes it.
# %%
for name, model in models.items():
    title = f"First-layer filters, {name} ({args.data})"
    save(plot.filters(model.encoder[1].weight, shape=(28, 28), title=title), args, f"filters_{name}.png")

# %% [markdown]
# ## Did it work?
# Two networks that have learned nothing are equally good: so the tied one must also beat PCA with as many components.
# %%
pca = baselines.pca(train.images.reshape(len(train), -1), 30)
linear = metrics.reconstruction_mse(test.images, pca.reconstruct(test.images.reshape(len(test), -1)).reshape(test.images.shape))
errors = {name: metrics.reconstruction_mse(test.images, images) for name, images in rebuilt.items()}
bces = {name: history["validation loss"][-1] for name, history in histories.items()}
criteria.check("parameters of the tied network", models["tied"].parameter_count(), between=(82_414, 82_414))
criteria.check("mean squared error on held-out images, tied / untied", errors["tied"] / errors["untied"], at_most=1.05)
criteria.check(
    "tied: mean squared error on held-out images, as a share of PCA's with 30 components", errors["tied"] / linear, at_most=1.0
)
criteria.check("binary cross entropy on held-out images, tied / untied", bces["tied"] / bces["untied"], at_most=1.05)
criteria.report("parameters: tied, untied", ", ".join(f"{model.parameter_count():,}" for model in models.values()))
criteria.report("mean squared error: tied, untied", ", ".join(f"{error:.5f}" for error in errors.values()))
criteria.report(
    "binary cross entropy: tied, untied, its floor",
    ", ".join(f"{bce:.5f}" for bce in (*bces.values(), metrics.bernoulli_entropy(test.images))),
)
criteria.finish()
