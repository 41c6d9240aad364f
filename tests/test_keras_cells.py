"""The chapter's cells, each in Keras and below it in minigen by the table of docs/from-keras.md alone; all of them are trained.

The table is checked, too: what the cells say in Keras stands on its left side, what the ports say in minigen on its right.
A cell that only names a layer stands in the book's network around it. Fewer than 20 seconds.
"""

import ast
import inspect
import re
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pytest

import minigen as mg
from minigen import data, losses, metrics, nn, optim, synthetic, training
from minigen.models import autoencoders
from tests.docs.pages import PAGES

TRAINED = {"progress": False, "batch_size": 32, "seed": 0}


@pytest.fixture(scope="module")
def glyphs():
    """A few pictures to train on, and others."""
    return data.load("glyphs", train_size=320, test_size=64)


@pytest.fixture(scope="module")
def x_train(glyphs):
    return glyphs[0].images


@pytest.fixture(scope="module")
def x_valid(glyphs):
    return glyphs[1].images


# -- the cells -------------------------------------------------------------------------------------------------------------


def pca():
    """
    encoder = keras.models.Sequential([
        keras.layers.Dense(2, input_shape=[3])
    ])
    decoder = keras.models.Sequential([
        keras.layers.Dense(3, input_shape=[2])
    ])
    autoencoder = keras.models.Sequential([encoder, decoder])
    autoencoder.compile(
        loss="mse",
        optimizer=keras.optimizers.SGD(learning_rate=0.1)
    )
    autoencoder.summary()
    """
    encoder = nn.Sequential(nn.Dense(3, 2))
    decoder = nn.Sequential(nn.Dense(2, 3))
    autoencoder = nn.Sequential(encoder, decoder)
    compiled = {"loss": "mse", "optimizer": optim.SGD(autoencoder.parameters(), lr=0.1)}
    autoencoder.summary((3,))
    return autoencoder, compiled


def stacked():
    """
    stacked_encoder = keras.models.Sequential([
        keras.layers.Flatten(input_shape=[28, 28]),
        keras.layers.Dense(100, activation="selu"),
        keras.layers.Dense(30, activation="selu"),
    ])
    stacked_decoder = keras.models.Sequential([
        keras.layers.Dense(100, activation="selu", input_shape=[30]),
        keras.layers.Dense(28 * 28, activation="sigmoid"),
        keras.layers.Reshape([28, 28])
    ])
    stacked_ae = keras.models.Sequential([stacked_encoder, stacked_decoder])
    stacked_ae.compile(
        loss="binary_crossentropy",
        optimizer=keras.optimizers.SGD(learning_rate=1.5)
    )
    stacked_ae.summary()
    """
    stacked_encoder = nn.Sequential(nn.Flatten(), nn.Dense(28 * 28, 100, activation="selu"), nn.Dense(100, 30, activation="selu"))
    stacked_decoder = nn.Sequential(nn.Dense(30, 100, activation="selu"), nn.Dense(100, 28 * 28), nn.Reshape((28, 28, 1)))
    stacked_ae = nn.Sequential(stacked_encoder, stacked_decoder)
    compiled = {"loss": "bce_with_logits", "optimizer": optim.SGD(stacked_ae.parameters(), lr=1.5)}
    stacked_ae.summary((28, 28, 1))
    return stacked_ae, compiled


def fitting(stacked_ae, compiled, x_train, x_valid, path):
    """
    history = stacked_ae.fit(X_train, X_train, epochs=20, validation_data=(X_valid, X_valid),
                             callbacks=[keras.callbacks.EarlyStopping(patience=10)])
    measured = stacked_ae.evaluate(X_valid, X_valid)
    stacked_ae.save(path)
    stacked_ae = keras.models.load_model(path)
    """
    history = training.fit(
        stacked_ae, x_train, epochs=20, validation=x_valid, callbacks=[training.EarlyStopping(patience=10)], **compiled
    )
    measured = training.evaluate(stacked_ae, x_valid, loss=compiled["loss"])["loss"]
    stacked_ae.save(path)
    stacked_ae = mg.load(path)
    return stacked_ae, history, measured


