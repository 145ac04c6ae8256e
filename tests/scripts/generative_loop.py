"""A GAN as a model class with two optimizers and a train step written for JAX."""

import jax
import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

real = np.random.default_rng(49).normal(2, 0.5, (64, 2)).astype("float32")


class GAN(keras.Model):
    def __init__(self, discriminator, generator, latent_dim):
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.latent_dim = latent_dim
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn
        self.d_optimizer.build(self.discriminator.trainable_variables)
        self.g_optimizer.build(self.generator.trainable_variables)

    @property
    def metrics(self):
        return [self.d_loss_tracker, self.g_loss_tracker]


discriminator = keras.Sequential(
    [keras.Input((2,)), layers.Dense(8), layers.LeakyReLU(0.2), layers.Dense(1)]
)
generator = keras.Sequential(
    [keras.Input((3,)), layers.Dense(8), layers.LeakyReLU(0.2), layers.Dense(2)]
)
equal_weights(discriminator, generator)
gan = GAN(discriminator, generator, 3)
gan.compile(
    keras.optimizers.Adam(0.01),
    keras.optimizers.Adam(0.01),
    keras.losses.BinaryCrossentropy(from_logits=True),
)
noise = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")


def d_loss(weights, rest, real, fake):
    logits, _ = gan.discriminator.stateless_call(weights, rest, ops.concatenate([fake, real]))
    labels = ops.concatenate([ops.ones((len(fake), 1)), ops.zeros((len(real), 1))])
    return gan.loss_fn(labels, logits)


def g_loss(weights, rest, d_weights, noise):
    fake, _ = gan.generator.stateless_call(weights, rest, noise)
    logits, _ = gan.discriminator.stateless_call(d_weights, rest, fake)
    return gan.loss_fn(ops.zeros((len(noise), 1)), logits)


@jax.jit
def step(d, g, d_slots, g_slots, real, noise):
    fake, _ = gan.generator.stateless_call(g, [], noise)
    loss, grads = jax.value_and_grad(d_loss)(d, [], real, fake)
    d, d_slots = gan.d_optimizer.stateless_apply(d_slots, grads, d)
    other, grads = jax.value_and_grad(g_loss)(g, [], d, noise)
    g, g_slots = gan.g_optimizer.stateless_apply(g_slots, grads, g)
    return d, g, d_slots, g_slots, loss, other


def values(variables):
    return [variable.value for variable in variables]


d, g = values(discriminator.trainable_variables), values(generator.trainable_variables)
d_slots, g_slots = values(gan.d_optimizer.variables), values(gan.g_optimizer.variables)
losses = []
for _ in range(3):
    for start in range(0, 64, 8):
        batch = slice(start, start + 8)
        d, g, d_slots, g_slots, loss, other = step(
            d, g, d_slots, g_slots, real[batch], noise[batch]
        )
        gan.d_loss_tracker.update_state(loss)
        gan.g_loss_tracker.update_state(other)
    losses.append([float(metric.result()) for metric in gan.metrics])
    for metric in gan.metrics:
        metric.reset_state()
for model, new in ((discriminator, d), (generator, g)):
    for variable, value in zip(model.trainable_variables, new, strict=True):
        variable.assign(value)
for optimizer, new in ((gan.d_optimizer, d_slots), (gan.g_optimizer, g_slots)):
    for variable, value in zip(optimizer.variables, new, strict=True):
        variable.assign(value)
result = {
    "losses": losses,
    "made": generator.predict(noise, verbose=0),
    "judged": discriminator.predict(real, verbose=0),
    "iterations": [int(gan.d_optimizer.iterations), int(gan.g_optimizer.iterations)],
}
