"""A variational autoencoder: a sampling layer that adds a loss, a loss and trackers of its own."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

data = np.random.default_rng(40).random((64, 6)).astype("float32")


class Sampling(layers.Layer):
    """Draws z by its mean and logarithmic variance, and adds the divergence from a normal z."""

    def call(self, inputs):
        mean, log_var = inputs
        divergence = -0.5 * ops.sum(1 + log_var - ops.square(mean) - ops.exp(log_var), axis=1)
        self.add_loss(0.1 * ops.mean(divergence))
        noise = keras.random.normal(ops.shape(mean), seed=7)
        return mean + ops.exp(0.5 * log_var) * noise


class VAE(keras.Model):
    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.sampling = Sampling()
        self.total_loss_tracker = keras.metrics.Mean(name="total_loss")
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction_loss")

    @property
    def metrics(self):
        return [self.total_loss_tracker, self.reconstruction_tracker]

    def call(self, inputs):
        return self.decoder(self.sampling(self.encoder(inputs)))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        reconstruction = ops.mean(ops.sum(ops.square(x - y_pred), axis=-1))
        total = reconstruction + sum(self.losses)
        self.total_loss_tracker.update_state(total)
        self.reconstruction_tracker.update_state(reconstruction)
        return total


inputs = keras.Input((6,))
hidden = layers.Dense(5, activation="relu")(inputs)
encoder = keras.Model(inputs, [layers.Dense(2)(hidden), layers.Dense(2)(hidden)], name="encoder")
decoder = keras.Sequential(
    [keras.Input((2,)), layers.Dense(5, activation="relu"), layers.Dense(6)], name="decoder"
)
vae = VAE(encoder, decoder)
vae(data[:1])
equal_weights(vae)
vae.compile(optimizer=keras.optimizers.Adam(0.01))
history = vae.fit(data, epochs=5, batch_size=8, shuffle=False, verbose=0)
result = {
    **history.history,
    "mean": encoder.predict(data, verbose=0)[0],
}