def visualizing(x_valid):
    """
    def plot_image(image):
        plt.imshow(image, cmap="binary")
        plt.axis("off")

    def show_reconstructions(model, n_images=5):
        reconstructions = model.predict(X_valid[:n_images])
        fig = plt.figure(figsize=(n_images * 1.5, 3))
        for image_index in range(n_images):
            plt.subplot(2, n_images, 1 + image_index)
            plot_image(X_valid[image_index])
            plt.subplot(2, n_images, 1 + n_images + image_index)
            plot_image(reconstructions[image_index])
    """

    def plot_image(image):
        plt.imshow(image, cmap="binary")
        plt.axis("off")

    def show_reconstructions(model, n_images=5):
        reconstructions = mg.sigmoid(training.predict(model, x_valid[:n_images]))
        fig = plt.figure(figsize=(n_images * 1.5, 3))
        for image_index in range(n_images):
            plt.subplot(2, n_images, 1 + image_index)
            plot_image(x_valid[image_index])
            plt.subplot(2, n_images, 1 + n_images + image_index)
            plot_image(reconstructions[image_index])
        return fig, reconstructions

    return show_reconstructions


def pretraining(stacked_encoder):
    """
    stacked_encoder.trainable = False
    classifier = keras.models.Sequential([
        stacked_encoder,
        keras.layers.Dense(10, activation="softmax")
    ])
    classifier.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.Adam(learning_rate=0.02),
        metrics=["accuracy"]
    )
    """
    classifier = nn.Sequential(stacked_encoder, nn.Dense(30, 10))
    compiled = {"loss": "cross_entropy", "optimizer": optim.Adam(classifier[1].parameters(), lr=0.02)}
    return classifier, compiled


def tying():
    """
    class DenseTranspose(keras.layers.Layer):
        def __init__(self, dense, activation=None, **kwargs):
            self.dense = dense
            self.activation = keras.activations.get(activation)
            super().__init__(**kwargs)

        def build(self, batch_input_shape):
            self.biases = self.add_weight(name="bias", initializer="zeros",
                                          shape=[self.dense.input_shape[-1]])
            super().build(batch_input_shape)

        def call(self, inputs):
            z = tf.matmul(inputs, self.dense.weights[0], transpose_b=True)
            return self.activation(z + self.biases)
    """

    class DenseTranspose(nn.Module):
        def __init__(self, dense, activation=None):
            self.dense = dense
            self.activation = nn.activation(activation) if activation else None
            self.biases = mg.Parameter(nn.init.zeros((dense.in_features,)))

        def forward(self, inputs):
            z = inputs @ self.dense.weight.T + self.biases
            return self.activation(z) if self.activation else z

    return DenseTranspose


def convolutional():
    """
    conv_encoder = keras.models.Sequential([
        keras.layers.Reshape([28, 28, 1], input_shape=[28, 28]),
        keras.layers.Conv2D(16, kernel_size=3, padding="same", activation="selu"),
        keras.layers.MaxPool2D(pool_size=2),
        keras.layers.Conv2D(32, kernel_size=3, padding="same", activation="selu"),
        keras.layers.MaxPool2D(pool_size=2),
        keras.layers.Conv2D(64, kernel_size=3, padding="same", activation="selu"),
        keras.layers.MaxPool2D(pool_size=2)
    ])
    conv_decoder = keras.models.Sequential([
        keras.layers.Conv2DTranspose(32, kernel_size=3, strides=2, padding="valid", activation="selu",
                                     input_shape=[3, 3, 64]),
        keras.layers.Conv2DTranspose(16, kernel_size=3, strides=2, padding="same", activation="selu"),
        keras.layers.Conv2DTranspose(1, kernel_size=3, strides=2, padding="same", activation="sigmoid"),
        keras.layers.Reshape([28, 28])
    ])
    """
    conv_encoder = nn.Sequential(
        nn.Reshape((28, 28, 1)),
        nn.Conv2d(1, 16, 3, padding="same", activation="selu"),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding="same", activation="selu"),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding="same", activation="selu"),
        nn.MaxPool2d(2),
    )
    conv_decoder = nn.Sequential(
        nn.ConvTranspose2d(64, 32, 3, stride=2, padding="valid", activation="selu"),
        nn.ConvTranspose2d(32, 16, 3, stride=2, padding="same", activation="selu"),
        nn.ConvTranspose2d(16, 1, 3, stride=2, padding="same"),
        nn.Reshape((28, 28, 1)),
    )
    return conv_encoder, conv_decoder


