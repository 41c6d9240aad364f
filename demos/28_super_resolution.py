# %% [markdown]
"""Super-resolution: from 14 x 14 to 28 x 28 pixels.

A network that has seen many images enlarges a small one better than any general formula. A discriminator asks for more: not the
mean of all plausible images, but one of them. The gain and the cost are measured.
"""

# %% [markdown]
# # 28. Super-resolution
#
#     low = mean of each 2 x 2 pixels of x,    G minimizes  mean (G(low) - x)^2 + 2.5e-4 * (-E log D(G(low)))
#
# Many images have the same `low`. The squared error asks for their mean, which is blurred; the discriminator, which sees original
# and enlarged images, asks for one that could be an original (SRGAN, Ledig et al. 2017). The network is compared with two general
# formulas: repeating each pixel, and bicubic interpolation. `--factor 4` starts from 7 x 7 pixels; `--weight` changes the
# discriminator's weight, which is the paper's: 1e-3 for pixels in [-1, 1], and a quarter of it for ours in [0, 1], whose squared
# errors are a quarter.
# %%
import copy

import numpy as np
from PIL import Image

import minigen as mg
from minigen import data, metrics, plot
from minigen.gallery.demo import Criteria, demo_arguments, save, train_evaluator
from minigen.models.applications import super_resolution
from minigen.recipes.restoration import RestorationRecipe

recipe = RestorationRecipe()
args = demo_arguments("28_super_resolution", __doc__, recipe, factor=2, weight=recipe.weight, images=10_000, tests=2000)
if args.factor not in (2, 4):
    raise SystemExit(f"--factor {args.factor}: images of 28 x 28 can be reduced by 2 or 4")
train, test = data.load(args.data)
if args.quick:
    train, args.epochs, args.steps, args.tests = train[:300], 1, 4, 100
criteria = Criteria(args)
evaluator = train_evaluator(train, args)
train, test = train[: args.images], test[: args.tests]


# %% [markdown]
# ## Training
# First on the content loss alone. Then two copies continue for as many updates: one as before, and one with the discriminator.
# %%
recipe = recipe.with_arguments(args)
recipe.show()
content = super_resolution.Generator(args.factor)
recipe.fit_content(content, train.images)
adversarial = copy.deepcopy(content)
trainer = recipe.trainer(adversarial)
recipe.continue_content(content, train.images)
history = recipe.fit(trainer, train.images)
save(
    plot.training_curves(
        history,
        panels={"content": ("content",), "D is right": ("accuracy on real", "accuracy on fake")},
        title=f"With the adversarial term ({args.data})",
    ),
    args,
    "training.png",
)

# %% [markdown]
# ## Four enlargements of held-out images
# %%
low = mg.to_numpy(content.degrade(mg.asarray(test.images)))


def enlarged(method):
    """The low resolution enlarged by Pillow; bicubic interpolation overshoots [0, 1], and is clipped."""
    size = test.images.shape[2], test.images.shape[1]
    images = [np.asarray(Image.fromarray(image[..., 0]).resize(size, method)) for image in low]
    return np.stack(images)[..., None].clip(0.0, 1.0)


pictures = {
    "nearest": enlarged(Image.Resampling.NEAREST),
    "bicubic": enlarged(Image.Resampling.BICUBIC),
    "content": content.restore(low),
    "content and adversarial": adversarial.restore(low),
    "original": test.images,
}
rows = {name.replace(" and ", "\nand "): images[:12] for name, images in ({f"{low.shape[2]} pixels": low} | pictures).items()}
save(plot.image_rows(rows, title=f"Held-out images ({args.data}), enlarged by {args.factor}"), args, "enlarged.png")

# %% [markdown]
# ## Did it work?
# PSNR and SSIM compare with the original, pixel by pixel and window by window; the evaluator, a classifier trained on such
# images, tests whether the class can still be recognized. Sharpness is the energy of the Laplacian, here as a share of the
# originals'; the Fréchet distance, between features of enlarged images and originals, tests whether they look real as a set.
# %%
features = evaluator.features(test.images)
sharpness = metrics.sharpness(test.images)
scores = {}
for name, images in pictures.items():
    scores[name] = {
        "SSIM": metrics.ssim(images, test.images),
        "accuracy": metrics.accuracy(evaluator.predict(images), test.labels),
        "sharpness": metrics.sharpness(images) / sharpness,
        "PSNR": metrics.psnr(images, test.images) if name != "original" else float("inf"),
        "Fréchet": metrics.frechet_distance(features, evaluator.features(images)),
    }
columns = ("SSIM", "accuracy", "sharpness")
table = {
    f"{name}, {each['PSNR']:.1f} dB": [each[column] for column in columns] for name, each in scores.items() if name != "original"
}
save(plot.table(table, columns, f"Against the originals ({args.data})"), args, "scores.png")

bicubic, alone, both = (scores[name] for name in ("bicubic", "content", "content and adversarial"))
criteria.check("content alone: PSNR above bicubic's, dB", alone["PSNR"] - bicubic["PSNR"], at_least=2.0)
criteria.check("content alone: SSIM above bicubic's", alone["SSIM"] - bicubic["SSIM"], at_least=0.0)
criteria.check("content alone: PSNR, dB", alone["PSNR"], at_least=25.0)
of_originals = alone["accuracy"] / scores["original"]["accuracy"]
criteria.check("content alone: evaluator's accuracy, as a share of that on the originals", of_originals, at_least=0.9)
gained = 100 * (alone["accuracy"] - bicubic["accuracy"])
criteria.check("content alone: evaluator's accuracy above bicubic's, %", gained, at_least=0.0)
criteria.check(
    "sharpness that the adversarial term adds, as a share of the originals'", both["sharpness"] - alone["sharpness"], at_least=0.0
)
criteria.report("PSNR that the adversarial term costs, dB", alone["PSNR"] - both["PSNR"])
for name, each in scores.items():
    criteria.report(
        f"{name}: PSNR, SSIM, accuracy, sharpness, Fréchet distance",
        f"{each['PSNR']:.2f} dB, {each['SSIM']:.4f}, {each['accuracy']:.2%}, {each['sharpness']:.3f}, {each['Fréchet']:.3f}",
    )
criteria.report("evaluator", f"{evaluator.fingerprint()}, {len(test):,} held-out images")
criteria.finish()
