"""Every cell of the chapter in lines of minigen, each beside its line of Keras, with the published number of parameters.

Two things differ throughout. A layer is told how many features come in, where Keras finds out at the first batch. And networks
of images end in logits: the sigmoid is in the loss (and in `reconstruct` and `sample` of the models), where it cannot overflow.
"""

import numpy as np
import pytest

import minigen as mg
from minigen import losses, nn, optim, plot, synthetic, training
from minigen.models import autoencoders

# What the chapter only names, or shows one layer of, is completed from the book's notebooks: the tied, the recurrent, the sparse
# and the variational network, and the convolutional decoder.
PUBLISHED = {
    "pca": 17, "stacked": 163_814, "tied": 82_414, "convolutional encoder": 23_296, "convolutional decoder": 23_233,
    "recurrent": 122_548, "sparse": 218_084, "variational": 269_504, "generator": 136_634, "discriminator": 132_951,
}  # fmt: skip


@pytest.fixture
def images():
    """A batch of pictures in [0, 1]."""
    return np.random.default_rng(0).random((4, 28, 28, 1), dtype=np.float32)


def check(name, network, batch, shape):
    """The network has the published number of parameters and makes an output of this shape for each example."""
    assert network.parameter_count() == PUBLISHED[name]
    assert network(mg.asarray(batch)).shape == (len(batch), *shape)
    assert network.output_shape(batch.shape[1:]) == shape


def test_pca():
    encoder = nn.Sequential(  # encoder = keras.models.Sequential([
        nn.Dense(3, 2)  #     keras.layers.Dense(2, input_shape=[3])
    )  # ])
    decoder = nn.Sequential(  # decoder = keras.models.Sequential([
        nn.Dense(2, 3)  #     keras.layers.Dense(3, input_shape=[2])
    )  # ])
    autoencoder = nn.Sequential(encoder, decoder)  # autoencoder = keras.models.Sequential([encoder, decoder])
    optimizer = optim.SGD(
        autoencoder.parameters(), lr=0.1
    )  # autoencoder.compile(optimizer=keras.optimizers.SGD(learning_rate=0.1),
    x = mg.asarray(synthetic.tilted_plane())
    loss = losses.mse(autoencoder(x), x)  #                     loss="mse")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    check("pca", autoencoder, np.zeros((4, 3), np.float32), (3,))
    assert float(losses.mse(autoencoder(x), x).data) < float(loss.data)


def stacked():
    encoder = nn.Sequential(  # stacked_encoder = keras.models.Sequential([
        nn.Flatten(),  #     keras.layers.Flatten(input_shape=[28, 28]),
        nn.Dense(28 * 28, 100, activation="selu"),  #     keras.layers.Dense(100, activation="selu"),
        nn.Dense(100, 30, activation="selu"),  #     keras.layers.Dense(30, activation="selu"),
    )  # ])
    decoder = nn.Sequential(  # stacked_decoder = keras.models.Sequential([
        nn.Dense(30, 100, activation="selu"),  #     keras.layers.Dense(100, activation="selu", input_shape=[30]),
        nn.Dense(100, 28 * 28),  #     keras.layers.Dense(28 * 28, activation="sigmoid"),
        nn.Reshape((28, 28, 1)),  #     keras.layers.Reshape([28, 28])
    )  # ])
    return nn.Sequential(encoder, decoder)  # stacked_ae = keras.models.Sequential([stacked_encoder, stacked_decoder])


def test_stacked(images, capsys):
    model = stacked()
    optimizer = optim.SGD(model.parameters(), lr=1.5)  # stacked_ae.compile(optimizer=keras.optimizers.SGD(learning_rate=1.5),
    x = mg.asarray(images)
    losses.bce_with_logits(model(x), x).backward()  #                    loss="binary_crossentropy")
    optimizer.step()
    model.summary((28, 28, 1))  # stacked_ae.summary()
    assert "163,814" in capsys.readouterr().out
    check("stacked", model, images, (28, 28, 1))