def recurrent():
    """
    recurrent_encoder = keras.models.Sequential([
        keras.layers.LSTM(100, return_sequences=True, input_shape=[28, 28]),
        keras.layers.LSTM(30)
    ])
    recurrent_decoder = keras.models.Sequential([
        keras.layers.RepeatVector(28, input_shape=[30]),
        keras.layers.LSTM(100, return_sequences=True),
        keras.layers.TimeDistributed(keras.layers.Dense(28, activation="sigmoid"))
    ])
    """
    recurrent_encoder = nn.Sequential(nn.LSTM(28, 100, return_sequences=True), nn.LSTM(100, 30))
    recurrent_decoder = nn.Sequential(nn.RepeatVector(28), nn.LSTM(30, 100, return_sequences=True), nn.Dense(100, 28))
    return recurrent_encoder, recurrent_decoder


def denoising():
    """
    keras.layers.Dropout(0.5)
    """
    return nn.Dropout(0.5)


def sparse():
    """
    keras.layers.ActivityRegularization(l1=1e-3)
    """
    return nn.ActivityRegularization(l1=1e-3)


def variational():
    """
    class Sampling(keras.layers.Layer):
        def call(self, inputs):
            mean, log_var = inputs
            return K.random_normal(tf.shape(log_var)) * K.exp(log_var / 2) + mean
    """

    class Sampling(nn.Module):
        def forward(self, inputs):
            mean, log_var = inputs
            return mg.backend.random.normal(log_var.shape) * mg.exp(log_var / 2) + mean

    return Sampling


def variational_model(Sampling):
    """
    inputs = keras.layers.Input(shape=[28, 28])
    z = keras.layers.Flatten()(inputs)
    z = keras.layers.Dense(150, activation="selu")(z)
    z = keras.layers.Dense(100, activation="selu")(z)
    codings_mean = keras.layers.Dense(10)(z)
    codings_log_var = keras.layers.Dense(10)(z)
    codings = Sampling()([codings_mean, codings_log_var])
    variational_encoder = keras.models.Model(
        inputs=[inputs], outputs=[codings_mean, codings_log_var, codings])
    decoder_inputs = keras.layers.Input(shape=[10])
    x = keras.layers.Dense(100, activation="selu")(decoder_inputs)
    x = keras.layers.Dense(150, activation="selu")(x)
    x = keras.layers.Dense(28 * 28, activation="sigmoid")(x)
    outputs = keras.layers.Reshape([28, 28])(x)
    variational_decoder = keras.models.Model(inputs=[decoder_inputs], outputs=[outputs])
    _, _, codings = variational_encoder(inputs)
    reconstructions = variational_decoder(codings)
    variational_ae = keras.models.Model(inputs=[inputs], outputs=[reconstructions])
    latent_loss = -0.5 * K.sum(
        1 + codings_log_var - K.exp(codings_log_var) - K.square(codings_mean), axis=-1)
    variational_ae.add_loss(K.mean(latent_loss) / 784.)
    variational_ae.compile(loss="binary_crossentropy", optimizer="rmsprop")
    """

    class VariationalAE(nn.Module):
        def __init__(self):
            self.encoder = nn.Sequential(
                nn.Flatten(), nn.Dense(28 * 28, 150, activation="selu"), nn.Dense(150, 100, activation="selu")
            )
            self.codings_mean, self.codings_log_var, self.sampling = nn.Dense(100, 10), nn.Dense(100, 10), Sampling()
            self.decoder = nn.Sequential(
                nn.Dense(10, 100, activation="selu"),
                nn.Dense(100, 150, activation="selu"),
                nn.Dense(150, 28 * 28),
                nn.Reshape((28, 28, 1)),
            )

        def encode(self, inputs):
            z = self.encoder(inputs)
            codings_mean, codings_log_var = self.codings_mean(z), self.codings_log_var(z)
            return codings_mean, codings_log_var, self.sampling([codings_mean, codings_log_var])

        def forward(self, inputs):
            _, _, codings = self.encode(inputs)
            return self.decoder(codings)

        def loss(self, inputs):
            codings_mean, codings_log_var, codings = self.encode(inputs)
            latent_loss = -0.5 * mg.sum(1 + codings_log_var - mg.exp(codings_log_var) - mg.square(codings_mean), axis=-1)
            reconstruction_loss = losses.bce_with_logits(self.decoder(codings), inputs)
            latent_loss = mg.mean(latent_loss) / 784.0
            return reconstruction_loss + latent_loss, {"reconstruction": reconstruction_loss, "latent": latent_loss}

    variational_ae = VariationalAE()
    return variational_ae, {"optimizer": optim.RMSprop(variational_ae.parameters(), lr=1e-3)}


