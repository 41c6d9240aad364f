"""The chapter as data: its sections in order, and for everything that it names the demo that shows it and the file that has it.

"Representation Learning and Generative Learning Using Autoencoders and GANs". From this table the gallery is built. A demo
belongs to one section; a term may be shown in several demos, the first of which is where to look first.
"""

from typing import NamedTuple


class Term(NamedTuple):
    """Something that the chapter names, the demos that show it, and the files that have it, below minigen/."""

    name: str
    demos: tuple[str, ...]
    files: tuple[str, ...]


class Section(NamedTuple):
    """A section: its title, what it says in our words, its demos in reading order, and its terms."""

    title: str
    text: str
    demos: tuple[str, ...]
    terms: tuple[Term, ...]


def term(name: str, demos: str, files: str = "") -> Term:
    """A term from lists with spaces between: the numbers of its demos, and files without the .py at their end."""
    return Term(name, tuple(demos.split()), tuple(f"{file}.py" for file in files.split()))


def section(title: str, text: str, demos: str, *terms: Term) -> Section:
    """A section from a list of numbers with spaces between."""
    return Section(title, text, tuple(demos.split()), terms)


SECTIONS = (
    section(
        "Efficient data representations",
        "An encoder turns an image into a few numbers, a decoder turns them back, and nobody has to say what is in the image: "
        "the input is its own target. Where the numbers are fewer than the pixels, copying is impossible, and what repeats from "
        "image to image has to be learned.",
        "",
        term("autoencoder", "02 01", "models/autoencoders/base"),
        term("encoder", "02 01", "models/autoencoders/base"),
        term("decoder", "02 01", "models/autoencoders/base"),
        term("coding, latent representation", "03 02", "models/autoencoders/base"),
        term("reconstruction loss", "02 12", "losses/reconstruction"),
        term("mean squared error (MSE)", "01", "losses/reconstruction"),
        term("binary cross entropy", "02", "losses/reconstruction"),
        term("undercomplete autoencoder, bottleneck", "02 07", "models/autoencoders/stacked"),
        term("trivial copying, identity mapping", "07 09", "models/autoencoders/denoising"),
        term("representation learning, feature learning", "06 03", "models/classifier"),
        term("unlabeled data", "06", "training/fitting"),
        term("data sets (glyphs, MNIST, Fashion-MNIST, faces)", "02 27", "synthetic/glyphs data/mnist synthetic/faces"),
    ),
    section(
        "Performing PCA with an undercomplete linear autoencoder",
        "Without activations and with squared error, an autoencoder can do no better than principal component analysis, and at "
        "its minimum it does as well: this is measured as an angle between planes.",
        "01",
        term("principal component analysis (PCA)", "01 02", "baselines/principal_components"),
        term("linear autoencoder", "01", "models/autoencoders/linear"),
        term("stochastic gradient descent (SGD)", "01 02", "optim/optimizers"),
    ),
    section(
        "Stacked autoencoders",
        "Several layers, symmetrical around the codes. The first test of any autoencoder is to look at what it gives back.",
        "02",
        term("stacked (deep) autoencoder", "02", "models/autoencoders/stacked"),
        term("SELU, ReLU", "02 22", "nn/activations ops/activation"),
        term("visualizing reconstructions", "02", "plot/images"),
        term("symmetrical architecture", "02 04", "models/autoencoders/stacked"),
    ),
    section(
        "Dimensionality reduction and visualization",
        "Codes of thirty numbers are brought onto a page by t-SNE, so that one can see what the network puts together.",
        "03",
        term("dimensionality reduction", "03 01", "baselines/neighbor_embedding"),
        term("visualization of codes", "03 13", "plot/codes"),
        term("t-SNE", "03", "baselines/neighbor_embedding"),
    ),
    section(
        "Unsupervised pretraining",
        "Images are many, labels few. An encoder that has learned from all images is handed to a classifier that sees labels.",
        "06",
        term("unsupervised pretraining", "06", "models/classifier"),
        term("reusing encoder layers, transfer", "06", "models/classifier"),
        term("frozen weights", "06", "nn/module"),
        term("fine-tuning", "06 05", "models/classifier"),
        term("few labels, scarce labeled data", "06 31", "models/classifier"),
    ),
    section(
        "Tying weights",
        "The decoder uses the encoder's weights, transposed: half as many parameters, and two uses of each.",
        "04",
        term("weight tying", "04", "models/autoencoders/tied nn/dense"),
        term("DenseTranspose", "04", "nn/dense"),
    ),
    section(
        "Training one autoencoder at a time",
        "Shallow autoencoders, each trained on the codes of the one before, then stacked: once, how deep networks were trained.",
        "05",
        term("greedy layer-wise training", "05", "training/layerwise"),
        term("stacking shallow autoencoders", "05", "training/layerwise"),
    ),
    section(
        "Convolutional autoencoders",
        "The same small kernels everywhere in the image, pooling on the way in, transposed convolutions on the way out.",
        "07",
        term("convolutional autoencoder", "07", "models/autoencoders/convolutional"),
        term("convolution", "07 22", "nn/convolution ops/convolution"),
        term("max pooling", "07", "nn/pooling ops/pooling"),
        term("transposed convolution", "07 22", "nn/convolution ops/convolution"),
    ),
    section(
        "Recurrent autoencoders",
        "An image is a sequence of rows: read by one recurrent network, written by another.",
        "08",
        term("recurrent autoencoder", "08", "models/autoencoders/recurrent"),
        term("LSTM, RepeatVector", "08", "nn/recurrent"),
    ),
    section(
        "Denoising autoencoders",
        "Shown damaged images, asked for whole ones: so a network must know what images look like.",
        "09",
        term("denoising autoencoder", "09", "models/autoencoders/denoising"),
        term("Gaussian noise", "09", "models/autoencoders/denoising nn/regularization"),
        term("masking noise", "09", "models/autoencoders/denoising"),
        term("dropout", "09 22", "nn/regularization"),
        term("robust representations", "09", "models/autoencoders/denoising"),
        term("regularization by noise", "09 11", "nn/regularization"),
    ),
    section(
        "Sparse autoencoders",
        "Many codes, of which few may be active at a time, by a price on every activation or by a target for each code's mean.",
        "10",
        term("sparse autoencoder", "10", "models/autoencoders/sparse"),
        term("sparsity constraint", "10", "losses/penalties"),
        term("L1 regularization of activities", "10", "nn/regularization"),
        term("KL divergence penalty on mean activations", "10", "losses/divergence"),
        term("ActivityRegularization", "10", "nn/regularization"),
        term("specialized neurons", "10", "models/autoencoders/sparse"),
        term("images that most activate each coding neuron (exercise)", "10", "models/autoencoders/sparse"),
    ),
    section(
        "Hashing with a binary autoencoder",
        "Noise before the sigmoids drives each code to one of its ends; sixteen bits are then enough to search by.",
        "11",
        term("binary autoencoder, semantic hashing", "11", "models/autoencoders/hashing"),
    ),
    section(
        "Anomaly detection",
        "What an autoencoder rebuilds badly is unlike what it has learned: the book's first exercise, measured.",
        "32",
        term("anomaly detection by reconstruction error (exercise)", "32", "metrics/detection"),
    ),
    section(
        "Variational autoencoders (VAEs)",
        "The encoder answers with a Gaussian instead of a point, and a divergence keeps these Gaussians near one prior. So new "
        "images can be drawn, one can walk from one image to another, and the loss bounds the log-likelihood.",
        "12 13 14 15 16",
        term("variational autoencoder (VAE)", "12 13", "models/autoencoders/variational"),
        term("mean and log-variance, mu and log sigma²", "12", "models/autoencoders/variational"),
        term("approximate posterior q(z|x)", "12 15", "models/autoencoders/variational"),
        term("likelihood p(x|z)", "12 15", "models/autoencoders/variational"),
        term("reparameterization trick", "12", "nn/sampling ops/gaussian"),
        term("Sampling layer", "12", "nn/sampling"),
        term("KL divergence", "12 14", "losses/divergence"),
        term("unit Gaussian prior", "12 13", "models/latent"),
        term("evidence lower bound (ELBO)", "12 15", "metrics/likelihood"),
        term("MSE + beta KL, beta-VAE", "14 12", "models/autoencoders/variational"),
        term("disentangled codes", "14 27", "metrics/disentanglement"),
        term("probabilistic autoencoder", "15 12", "models/autoencoders/linear_variational"),
        term("generative model: sampling new images", "12 18", "models/autoencoders/variational"),
        term("interpolation between codes", "12 18 27", "models/latent"),
        term("smooth, continuous latent space", "13 12", "models/autoencoders/variational"),
        term("VAE on a data set of choice (exercise)", "12", "models/autoencoders/variational"),
        term("conditional VAE", "16", "models/autoencoders/conditional"),
    ),
    section(
        "Generative adversarial networks (GANs)",
        "A generator makes images from noise, a discriminator tells them from real ones, and each learns from the other. Whether "
        "the images are good is for neither to say: here a classifier judges, which was trained before.",
        "17 18 19",
        term("generative adversarial network (GAN)", "18", "models/gans/gan"),
        term("generator", "18", "models/gans/gan"),
        term("discriminator", "18", "models/gans/gan"),
        term("min-max game, adversarial training", "18 19 20", "losses/adversarial"),
        term("log D(x) + log(1 - D(G(z)))", "18 19", "losses/adversarial"),
        term("minimax loss of the generator", "19", "losses/adversarial"),
        term("non-saturating loss, maximize log D(G(z))", "19 18", "losses/adversarial"),
        term("custom training loop, alternating training", "18 20", "training/gans/adversarial"),
        term("random noise z", "18", "models/latent"),
        term("RMSprop", "18 24", "optim/optimizers"),
        term("sharp and blurry images", "18 12", "metrics/images"),
        term("judging generated images, Fréchet distance", "17 18", "metrics/frechet models/feature_classifier"),
    ),
    section(
        "Training difficulties and their remedies",
        "Two players who both descend do not descend together, and a generator may please with a few kinds of image. The "
        "smallest game shows why; then every remedy is measured on the same bench.",
        "20 21",
        term("training instability", "20 21", "training/gans/monitor"),
        term("oscillation, oscillating gradients", "20", "training/gans/monitor"),
        term("mode collapse", "21", "metrics/coverage"),
        term("sensitivity to hyperparameters", "21 20", "training/gans/remedies"),
        term("learning-rate and batch-size tuning", "21 20", "optim/schedules"),
        term("overpowerful discriminator", "19 21", "training/gans/monitor"),
        term("minibatch discrimination", "21", "nn/minibatch"),
        term("minibatch standard deviation", "21 26", "nn/minibatch"),
        term("feature matching", "21", "training/gans/remedies"),
        term("experience replay", "25 21", "training/gans/remedies"),
        term("label smoothing", "21", "training/gans/remedies"),
        term("noisy labels", "21", "training/gans/remedies"),
        term("updating G more often than D", "21", "training/gans/adversarial"),
        term("architectural tweaks (spectral norm, packing)", "21", "nn/spectral nn/minibatch"),
        term("improved losses (least squares, hinge)", "21", "losses/adversarial"),
    ),
    section(
        "Wasserstein GANs",
        "A critic with a bounded slope, whose loss means something: its weights are clipped, or its gradient is penalized.",
        "24",
        term("Wasserstein GAN", "24 21", "losses/adversarial models/gans/wgan"),
        term("gradient penalty", "24", "losses/penalties"),
        term("weight clipping", "24", "losses/penalties"),
        term("R1 penalty", "20 21", "losses/penalties"),
    ),
    section(
        "Deep convolutional GANs (DCGANs)",
        "Convolutions, and rules that keep the game stable; then the same rules with one of them broken at a time.",
        "22 23",
        term("DCGAN", "22", "models/gans/dcgan"),
        term("DCGAN guidelines", "23 22", "models/gans/dcgan"),
        term("strided convolutions", "23 22", "nn/convolution"),
        term("batch normalization", "23 22", "nn/normalization"),
        term("ReLU in G, leaky ReLU in D", "23 22", "nn/activations"),
        term("no hidden dense layers", "23", "models/gans/dcgan"),
        term("walk through the latent space", "22", "models/latent"),
    ),
    section(
        "Conditional GANs",
        "Ask for a class, get that class: the book's last exercise, with experience replay.",
        "25",
        term("conditional GAN", "25", "models/gans/conditional"),
        term("DCGAN with replay, made conditional (exercise)", "25", "models/gans/conditional training/gans/remedies"),
    ),
    section(
        "Applications of GANs",
        "What the chapter says they are good for: larger images from small ones, holes filled, one image in the manner of "
        "another, and more data where there is little.",
        "28 29 30 31",
        term("image synthesis", "18 22 27 34", "models/gans/gan"),
        term("super-resolution", "28", "models/applications/super_resolution training/gans/restoration"),
        term("inpainting", "29", "models/applications/context_encoder training/gans/restoration"),
        term("style transfer", "30", "models/applications/style_transfer synthetic/styles"),
        term("data augmentation", "31", "evaluators/features"),
    ),
    section(
        "Progressive growing of GANs",
        "From 4 x 4 pixels up: layers for twice the resolution are added to both networks and faded in.",
        "26",
        term("progressive growing", "26", "training/gans/progressive models/gans/progan"),
        term("fade-in of new layers", "26", "models/gans/growing"),
        term("high-resolution images, 4 x 4 to 1024 x 1024", "26 27", "models/gans/progan"),
        term("equalized learning rate", "26", "nn/equalized"),
        term("pixelwise normalization", "26", "nn/style"),
    ),
    section(
        "StyleGAN",
        "A style for every layer: coarse ones decide pose and shape, fine ones color, and noise what is left to chance.",
        "27",
        term("StyleGAN", "27", "models/gans/stylegan"),
        term("mapping network", "27", "models/gans/stylegan"),
        term("style vector w", "27", "models/gans/stylegan"),
        term("adaptive instance normalization (AdaIN)", "27 30", "nn/style ops/normalization"),
        term("noise inputs, stochastic detail", "27", "nn/style"),
        term("style mixing regularization", "27", "models/gans/stylegan"),
        term("coarse and fine styles: pose, hair, lighting", "27", "metrics/attribution"),
        term("truncation trick", "27", "models/gans/stylegan"),
        term("path length, linear separability", "27", "metrics/path_length metrics/separability"),
    ),
    section(
        "Semantic arithmetic in latent space",
        "A woman with glasses is a woman, and a man with glasses, without the man: said of codes, and measured.",
        "33",
        term("semantic arithmetic", "33", "models/latent"),
        term("woman with glasses = woman + man with glasses - man", "33", "models/latent"),
    ),
    section(
        "This person does not exist",
        "Faces that nobody has, on a page of their own, and a check that none of them is a training image remembered.",
        "34",
        term("this person does not exist", "34", "models/gans/stylegan"),
        term("realistic faces", "34 27", "models/gans/stylegan"),
        term("memorization of training images", "34 18", "metrics/memorization"),
    ),
)

# The most telling picture of each demo, shown first. Others follow in the order in which the demo draws them.
TELLING = {
    "05": "reconstructions.png", "11": "search.png", "12": "samples.png", "17": "features.png", "26": "samples.png",
    "28": "enlarged.png", "29": "filled.png", "32": "anomalies.png", "33": "equation_vae.png",
}  # fmt: skip


def terms() -> list[Term]:
    """All terms of the chapter in alphabetical order."""
    return sorted((term for section in SECTIONS for term in section.terms), key=lambda term: term.name.casefold())