def test_visualizing_reconstructions(images):
    model = autoencoders.StackedAutoencoder()
    reconstructions = model.reconstruct(mg.asarray(images[:2]))  # reconstructions = model.predict(X_valid[:n_images])
    figure = plot.image_rows(
        {"original": images[:2], "rebuilt": reconstructions}
    )  # plt.subplot(2, n_images, ...), plt.imshow(...)
    assert len(figure.axes[0].images) == 4


def test_unsupervised_pretraining(images):
    model = stacked()
    encoder = model[0]
    classifier = nn.Sequential(
        encoder, nn.Dense(30, 10)
    )  # keras.models.Sequential([stacked_encoder, keras.layers.Dense(10, ...)])
    head = optim.SGD(classifier[1].parameters(), lr=0.1)  # stacked_encoder.trainable = False
    before = encoder.state_dict()
    losses.cross_entropy(classifier(mg.asarray(images)), np.arange(4)).backward()
    head.step()
    assert all(np.array_equal(before[name], values) for name, values in encoder.state_dict().items())


def test_tying_weights(images):
    dense_1 = nn.Dense(28 * 28, 100, activation="selu")  # dense_1 = keras.layers.Dense(100, activation="selu")
    dense_2 = nn.Dense(100, 30, activation="selu")  # dense_2 = keras.layers.Dense(30, activation="selu")
    encoder = nn.Sequential(
        nn.Flatten(), dense_1, dense_2
    )  # keras.models.Sequential([keras.layers.Flatten(...), dense_1, dense_2])
    decoder = nn.Sequential(
        nn.DenseTranspose(dense_2, activation="selu"),  # DenseTranspose(dense_2, activation="selu"),
        nn.DenseTranspose(dense_1),  # DenseTranspose(dense_1, activation="sigmoid"),
        nn.Reshape((28, 28, 1)),  # keras.layers.Reshape([28, 28])
    )
    check("tied", nn.Sequential(encoder, decoder), images, (28, 28, 1))


def test_convolutional(images):
    encoder = nn.Sequential(  # conv_encoder = keras.models.Sequential([
        nn.Reshape((28, 28, 1)),  # keras.layers.Reshape([28, 28, 1], input_shape=[28, 28]),
        nn.Conv2d(
            1, 16, 3, padding="same", activation="selu"
        ),  # keras.layers.Conv2D(16, kernel_size=3, padding="same", activation="selu"),
        nn.MaxPool2d(2),  # keras.layers.MaxPool2D(pool_size=2),
        nn.Conv2d(
            16, 32, 3, padding="same", activation="selu"
        ),  # keras.layers.Conv2D(32, kernel_size=3, padding="same", activation="selu"),
        nn.MaxPool2d(2),  # keras.layers.MaxPool2D(pool_size=2),
        nn.Conv2d(
            32, 64, 3, padding="same", activation="selu"
        ),  # keras.layers.Conv2D(64, kernel_size=3, padding="same", activation="selu"),
        nn.MaxPool2d(2),  # keras.layers.MaxPool2D(pool_size=2)
    )  # ])
    decoder = nn.Sequential(
        nn.ConvTranspose2d(
            64, 32, 3, stride=2, padding="valid", activation="selu"
        ),  # Conv2DTranspose(32, kernel_size=3, strides=2, padding="valid", ...
        nn.ConvTranspose2d(
            32, 16, 3, stride=2, padding="same", activation="selu"
        ),  # Conv2DTranspose(16, kernel_size=3, strides=2, padding="same", ...
        nn.ConvTranspose2d(
            16, 1, 3, stride=2, padding="same"
        ),  # Conv2DTranspose(1, kernel_size=3, strides=2, padding="same", ...
        nn.Reshape((28, 28, 1)),  # keras.layers.Reshape([28, 28])
    )
    check("convolutional encoder", encoder, images[..., 0], (3, 3, 64))
    check("convolutional decoder", decoder, np.zeros((4, 3, 3, 64), np.float32), (28, 28, 1))


