# %% [markdown]
"""Style transfer: one image's content in another's style, by adaptive instance normalization.

The style of an image is the statistics of its feature maps, the content their spatial arrangement. A decoder learns to draw the
content of one image in the style of another, given by a single example, in one pass.
"""

# %% [markdown]
# # 30. Style transfer
#
# Style transfer, one of the chapter's applications of generative networks, in the form of Huang & Belongie (2017): a fixed
# encoder f, a trained decoder g, and between them the content's feature maps with the style's means and standard deviations.
#
#     t = AdaIN(f(c), f(s)) = std(f(s)) (f(c) - mean(f(c))) / std(f(c)) + mean(f(s)),        image = g(t)
#
#     loss = |f(image) - t|^2 + 10 sum over the layers of f of  |difference of means|^2 + |difference of deviations|^2
#
# Contents are drawings, white on black. Styles are pictures of other drawings, in ink of any color on darker paper of any color,
# with one of six patterns. Since these are drawn, we know the right answer: the same content, drawn in that style. The network
# never sees it. (Ink is always brighter than paper, because a standard deviation has no sign: AdaIN cannot make a negative.)
# Every eighth style is white on black like the contents, so that the decoder also learns to leave a content unchanged.
#
# Color needs help that the paper's form does not give. A gray content is the same in maps that see differences of colors: there
# is nothing in them that AdaIN could stretch, and the ink comes out pale. So brightness is adapted first, and the colors of the
# style follow it along a line, as they do from its paper to its ink; and the image itself is the first layer of the style.
# %%
import numpy as np

import minigen as mg
from minigen import data, evaluators, metrics, nn, optim, plot, training
from minigen.gallery.demo import Criteria, demo_arguments, save, thing_of, train_evaluator
from minigen.gallery.standards import recognized
from minigen.models.applications.style_transfer import StyleTransfer, TextureAutoencoder, recolored, style_distance
from minigen.synthetic.styles import BRIGHTNESS, PATTERNS, draw_styles, render

args = demo_arguments("30_style_transfer", __doc__, images=8000, encoder_epochs=2, epochs=4, batch_size=32)
train, test = data.load(args.data)
if args.quick:
    train, test, args.images, args.encoder_epochs, args.epochs = train[:400], test[:60], 96, 1, 1
criteria = Criteria(args)
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)


def drawings(split):
    """Images with a zero padding of 2 pixels, (n, 32, 32, 1)."""
    return np.pad(split.images, ((0, 0), (2, 2), (2, 2), (0, 0)))


def white_on_black(split):
    """Images as contents: gray, in three channels."""
    return drawings(split).repeat(3, axis=3)


rng = np.random.default_rng(args.seed)
order = rng.permutation(len(train))
content_images, style_images = train[order[: args.images]], train[rng.permutation(order[: args.images])]
styles = render(drawings(style_images), draw_styles(len(style_images), seed=1))
styles[::8] = white_on_black(style_images[::8])
contents = white_on_black(content_images)

# %% [markdown]
# ## The encoder
# The paper uses a network trained on photographs. Here an autoencoder is trained on the styles: what it needs to reconstruct an
# image, colors, edges and patterns, makes up a style. Its encoder is then frozen.
# %%