def gan_generator():
    """
    codings_size = 30
    generator = keras.models.Sequential([
        keras.layers.Dense(100, activation="selu", input_shape=(codings_size,)),
        keras.layers.Dense(150, activation="selu"),
        keras.layers.Dense(28 * 28, activation="sigmoid"),
        keras.layers.Reshape([28, 28])
    ])
    generator.summary()
    """
    codings_size = 30
    generator = nn.Sequential(
        nn.Dense(codings_size, 100, activation="selu"),
        nn.Dense(100, 150, activation="selu"),
        nn.Dense(150, 28 * 28, activation="sigmoid"),
        nn.Reshape((28, 28, 1)),
    )
    generator.summary((codings_size,))
    return generator


def gan_discriminator():
    """
    discriminator = keras.models.Sequential([
        keras.layers.Flatten(input_shape=[28, 28]),
        keras.layers.Dense(150, activation="selu"),
        keras.layers.Dense(100, activation="selu"),
        keras.layers.Dense(1, activation="sigmoid")
    ])
    """
    discriminator = nn.Sequential(
        nn.Flatten(), nn.Dense(28 * 28, 150, activation="selu"), nn.Dense(150, 100, activation="selu"), nn.Dense(100, 1)
    )
    return discriminator


def gan_compiled(generator, discriminator):
    """
    gan = keras.models.Sequential([generator, discriminator])
    discriminator.compile(loss="binary_crossentropy", optimizer="rmsprop")
    discriminator.trainable = False
    gan.compile(loss="binary_crossentropy", optimizer="rmsprop")
    """
    gan = nn.Sequential(generator, discriminator)
    discriminator_optimizer = optim.RMSprop(discriminator.parameters(), lr=1e-3)
    generator_optimizer = optim.RMSprop(generator.parameters(), lr=1e-3)
    return gan, discriminator_optimizer, generator_optimizer


def gan_loop(discriminator_optimizer, generator_optimizer):
    """
    def train_gan(gan, dataset, batch_size, codings_size, n_epochs=50):
        generator, discriminator = gan.layers
        for epoch in range(n_epochs):
            for X_batch in dataset:
                noise = tf.random.normal(shape=[batch_size, codings_size])
                generated_images = generator(noise)
                X_fake_and_real = tf.concat([generated_images, X_batch], axis=0)
                y1 = tf.constant([[0.]] * batch_size + [[1.]] * batch_size)
                discriminator.trainable = True
                discriminator.train_on_batch(X_fake_and_real, y1)

                noise = tf.random.normal(shape=[batch_size, codings_size])
                y2 = tf.constant([[1.]] * batch_size)
                discriminator.trainable = False
                gan.train_on_batch(noise, y2)
    """

    def train_gan(gan, dataset, batch_size, codings_size, n_epochs=50):
        generator, discriminator = gan
        for _epoch in range(n_epochs):
            for x_batch in dataset:
                noise = mg.backend.random.normal((batch_size, codings_size))
                with mg.no_grad():
                    generated_images = generator(noise)
                x_fake_and_real = mg.concatenate(generated_images, x_batch, axis=0)
                y1 = mg.asarray([[0.0]] * batch_size + [[1.0]] * batch_size)
                loss = losses.bce_with_logits(discriminator(x_fake_and_real), y1)
                discriminator_optimizer.zero_grad()
                loss.backward()
                discriminator_optimizer.step()

                noise = mg.backend.random.normal((batch_size, codings_size))
                y2 = mg.asarray([[1.0]] * batch_size)
                with discriminator.frozen():
                    loss = losses.bce_with_logits(gan(noise), y2)
                    generator_optimizer.zero_grad()
                    loss.backward()
                    generator_optimizer.step()

    return train_gan


