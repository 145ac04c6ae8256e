"""A GAN as a model without `call`: one `train_step` for JAX updates both networks."""

import jax
import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

LATENT = 4
rng = np.random.default_rng(205)
angles = rng.uniform(0, 2 * np.pi, 64)
real = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("float32")
noise = rng.normal(size=(64, LATENT)).astype("float32")

discriminator = keras.Sequential(
    [
        keras.Input(shape=(2,)),
        layers.Dense(12),
        layers.LeakyReLU(negative_slope=0.2),
        layers.Dense(1),
    ],
    name="discriminator",
)
generator = keras.Sequential(
    [
        keras.Input(shape=(LATENT,)),
        layers.Dense(12),
        layers.BatchNormalization(momentum=0.8),
        layers.LeakyReLU(negative_slope=0.2),
        layers.Dense(2, activation="tanh"),
    ],
    name="generator",
)
equal_weights(discriminator, generator)


class GAN(keras.Model):
    def __init__(self, discriminator, generator):
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")
        self.loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
        self.built = True

    @property
    def metrics(self):
        return [self.d_loss_tracker, self.g_loss_tracker]

    def _d_loss(self, d_weights, d_state, fake, real):
        images = ops.concatenate([fake, real], axis=0)
        labels = ops.concatenate([ops.ones((fake.shape[0], 1)), ops.zeros((real.shape[0], 1))])
        predictions, d_state = self.discriminator.stateless_call(
            d_weights, d_state, images, training=True
        )
        return self.loss_fn(labels, predictions), d_state

    def _g_loss(self, g_weights, g_state, d_weights, d_state, noise):
        fake, g_state = self.generator.stateless_call(g_weights, g_state, noise, training=True)
        predictions, _ = self.discriminator.stateless_call(d_weights, d_state, fake)
        return self.loss_fn(ops.zeros((noise.shape[0], 1)), predictions), g_state

    def train_step(self, state, data):
        trainable, non_trainable, optimizer_variables, metrics_variables = state
        (real, noise), _, _ = keras.utils.unpack_x_y_sample_weight(data)
        split = len(self.discriminator.trainable_variables)
        d_weights, g_weights = trainable[:split], trainable[split:]
        d_split = len(self.discriminator.non_trainable_variables)
        d_state = non_trainable[:d_split]
        g_state = non_trainable[d_split : d_split + len(self.generator.non_trainable_variables)]

        fake, _ = self.generator.stateless_call(g_weights, g_state, noise, training=True)
        (d_loss, d_state), d_grads = jax.value_and_grad(self._d_loss, has_aux=True)(
            d_weights, d_state, fake, real
        )
        (g_loss, g_state), g_grads = jax.value_and_grad(self._g_loss, has_aux=True)(
            g_weights, g_state, d_weights, d_state, noise
        )
        trainable, optimizer_variables = self.optimizer.stateless_apply(
            optimizer_variables, d_grads + g_grads, trainable
        )
        logs, new_metrics = {}, []
        for metric, loss in zip(self.metrics, (d_loss, g_loss), strict=True):
            n = len(metric.variables)
            mine, metrics_variables = metrics_variables[:n], metrics_variables[n:]
            mine = metric.stateless_update_state(mine, loss)
            logs[metric.name] = metric.stateless_result(mine)
            new_metrics += mine
        state = (trainable, [*d_state, *g_state], optimizer_variables, new_metrics)
        return logs, state


gan = GAN(discriminator=discriminator, generator=generator)
gan.compile(optimizer=keras.optimizers.Adam(learning_rate=5e-3, beta_1=0.5))
history = gan.fit((real, noise), epochs=8, batch_size=8, shuffle=False, verbose=0)
result = {
    **history.history,
    "made": generator.predict(noise, verbose=0),
    "judged": discriminator.predict(real, verbose=0),
    "weights": [len(gan.trainable_variables), len(gan.non_trainable_variables)],
    "steps": int(gan.optimizer.iterations),
}
saved = {
    "gan": (gan, None),
    "generator": (generator, noise),
    "discriminator": (discriminator, real),
}


def go_on(models):
    again = GAN(models["discriminator"], models["generator"])
    again.compile(optimizer=keras.optimizers.Adam(learning_rate=5e-3, beta_1=0.5))
    return again.fit((real, noise), epochs=2, batch_size=8, shuffle=False, verbose=0).history


def step():
    gan.fit((real, noise), epochs=1, batch_size=8, shuffle=False, verbose=0)