def test_recurrent(images):
    network = nn.Sequential(
        nn.Reshape((28, 28)),  # rows are the steps in time
        nn.LSTM(28, 100, return_sequences=True),  # keras.layers.LSTM(100, return_sequences=True, input_shape=[28, 28]),
        nn.LSTM(100, 30),  # keras.layers.LSTM(30)
        nn.RepeatVector(28),  # keras.layers.RepeatVector(28, input_shape=[30]),
        nn.LSTM(30, 100, return_sequences=True),  # keras.layers.LSTM(100, return_sequences=True),
        nn.Dense(100, 28),  # keras.layers.TimeDistributed(keras.layers.Dense(28, activation="sigmoid"))
        nn.Reshape((28, 28, 1)),
    )
    check("recurrent", network, images, (28, 28, 1))


def test_denoising(images):
    dropout = nn.Dropout(0.5)  # keras.layers.Dropout(0.5)
    noised = mg.to_numpy(dropout(mg.asarray(images)))
    assert set(np.unique((noised / images).round(4))) == {0, 2}, "half are dropped, the others doubled"
    check("stacked", nn.Sequential(dropout, stacked()), images, (28, 28, 1))


def test_sparse(images):
    network = nn.Sequential(
        nn.Flatten(),
        nn.Dense(28 * 28, 100, activation="selu"),  # keras.layers.Dense(100, activation="selu"),
        nn.Dense(100, 300, activation="sigmoid"),  # keras.layers.Dense(300, activation="sigmoid"),
        nn.ActivityRegularization(l1=1e-3),  # keras.layers.ActivityRegularization(l1=1e-3)
        nn.Dense(300, 100, activation="selu"),
        nn.Dense(100, 28 * 28),
        nn.Reshape((28, 28, 1)),
    )
    check("sparse", network, images, (28, 28, 1))
    codes = nn.Sequential(*(network[i] for i in range(3)))(mg.asarray(images)).numpy()
    network(mg.asarray(images))
    assert float(nn.activity_penalty(network).data) == pytest.approx(1e-3 * codes.sum() / 4, rel=1e-5), "of a mean example"


def test_variational(images):
    encoder = nn.Sequential(nn.Flatten(), nn.Dense(28 * 28, 150, activation="selu"), nn.Dense(150, 100, activation="selu"))
    to_mean, to_logvar = nn.Dense(100, 10), nn.Dense(100, 10)  # codings_mean = Dense(10)(z); codings_log_var = Dense(10)(z)
    sampling = nn.Sampling()  # class Sampling(keras.layers.Layer): ...
    decoder = nn.Sequential(
        nn.Dense(10, 100, activation="selu"),
        nn.Dense(100, 150, activation="selu"),
        nn.Dense(150, 28 * 28),
        nn.Reshape((28, 28, 1)),
    )
    h = encoder(mg.asarray(images))
    mean, logvar = to_mean(h), to_logvar(h)  # mean, log_var = inputs
    noise = np.random.default_rng(1).standard_normal((4, 10), dtype=np.float32)
    z = sampling(mean, logvar, noise)  # K.random_normal(tf.shape(log_var)) * K.exp(log_var / 2) + mean
    np.testing.assert_allclose(z.numpy(), noise * np.exp(logvar.numpy() / 2) + mean.numpy(), rtol=1e-5, atol=1e-6)
    count = sum(part.parameter_count() for part in (encoder, to_mean, to_logvar, decoder))
    assert count == PUBLISHED["variational"]
    assert decoder(z).shape == images.shape


def gan():
    codings_size = 30  # codings_size = 30
    generator = nn.Sequential(  # generator = keras.models.Sequential([
        nn.Dense(
            codings_size, 100, activation="selu"
        ),  #     keras.layers.Dense(100, activation="selu", input_shape=(codings_size,)),
        nn.Dense(100, 150, activation="selu"),  #     keras.layers.Dense(150, activation="selu"),
        nn.Dense(150, 28 * 28, activation="sigmoid"),  #     keras.layers.Dense(28 * 28, activation="sigmoid"),
        nn.Reshape((28, 28, 1)),  #     keras.layers.Reshape([28, 28])
    )  # ])
    discriminator = nn.Sequential(  # discriminator = keras.models.Sequential([
        nn.Flatten(),  #     keras.layers.Flatten(input_shape=[28, 28]),
        nn.Dense(28 * 28, 150, activation="selu"),  #     keras.layers.Dense(150, activation="selu"),
        nn.Dense(150, 100, activation="selu"),  #     keras.layers.Dense(100, activation="selu"),
        nn.Dense(100, 1),  #     keras.layers.Dense(1, activation="sigmoid")
    )  # ])
    return generator, discriminator