def dcgan():
    """
    generator = keras.models.Sequential([
        keras.layers.Dense(7 * 7 * 128, input_shape=[100]),
        keras.layers.Reshape([7, 7, 128]),
        keras.layers.BatchNormalization(),
        keras.layers.Conv2DTranspose(64, kernel_size=5, strides=2, padding="same", activation="selu"),
        keras.layers.BatchNormalization(),
        keras.layers.Conv2DTranspose(1, kernel_size=5, strides=2, padding="same", activation="tanh")
    ])
    discriminator = keras.models.Sequential([
        keras.layers.Conv2D(64, kernel_size=5, strides=2, padding="same",
                            activation=keras.layers.LeakyReLU(0.2), input_shape=[28, 28, 1]),
        keras.layers.Dropout(0.4),
        keras.layers.Conv2D(128, kernel_size=5, strides=2, padding="same",
                            activation=keras.layers.LeakyReLU(0.2)),
        keras.layers.Dropout(0.4),
        keras.layers.Flatten(),
        keras.layers.Dense(1, activation="sigmoid")
    ])
    """
    generator = nn.Sequential(
        nn.Dense(100, 7 * 7 * 128),
        nn.Reshape((7, 7, 128)),
        nn.BatchNorm(128),
        nn.ConvTranspose2d(128, 64, 5, stride=2, padding="same", activation="selu"),
        nn.BatchNorm(64),
        nn.ConvTranspose2d(64, 1, 5, stride=2, padding="same", activation="tanh"),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1, 64, 5, stride=2, padding="same"),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.4),
        nn.Conv2d(64, 128, 5, stride=2, padding="same"),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.4),
        nn.Flatten(),
        nn.Dense(7 * 7 * 128, 1),
    )
    return generator, discriminator


# -- trained -------------------------------------------------------------------------------------------------------------------


def fitted(model, compiled, x, epochs, **options):
    """The history of a model, trained quietly."""
    return training.fit(model, x, epochs=epochs, **compiled, **TRAINED, **options)


def held_out(model, x):
    """The held-out cross entropy of logits."""
    return training.evaluate(model, x, loss="bce_with_logits")["loss"]


@pytest.fixture(scope="module")
def mean_image(x_train, x_valid):
    """The held-out cross entropy of a model that always makes the mean image, which none of these may equal."""
    mean = x_train.mean(axis=0).clip(1e-3, 0.999)
    return float(losses.bce_with_logits(np.broadcast_to(np.log(mean / (1 - mean)), x_valid.shape), x_valid))


@pytest.fixture(scope="module")
def stacked_ae(x_train, x_valid, tmp_path_factory):
    """The stacked autoencoder, trained, kept in a file, and opened."""
    mg.seed(0)
    model, compiled = stacked()
    path = tmp_path_factory.mktemp("models") / "stacked.npz"
    opened, history, measured = fitting(model, {**compiled, **TRAINED}, x_train, x_valid, path)
    assert measured == pytest.approx(min(history["validation loss"])) == pytest.approx(held_out(opened, x_valid))
    return opened


def test_the_linear_one_finds_the_plane(capsys):
    model, compiled = pca()
    assert model.parameter_count() == 17 and " 17\n" in capsys.readouterr().out
    x = synthetic.tilted_plane()
    centered = x - x.mean(axis=0)
    left = np.linalg.eigvalsh(centered.T @ centered / len(x)) / 3  # variances, each as a mean over three values
    fitted(model, compiled, x, 150)
    assert left[0] * 0.999 < training.evaluate(model, x, loss="mse")["loss"] < 0.75 * left[:2].sum(), "more than one component"