def adam(parameters, rate, epochs):
    """Adam with a learning rate that falls along a cosine."""
    return optim.Adam(parameters, lr=optim.schedules.cosine(rate, epochs * -(-args.images // args.batch_size)))


autoencoder = TextureAutoencoder()
training.fit(
    autoencoder,
    styles,
    optimizer=adam(autoencoder.parameters(), 3e-3, args.encoder_epochs),
    epochs=args.encoder_epochs,
    batch_size=args.batch_size,
)

# %% [markdown]
# ## The decoder
# It starts as the autoencoder's, and learns from pairs of a content and a style.
# %%
model = StyleTransfer(autoencoder, brightness=BRIGHTNESS)
history = training.fit(
    model,
    (contents, styles),
    epochs=args.epochs,
    batch_size=args.batch_size,
    optimizer=adam(model.decoder.parameters(), 3e-3, args.epochs),
)
model.eval()

# %% [markdown]
# ## Held-out images in styles never seen
# Contents on the left, styles above; and one pair with increasing style.
# %%
test = test[np.random.default_rng(0).permutation(len(test))[:1000]]
drawn = draw_styles(len(test), seed=2)
examples = render(drawings(test[::-1]), drawn)


def transferred(contents, examples, alpha=1.0):
    """The network's output, on the host, a few images at a time."""
    parts = [slice(start, start + 250) for start in range(0, len(contents), 250)]
    return np.concatenate(
        [mg.to_numpy(model.transfer(mg.asarray(contents[part]), mg.asarray(examples[part]), alpha)) for part in parts]
    )


columns = np.concatenate([np.flatnonzero(drawn.pattern == i)[:2] for i in range(len(PATTERNS))])
rows = white_on_black(test)[[np.flatnonzero(test.labels == label)[0] for label in range(0, len(test.class_names), 2)]]
table = [np.ones_like(rows[:1]), examples[columns]]
for content in rows:
    table += [content[None], transferred(content[None].repeat(len(columns), axis=0), examples[columns])]
save(
    plot.image_grid(
        np.concatenate(table), columns=1 + len(columns), title=f"Each row a content ({args.data}), each column a style"
    ),
    args,
    "transfer.png",
)
shown = np.resize(np.arange(len(rows)), len(PATTERNS))
strip = {f"{alpha:.2f}": transferred(rows[shown], examples[columns[::2]], alpha) for alpha in ALPHAS}
save(
    plot.image_rows(
        {"content": rows[shown]} | strip | {"style": examples[columns[::2]]}, title=f"More and more style, by alpha ({args.data})"
    ),
    args,
    "alpha.png",
)

# %% [markdown]
# ## Did it work?
# An evaluator trained on classes and patterns in drawn pictures of other colors must recognize the content's class and the
# style's pattern in the output, and the ink must have its color: the chroma, what remains of red, green and blue without their
# luminance, is compared with the true drawing's. The distance of styles, the sum in the loss, must fall with every step of alpha:
# in the frozen encoder, on which the decoder was trained, and in the evaluator's own feature maps, which it never saw. For
# comparison: no change, the true drawing, and two baselines that transfer colors but no pattern. AdaIN of pixels gives the three
# colors themselves the style's means and standard deviations; recolored contents are what the network is given.
# %%
others = train[order[-args.images :]]
taught = draw_styles(len(others), seed=3)
taught_images = data.Dataset(
    f"styled {train.name}",
    render(drawings(others), taught),
    others.labels,
    train.class_names,
    {"content": others.labels, "pattern": taught.pattern},
)
evaluator = train_evaluator(taught_images, args, evaluators.attribute_classifier, epochs=4)
true = {"content": test.labels, "pattern": drawn.pattern}
answers = render(drawings(test), drawn)
plain = white_on_black(test)


def feature_maps(images):
    """The evaluator's feature maps after each of its three convolutions."""
    x, maps = mg.asarray(images), []
    with evaluator.eval_mode(), mg.no_grad():
        for layer in evaluator.encoder:
            x = layer(x)
            maps += [x] if isinstance(layer, nn.ReLU) and len(x.shape) == 4 else []
    return maps


def distances(images):
    """Of images from the examples of their styles: in the encoder, and in the evaluator."""
    with mg.no_grad():
        return [
            style_distance(look(images), look(examples)).item()
            for look in (lambda images: model.encoder.activations(mg.asarray(images)), feature_maps)
        ]


def of_pixels(images, examples):
    """AdaIN of the colors themselves."""
    mean, std, wanted_mean, wanted_std = (f(x, axis=(1, 2), keepdims=True) for x in (images, examples) for f in (np.mean, np.std))
    return ((images - mean) / std * wanted_std + wanted_mean).clip(0, 1)


ink_only = drawings(test) >= 0.9 * drawings(test).max(axis=(1, 2), keepdims=True)


def chroma(images):
    """The color of the ink without its brightness, (n, 3): red, green and blue, less their luminance."""
    ink = np.sum(images * ink_only, axis=(1, 2)) / ink_only.sum(axis=(1, 2))
    return ink - (ink @ BRIGHTNESS)[:, None]


def color_share(images):
    """The length of the ink's chroma along the true one: 1 if all of it is there, 0 for gray."""
    return float((chroma(images) * chroma(answers)).sum() / (chroma(answers) ** 2).sum())


def color_fit(images):
    """R^2: the share of the variance of the true ink's chroma that is explained, at most 1."""
    right = chroma(answers)
    return float(1 - ((chroma(images) - right) ** 2).sum() / ((right - right.mean(axis=0)) ** 2).sum())


made = {alpha: transferred(plain, examples, alpha) for alpha in ALPHAS}
falls = np.array([distances(images) for images in made.values()])
seen = evaluator.score(made[1.0], true)
criteria.check(
    f"images in which the evaluator sees the content's {thing_of(args.data)}", seen["content"], at_least=recognized(args.data)
)
criteria.check("images in which the evaluator sees the style's pattern", seen["pattern"], at_least=0.90)
for name, fall in zip(("encoder", "evaluator"), falls.T):
    criteria.check(f"distance of styles, {name}: fall from alpha 0 to 1, as a share", 1 - fall[-1] / fall[0], at_least=0.80)
through = color_share(made[1.0])
criteria.check("chroma of the ink that comes through, as a share of the true drawing's", through, at_least=0.8)
criteria.check("chroma of the ink: R\N{SUPERSCRIPT TWO}, against the true drawing's", color_fit(made[1.0]), at_least=0.8)
criteria.check("steps of alpha at which a distance does not fall", int((np.diff(falls, axis=0) >= 0).sum()), at_most=0)
answered = {
    "nothing done": plain,
    "AdaIN of pixels": of_pixels(plain, examples),
    "recolored contents": mg.to_numpy(recolored(mg.asarray(plain), mg.asarray(examples), BRIGHTNESS)).clip(0, 1),
    "made": made[1.0],
    "true drawing": answers,
}
error = {name: metrics.reconstruction_mse(images, answers) for name, images in answered.items()}
for name in ("AdaIN of pixels", "recolored contents"):
    criteria.check(f"squared error to the true drawing, as a share of that of {name}", error["made"] / error[name], at_most=1.0)
for name, images in answered.items():
    scores, (encoder, other) = evaluator.score(images, true), distances(images)
    criteria.report(
        f"{name}: {thing_of(args.data)}, pattern, distances (encoder, evaluator), error, chroma (share, R\N{SUPERSCRIPT TWO})",
        f"{scores['content']:.1%}, {scores['pattern']:.1%}, {encoder:.4f}, {other:.4f}, {error[name]:.4f}, "
        f"{color_share(images):.2f}, {color_fit(images):.2f}",
    )
criteria.report("loss, content and style at the end", f"{history['content'][-1]:.4f}, {history['style'][-1]:.5f}")
criteria.report("evaluator; parameters that learn", f"{evaluator.fingerprint()}; {model.decoder.parameter_count():,}")
criteria.finish()