def test_gan(images):
    generator, discriminator = gan()
    check("generator", generator, np.zeros((4, 30), np.float32), (28, 28, 1))
    check("discriminator", discriminator, images, (1,))


def test_gan_training_step(images):
    """`trainable` needs no switch: an optimizer moves the parameters that it was given, and no others."""
    generator, discriminator = gan()
    of_generator, of_discriminator = (optim.RMSprop(network.parameters(), lr=1e-3) for network in (generator, discriminator))
    rng = np.random.default_rng(0)
    states = [(generator.state_dict(), discriminator.state_dict())]

    noise = rng.standard_normal((4, 30), dtype=np.float32)  # noise = tf.random.normal(shape=[batch_size, codings_size])
    with mg.no_grad():
        generated_images = generator(mg.asarray(noise))  # generated_images = generator(noise)
    fake_and_real = mg.concatenate(
        generated_images, mg.asarray(images)
    )  # X_fake_and_real = tf.concat([generated_images, X_batch], axis=0)
    y1 = np.array([[0.0]] * 4 + [[1.0]] * 4, np.float32)  # y1 = tf.constant([[0.]] * batch_size + [[1.]] * batch_size)
    discriminator.zero_grad()
    losses.bce_with_logits(discriminator(fake_and_real), y1).backward()  # discriminator.trainable = True
    of_discriminator.step()  # discriminator.train_on_batch(X_fake_and_real, y1)
    states.append((generator.state_dict(), discriminator.state_dict()))

    noise = rng.standard_normal((4, 30), dtype=np.float32)  # noise = tf.random.normal(shape=[batch_size, codings_size])
    y2 = np.array([[1.0]] * 4, np.float32)  # y2 = tf.constant([[1.]] * batch_size)
    generator.zero_grad()
    losses.bce_with_logits(discriminator(generator(mg.asarray(noise))), y2).backward()  # discriminator.trainable = False
    of_generator.step()  # gan.train_on_batch(noise, y2)
    states.append((generator.state_dict(), discriminator.state_dict()))

    def moved(step, network):
        before, after = states[step][network], states[step + 1][network]
        return any(not np.array_equal(before[name], after[name]) for name in before)

    assert [moved(0, 0), moved(0, 1)] == [False, True], "the first step moves the discriminator alone"
    assert [moved(1, 0), moved(1, 1)] == [True, False], "the second step moves the generator alone"


def test_fitting_a_model(images):
    model = autoencoders.StackedAutoencoder()
    optimizer = optim.SGD(model.parameters(), lr=1.5)
    history = training.fit(
        model, images, validation=images, optimizer=optimizer, epochs=2, progress=False
    )  # history = stacked_ae.fit(X_train, X_train, epochs=2, ...
    assert history["epoch"] == [1, 2] and len(history["validation loss"]) == 2


@pytest.mark.parametrize(("name", "published"), [
    ("StackedAutoencoder", PUBLISHED["stacked"]),
    ("TiedAutoencoder", PUBLISHED["tied"]),
    ("ConvolutionalAutoencoder", PUBLISHED["convolutional encoder"] + PUBLISHED["convolutional decoder"]),
    ("RecurrentAutoencoder", PUBLISHED["recurrent"]),
    ("SparseAutoencoder", PUBLISHED["sparse"]),
    ("VariationalAutoencoder", PUBLISHED["variational"]),
])  # fmt: skip
def test_the_models_are_these_networks(name, published):
    assert getattr(autoencoders, name)().parameter_count() == published
