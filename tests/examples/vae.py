"""A variational autoencoder on small images: the divergence is added by `add_loss`."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

LATENT = 2
rng = np.random.default_rng(105)
places = rng.integers(1, 6, (48, 2))
images = np.zeros((48, 8, 8, 1), "float32")
for image, (row, column) in zip(images, places, strict=True):
    image[row : row + 2, column : column + 2] = 1.0


@keras.saving.register_keras_serializable()
class Sampling(layers.Layer):
    """Uses (z_mean, z_log_var) to sample z, the code of an image."""

    def __init__(self, seed=1337, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed

    def call(self, inputs):
        z_mean, z_log_var = inputs
        batch, dim = ops.shape(z_mean)
        epsilon = keras.random.normal(shape=(batch, dim), seed=self.seed)
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon

    def get_config(self):
        return super().get_config() | {"seed": self.seed}


@keras.saving.register_keras_serializable()
class VAE(keras.Model):
    def __init__(self, latent_dim=LATENT, beta=0.05, **kwargs):
        super().__init__(**kwargs)
        self.latent_dim, self.beta = latent_dim, beta
        self.encoder = keras.Sequential(
            [
                layers.Conv2D(6, 3, activation="relu", strides=2, padding="same"),
                layers.Flatten(),
                layers.Dense(8, activation="relu"),
            ]
        )
        self.to_mean = layers.Dense(latent_dim, name="z_mean")
        self.to_log_var = layers.Dense(latent_dim, name="z_log_var")
        self.sampling = Sampling()
        self.decoder = keras.Sequential(
            [
                layers.Dense(4 * 4 * 6, activation="relu"),
                layers.Reshape((4, 4, 6)),
                layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid"),
            ]
        )

    def call(self, inputs, training=False):
        x = self.encoder(inputs)
        mean, log_var = self.to_mean(x), self.to_log_var(x)
        kl = -0.5 * ops.sum(1 + log_var - ops.square(mean) - ops.exp(log_var), axis=1)
        self.add_loss(self.beta * ops.mean(kl))
        z = self.sampling((mean, log_var)) if training else mean
        return self.decoder(z)

    def get_config(self):
        return {**super().get_config(), "latent_dim": self.latent_dim, "beta": self.beta}


def reconstruction(y_true, y_pred):
    return ops.mean(ops.sum(keras.losses.binary_crossentropy(y_true, y_pred), axis=(1, 2)))


vae = VAE()
vae(images[:1])
for part in (vae.encoder, vae.to_mean, vae.to_log_var, vae.decoder):
    equal_weights(part)
vae.compile(optimizer=keras.optimizers.Adam(5e-3), loss=reconstruction)
history = vae.fit(images, images, epochs=8, batch_size=8, shuffle=False, verbose=0)
grid = np.array([[a, b] for a in (-1.0, 0.0, 1.0) for b in (-1.0, 0.0, 1.0)], "float32")
reconstructed = np.asarray(vae(images[:6]))
result = {
    **history.history,
    "reconstructed": reconstructed,
    "made": vae.decoder.predict(grid, verbose=0),
    "kl": float(sum(vae.losses)),
    "draws": np.asarray(keras.random.normal((3,), seed=keras.random.SeedGenerator(3))),
}
saved = {"vae": (vae, images, images)}