def test_the_stacked_one_rebuilds_and_shows_it(stacked_ae, x_valid, mean_image):
    assert stacked_ae.parameter_count() == 163_814
    assert held_out(stacked_ae, x_valid) < 0.96 * mean_image
    figure, rebuilt = visualizing(x_valid)(stacked_ae)
    assert len(figure.axes) == 10 and all(len(axes.images) == 1 for axes in figure.axes)
    plt.close(figure)
    assert 0 <= rebuilt.min() < 0.1 and 0.6 < rebuilt.max() <= 1


def test_a_classifier_learns_on_codes_that_stay(stacked_ae, glyphs):
    train, test = glyphs
    encoder = stacked_ae[0]
    before = encoder.fingerprint()
    model, compiled = pretraining(encoder)
    history = fitted(model, compiled, (train.images, train.labels), 30, validation=(test.images, test.labels))
    measured = training.evaluate(model, (test.images, test.labels), loss="cross_entropy")
    assert measured == {"loss": pytest.approx(history["validation loss"][-1])} and measured["loss"] < 0.9 * np.log(10)
    assert metrics.accuracy(training.predict(model, test.images), test.labels) > 0.3
    assert encoder.fingerprint() == before


@pytest.mark.parametrize("of_minigen", [False, True], ids=["own layer", "minigen's layer"])
def test_tied_weights_are_learned_by_both_uses(of_minigen, x_train, x_valid, mean_image):
    DenseTranspose = nn.DenseTranspose if of_minigen else tying()
    dense_1, dense_2 = nn.Dense(28 * 28, 100, activation="selu"), nn.Dense(100, 30, activation="selu")
    tied_encoder = nn.Sequential(nn.Flatten(), dense_1, dense_2)
    tied_decoder = nn.Sequential(DenseTranspose(dense_2, activation="selu"), DenseTranspose(dense_1), nn.Reshape((28, 28, 1)))
    tied_ae = nn.Sequential(tied_encoder, tied_decoder)
    assert tied_ae.parameter_count() == 82_414
    compiled = {"loss": "bce_with_logits", "optimizer": optim.SGD(tied_ae.parameters(), lr=1.5)}
    fitted(tied_ae, compiled, x_train, 10)
    assert held_out(tied_ae, x_valid) < 0.97 * mean_image


def test_the_convolutional_one_rebuilds(x_train, x_valid, mean_image):
    conv_encoder, conv_decoder = convolutional()
    assert (conv_encoder.parameter_count(), conv_decoder.parameter_count()) == (23_296, 23_233)
    conv_ae = nn.Sequential(conv_encoder, conv_decoder)
    compiled = {"loss": "bce_with_logits", "optimizer": optim.SGD(conv_ae.parameters(), lr=1.0)}
    history = fitted(conv_ae, compiled, x_train, 4, validation=x_valid)
    assert min(history["validation loss"]) < 0.95 * mean_image, "at this rate it comes and goes"


def test_the_recurrent_one_learns_from_rows_of_pixels(x_train, x_valid):
    recurrent_encoder, recurrent_decoder = recurrent()
    recurrent_ae = nn.Sequential(recurrent_encoder, recurrent_decoder)
    assert recurrent_ae.parameter_count() == 122_548
    x, rows = x_train[:96, ..., 0], x_valid[..., 0]
    assert recurrent_encoder.output_shape((28, 28)) == (30,) and held_out(recurrent_ae, rows) > 0.65
    fitted(recurrent_ae, {"loss": "bce_with_logits", "optimizer": optim.Adam(recurrent_ae.parameters(), lr=0.01)}, x, 2)
    assert held_out(recurrent_ae, rows) < 0.5


def test_the_denoising_one_rebuilds_what_it_was_not_shown(x_train, x_valid, mean_image):
    encoder, decoder = stacked()[0]
    flatten, *layers = encoder
    denoising_ae = nn.Sequential(nn.Sequential(flatten, denoising(), *layers), decoder)
    compiled = {"loss": "bce_with_logits", "optimizer": optim.SGD(denoising_ae.parameters(), lr=1.5)}
    history = fitted(denoising_ae, compiled, x_train, 18, validation=x_train)
    assert history["loss"][-1] > history["validation loss"][-1] + 0.002, "half of the pixels are missing, in training only"
    assert held_out(denoising_ae, x_valid) < 0.98 * mean_image


