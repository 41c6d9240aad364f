"""The recurrent autoencoder: an image read, and written, row by row."""

from minigen import nn
from minigen.models.autoencoders.base import ImageAutoencoder
from minigen.models.sizes import Shape, image_shape


class RecurrentAutoencoder(ImageAutoencoder):
    """Two LSTMs read the rows of an image from top to bottom, a third one writes them (the book's network, 122,548 parameters).

        rows (28, 28) -> LSTM 100 -> the last h of LSTM 30 = z;    z 28 times -> LSTM 100 -> Dense 28: logits, row by row
        loss = mean over pixels of BCE(sigmoid(logits), x)

    The sequence-to-sequence autoencoder of Srivastava et al. (2015), with the codes as input of every step of the decoder, which
    never sees the rows it has written. Every code lies in (-1, 1). `shape`: of an image, (height, width, channels): there are
    `height` steps, each of which reads `width * channels` values.
    """

    def __init__(self, hidden: int = 100, latent_dim: int = 30, shape: Shape = (28, 28, 1)):
        rows, columns, channels = image_shape(type(self).__name__, shape)
        values = columns * channels
        self.encoder = nn.Sequential(
            nn.Reshape((rows, values)), nn.LSTM(values, hidden, return_sequences=True), nn.LSTM(hidden, latent_dim)
        )
        self.decoder = nn.Sequential(
            nn.RepeatVector(rows), nn.LSTM(latent_dim, hidden, return_sequences=True), nn.Dense(hidden, values), nn.Reshape(shape)
        )
