# %% [markdown]
"""This face does not exist: a page of new portraits, each beside the most similar training image.

Image synthesis as an application: one command makes a page that works offline. Whether its portraits are new, rather than copies
of training images, is measured against held-out portraits.
"""

# %% [markdown]
# # 34. This face does not exist
#
# A generator could pass every test of quality by showing memorized images. So each new image is shown beside its nearest training
# image, and the distance is compared with that of held-out images, which are certainly new:
#
#     ratio = median distance (new image, nearest training image) / median distance (held-out image, nearest training image)
#
# 1: as new as new images; near 0: copies. Distances are measured in pixels, which find any exact copy, and in the evaluator's
# features, which find shifted or shaded ones. As sites of this kind do, the page shows truncated samples (psi = 0.7), which are
# more typical, and so a little closer to everything.
#
# The generator is the one that comes with minigen, `stylegan-faces-64`, or, with `--train`, demo 27's: loaded from the user's
# cache, or trained, which takes a quarter of an hour.
# %%
import numpy as np

import minigen as mg
from minigen import metrics, plot, recipes
from minigen.gallery import face_page
from minigen.gallery.demo import Criteria, demo_arguments, save, thing_of
from minigen.plot import gan_figures
from minigen.recipes import portraits

recipe, full = recipes.find("stylegan"), portraits.full("stylegan")
SHOWN = "stylegan-faces-64"
sizes = portraits.SIZE | {"samples": 2000, "portraits": 24, "psi": 0.7}
args = demo_arguments("34_does_not_exist", __doc__, recipe, data="faces", full=full, shipped=SHOWN, **sizes)
if args.quick:
    portraits.shorten(args)
criteria = Criteria(args)
task = portraits.PortraitTask(args)
generator = portraits.trained_stylegan(task) if args.train else mg.load(SHOWN).network
thing = thing_of(args.data)

# %% [markdown]
# ## New images and their nearest training images
# Held-out images come from the distribution of the training images, and no generator has seen them.
# %%
z = gan_figures.latent(generator, args.samples, seed=1)
samples = generator.draw(z, psi=args.psi)
held_out = task.held_out(args.samples // 2)
little = 0.32 / task.resolution  # as long a vector at each resolution; 0.01 per pixel at 32 x 32
noisy = task.images[: len(held_out)] + little * np.random.default_rng(2).standard_normal(held_out.shape)
sets = {"new": samples[: args.samples // 2], "held out": held_out, "copies with noise": noisy.clip(0, 1).astype(np.float32)}
found, nearness = {}, {}
for space, seen in {"features": task.features, "pixels": lambda images: images}.items():
    known = seen(task.images)
    found[space] = {name: metrics.nearest_training(seen(images), known) for name, images in sets.items()}
    typical = np.median(found[space]["held out"].distances)
    nearness[space] = {name: each.distances / typical for name, each in found[space].items()}
ratios = {space: {name: float(np.median(values)) for name, values in of.items()} for space, of in nearness.items()}

shown = samples[: args.portraits]
nearest = task.images[found["features"]["new"].indices[: args.portraits]]
pairs = {
    f"{name}{' ' * row}": images[12 * row : 12 * row + 12]  # invisible spaces keep the labels apart
    for row in range(len(shown) // 12)
    for name, images in (("new", shown), ("nearest", nearest))
}
save(plot.image_rows(pairs, "New images above the training images nearest to them"), args, "pairs.png")
grid = np.linspace(0, 2, 81)
shares = {name: [(values <= x).mean() for x in grid] for name, values in nearness["features"].items()}
save(
    plot.curves(
        grid,
        shares,
        xlabel="distance to the nearest training image (held-out images: typically 1)",
        ylabel="share of images that are as near",
        title="Distances to the nearest training images",
    ),
    args,
    "nearness.png",
)

# %% [markdown]
# ## The page
# %%
w = generator.truncate(generator.map(gan_figures.latent(generator, 10, seed=3)), args.psi)
left, above, sources = w[:4], w[4:], generator.draw_styles(w)
mixed = {
    band: np.stack(
        [generator.draw_styles(generator.mix(np.repeat(row[None], len(above), axis=0), above, layers)) for row in left]
    )
    for band, layers in gan_figures.bands(generator).items()
}
corners = generator.truncate(generator.map(z[:5]), args.psi)
t = np.linspace(0, 1, 12, endpoint=False, dtype=corners.dtype)[:, None]
loop = generator.draw_styles(np.concatenate([a + t * (b - a) for a, b in zip(corners, np.roll(corners, -1, axis=0))]))
page = args.out / "page.html"
face_page.write(
    page,
    thing,
    shown,
    nearest,
    nearness["features"]["new"],
    left=sources[:4],
    above=sources[4:],
    mixed=mixed,
    frames=loop,
    chart=args.out / "nearness.png",
    examples=len(task.images),
    resolution=task.resolution,
    drawn=task.faces,
    by_features=ratios["features"]["new"],
    by_pixels=ratios["pixels"]["new"],
    psi=args.psi,
    seed=args.seed,
    parameters=generator.parameter_count(),
)
print(f"wrote {page}")

# %% [markdown]
# ## Did it work?
# The new images must be at least half as far from the training images as held-out ones are, in pixels and in features (truncated
# and blurry images are near everything), none closer than half the nearest held-out one; and the check itself must detect
# training images with a little noise. They must be varied, and their Fréchet distance, despite truncation, must meet the bound of
# demo 27.
# %%
for space, ratio in ratios.items():
    criteria.check(
        f"distance to the nearest training image in {space}, as a share of that of held-out images", ratio["new"], at_least=0.5
    )
copies = sum((of["new"] < of["held out"].min() / 2).sum() for of in nearness.values())
criteria.check(f"copies among {len(sets['new']):,} images", copies, at_most=0)
noticed = max(ratio["copies with noise"] for ratio in ratios.values())
criteria.check("training images with noise: the larger of the two shares", noticed, at_most=0.5)
criteria.check(
    "diversity of pixels, as a share of that of real images", metrics.pairwise_diversity(samples, task.images), at_least=0.6
)
untrained = task.distance(portraits.stylegan_game(task)[1].generator.draw(z))
distance = task.distance(samples)
criteria.check("Fréchet distance, as a share of the untrained generator's", distance / untrained, at_most=0.25)
criteria.check("size of the page, MB", page.stat().st_size / 1e6, at_most=2.0)
criteria.report("Fréchet distance", distance)
criteria.report("Fréchet distance without truncation", task.distance(generator.draw(z)))
for space, of in nearness.items():
    criteria.report(f"nearest pair in {space}: new, held out", f"{of['new'].min():.3f}, {of['held out'].min():.3f}")
criteria.report("evaluator", f"{task.evaluator.fingerprint()}, {args.samples:,} samples")
criteria.finish()
