"""WGAN-GP: a model without `call`, two optimizers, three steps of the critic to one."""

import jax
import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

LATENT, CRITIC_STEPS = 3, 3
rng = np.random.default_rng(206)
real = rng.normal([1.0, -1.0], 0.3, (48, 2)).astype("float32")
noises = rng.normal(size=(48, CRITIC_STEPS + 1, LATENT)).astype("float32")
mixes = rng.random((48, CRITIC_STEPS, 1)).astype("float32")


def make_critic():
    x = inputs = keras.Input((2,))
    for _ in range(2):
        x = layers.Dense(12)(x)
        x = layers.LeakyReLU(0.2)(x)
    return keras.Model(inputs, layers.Dense(1)(x), name="critic")


def make_generator():
    x = inputs = keras.Input((LATENT,))
    x = layers.Dense(12, use_bias=False)(x)
    x = layers.LayerNormalization()(x)
    x = layers.Activation("elu")(x)
    return keras.Model(inputs, layers.Dense(2)(x), name="generator")


class WGAN(keras.Model):
    def __init__(self, discriminator, generator, discriminator_extra_steps=3, gp_weight=10.0):
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.d_steps = discriminator_extra_steps
        self.gp_weight = gp_weight

    def compile(self, d_optimizer, g_optimizer):
        super().compile()
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
        d_optimizer.build(self.discriminator.trainable_variables)
        g_optimizer.build(self.generator.trainable_variables)

    def critic(self, weights, x):
        return self.discriminator.stateless_call(weights, [], x)[0]

    def gradient_penalty(self, weights, real, fake, mix):
        interpolated = real + mix * (fake - real)
        grads = jax.grad(lambda x: ops.sum(self.critic(weights, x)))(interpolated)
        norm = ops.sqrt(ops.sum(ops.square(grads), axis=1) + 1e-12)
        return ops.mean((norm - 1.0) ** 2)

    def d_loss(self, d_weights, g_weights, real, noise, mix):
        fake = self.generator.stateless_call(g_weights, [], noise)[0]
        cost = ops.mean(self.critic(d_weights, fake)) - ops.mean(self.critic(d_weights, real))
        return cost + self.gp_weight * self.gradient_penalty(d_weights, real, fake, mix)

    def g_loss(self, g_weights, d_weights, noise):
        return -ops.mean(
            self.critic(d_weights, self.generator.stateless_call(g_weights, [], noise)[0])
        )

    def make_step(self):
        @jax.jit
        def step(state, real, noise, mix):
            d, g, d_slots, g_slots = state
            for i in range(self.d_steps):
                d_loss, grads = jax.value_and_grad(self.d_loss)(d, g, real, noise[:, i], mix[:, i])
                d, d_slots = self.d_optimizer.stateless_apply(d_slots, grads, d)
            g_loss, grads = jax.value_and_grad(self.g_loss)(g, d, noise[:, -1])
            g, g_slots = self.g_optimizer.stateless_apply(g_slots, grads, g)
            return (d, g, d_slots, g_slots), (d_loss, g_loss)

        return step

    def all_variables(self):
        return (
            self.discriminator.trainable_variables,
            self.generator.trainable_variables,
            self.d_optimizer.variables,
            self.g_optimizer.variables,
        )

    def train(self, epochs, batch_size=8):
        step = self.make_step()
        state = tuple([np.array(v) for v in part] for part in self.all_variables())
        losses = []
        for _ in range(epochs):
            for start in range(0, len(real), batch_size):
                batch = slice(start, start + batch_size)
                state, both = step(state, real[batch], noises[batch], mixes[batch])
            losses.append([float(loss) for loss in both])
        for variables, values in zip(self.all_variables(), state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        return losses


def compiled(critic, generator):
    wgan = WGAN(critic, generator, CRITIC_STEPS)
    wgan.compile(
        d_optimizer=keras.optimizers.Adam(2e-3, beta_1=0.5, beta_2=0.9),
        g_optimizer=keras.optimizers.Adam(2e-3, beta_1=0.5, beta_2=0.9),
    )
    return wgan


critic, generator = make_critic(), make_generator()
equal_weights(critic, generator)
wgan = compiled(critic, generator)
losses = wgan.train(8)
made = generator.predict(noises[:, 0], verbose=0)
result = {
    "losses": losses,
    "made": made,
    "center": made.mean(axis=0),
    "judged": critic.predict(real, verbose=0),
    "slots": [len(wgan.d_optimizer.variables), len(wgan.g_optimizer.variables)],
    "first moment": np.asarray(wgan.d_optimizer.variables[2]),
}
saved = {"generator": (generator, noises[:, 0]), "critic": (critic, real)}


def go_on(models):
    return {"losses": compiled(models["critic"], models["generator"]).train(2)}


one = wgan.make_step()


def step():
    state = tuple([np.array(v) for v in part] for part in wgan.all_variables())
    jax.block_until_ready(one(state, real[:8], noises[:8], mixes[:8]))