def test_the_sparse_one_has_few_active_units(x_train, x_valid):
    sparse_encoder = nn.Sequential(
        nn.Flatten(), nn.Dense(28 * 28, 100, activation="selu"), nn.Dense(100, 300, activation="sigmoid"), sparse()
    )
    sparse_decoder = nn.Sequential(nn.Dense(300, 100, activation="selu"), nn.Dense(100, 28 * 28), nn.Reshape((28, 28, 1)))
    sparse_ae = nn.Sequential(sparse_encoder, sparse_decoder)
    assert sparse_ae.parameter_count() == 218_084
    compiled = {"loss": "bce_with_logits", "optimizer": optim.SGD(sparse_ae.parameters(), lr=1.0)}
    history = fitted(sparse_ae, compiled, x_train, 8)
    assert history["loss"][-1] < 0.37 and history["penalty"][-1] < 0.11 < 0.13 < history["penalty"][0]
    assert training.predict(sparse_encoder, x_valid).mean() < 0.4, "without the penalty it is 0.57"


def test_the_variational_one_rebuilds_from_samples(x_train, x_valid, mean_image):
    variational_ae, compiled = variational_model(variational())
    assert variational_ae.parameter_count() == 269_504
    history = fitted(variational_ae, compiled, x_train, 12, validation=x_valid)
    assert history["validation loss"][-1] < 0.96 * mean_image and history["latent"][-1] > 0.01
    assert set(training.evaluate(variational_ae, x_valid)) == {"loss", "reconstruction", "latent"}


def distance(generator, x, codings_size=30):
    """Mean squared difference between the mean of what is generated and the mean of x."""
    noise = np.random.default_rng(0).standard_normal((64, codings_size), dtype=np.float32)
    return float(np.square(training.predict(generator, noise).mean(axis=0) - x.mean(axis=0)).mean())


@pytest.mark.parametrize("by_hand", [True, False], ids=["the cell's loop", "Adversarial"])
def test_the_gan_learns_what_digits_look_like(by_hand, x_train):
    generator, discriminator = gan_generator(), gan_discriminator()
    assert (generator.parameter_count(), discriminator.parameter_count()) == (136_634, 132_951)
    gan, discriminator_optimizer, generator_optimizer = gan_compiled(generator, discriminator)
    assert distance(generator, x_train) > 0.15
    if by_hand:
        dataset = data.batches(x_train, batch_size=32, seed=0, drop_last=True)
        gan_loop(discriminator_optimizer, generator_optimizer)(gan, dataset, 32, 30, n_epochs=12)
    else:
        trainer = training.Adversarial(
            generator,
            discriminator,
            latent_dim=30,
            generator_optimizer=generator_optimizer,
            discriminator_optimizer=discriminator_optimizer,
        )
        trainer.fit(x_train, steps=120, progress=False)
    assert distance(generator, x_train) < 0.015, "a black image is at 0.05"


def test_the_dcgan_begins_to(x_train):
    generator, discriminator = dcgan()
    assert generator.parameter_count() == 840_705 - 2 * (128 + 64), "Keras counts running statistics, too"
    assert discriminator.parameter_count() == 212_865
    trainer = training.Adversarial(
        generator,
        discriminator,
        latent_dim=100,
        pixel_range=(-1, 1),
        generator_optimizer=optim.RMSprop(generator.parameters(), lr=1e-3),
        discriminator_optimizer=optim.RMSprop(discriminator.parameters(), lr=1e-3),
    )
    before = np.square(trainer.sample(64).mean(axis=0) - x_train.mean(axis=0)).mean()
    trainer.fit(x_train, steps=8, batch_size=16, record_every=8, progress=False)
    assert np.square(trainer.sample(64).mean(axis=0) - x_train.mean(axis=0)).mean() < 0.9 * before


@pytest.mark.parametrize(("name", "published"), [
    ("StackedAutoencoder", 163_814),
    ("TiedAutoencoder", 82_414),
    ("ConvolutionalAutoencoder", 23_296 + 23_233),
    ("RecurrentAutoencoder", 122_548),
    ("SparseAutoencoder", 218_084),
    ("VariationalAutoencoder", 269_504),
])  # fmt: skip
def test_the_models_are_these_networks(name, published):
    assert getattr(autoencoders, name)().parameter_count() == published


# -- the table -----------------------------------------------------------------------------------------------------------------

PORTS = [
    pca, stacked, fitting, visualizing, pretraining, tying, convolutional, recurrent, denoising, sparse, variational, variational_model, gan_generator,
    gan_discriminator, gan_compiled, gan_loop, dcgan,
]  # fmt: skip
ROWS = [
    [cell.strip() for cell in line.strip("| ").split(" | ")]
    for line in PAGES["docs/from-keras.md"].splitlines()
    if line.startswith("| ") and "chapter (Keras)" not in line
]
LEFT, RIGHT = (" ".join(code for row in ROWS for code in re.findall("`([^`]+)`", row[side])) for side in (0, 1))


def dotted(node):
    """The names of a chain such as keras.layers.Dense; "" in place of what is no name."""
    if isinstance(node, ast.Attribute):
        return [*dotted(node.value), node.attr]
    return [node.id if isinstance(node, ast.Name) else ""]


def used(tree, roots, ignored):
    """What code calls things: chains from the roots, attributes of all else, settings by name. Without those of `ignored`."""
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    own = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    own |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and not node.name.startswith("__")}
    for node in ast.walk(tree):
        chain = dotted(node.func if isinstance(node, ast.Call) else node)
        if chain[0] in ignored:
            continue
        if isinstance(node, ast.Call):
            yield from (f"{keyword.arg}=" for keyword in node.keywords if keyword.arg)
            yield from (
                f'"{keyword.value.value}"'
                for keyword in node.keywords
                if isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
            )
        elif isinstance(node, ast.Attribute) and id(node) not in inner and chain[0] in roots:
            yield ".".join(chain)
        elif isinstance(node, ast.Attribute) and chain[0] not in roots and (chain[0] != "self" or node.attr not in own):
            yield node.attr


def stands_in(text, name):
    """Whether a name is in a text, as a word: a setting before its value, a layer of Keras without the path to it."""
    name = re.sub(r"^keras\.(layers|callbacks)\.(?=\w+$)", "", name)
    before, after = r"(?<![\w.])" if "." in name else r"(?<!\w)", r"(?!\w)" if name[-1].isalnum() else ""
    return re.search(before + re.escape(name) + after, text) is not None


@pytest.mark.parametrize("port", PORTS, ids=lambda port: port.__name__)
def test_the_table_has_every_name_on_both_sides(port):
    body = ast.parse(textwrap.dedent(inspect.getsource(port))).body[0]
    keras, here = ast.parse(inspect.getdoc(port)), ast.Module(body.body[1:], [])
    said = set(used(keras, {"keras", "tf", "K"}, {"plt"}))
    said |= {f"def {each.name}" for kind in keras.body if isinstance(kind, ast.ClassDef) for each in kind.body} - {"def __init__"}
    written = set(used(here, {"mg", "nn", "optim", "losses", "training", "data", "metrics"}, {"plt", "compiled"}))
    assert said and written
    assert {name for name in said if not stands_in(LEFT, name)} == set()
    assert {name for name in written if not stands_in(RIGHT, name)} == set()


def test_what_the_table_advises_exists():
    rooms = {"mg": mg, **{name: getattr(mg, name) for name in ("data", "losses", "metrics", "nn", "optim", "plot", "training")}}
    advised = re.findall(rf"(?<![\w.])(?:{'|'.join(rooms)})(?:\.\w+)+", RIGHT)
    assert len(set(advised)) > 50
    for name in advised:
        here, *path = name.split(".")
        found = rooms[here]
        for part in path:
            found = getattr(found, part)


def test_the_table_is_sorted_out():
    """Each row has two sides, and none is there twice."""
    assert all(len(row) == 2 for row in ROWS)
    assert len({row[0] for row in ROWS}) == len(ROWS)
