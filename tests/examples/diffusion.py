"""Denoising diffusion: noise rates on a cosine, an averaged network (EMA), implicit sampling."""

import math

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

SIZE = 8
rng = np.random.default_rng(207)
images = np.zeros((48, SIZE, SIZE, 1), "float32")
for image in images:
    row, column = rng.integers(0, SIZE - 3, 2)
    image[row : row + 3, column : column + 3] = 1.0
noises = rng.normal(size=images.shape).astype("float32")
times = rng.random((48, 1, 1, 1)).astype("float32")


@keras.saving.register_keras_serializable()
def sinusoidal_embedding(x):
    frequencies = ops.exp(ops.linspace(ops.log(1.0), ops.log(100.0), 4))
    angular_speeds = ops.cast(2.0 * math.pi * frequencies, "float32")
    return ops.concatenate([ops.sin(angular_speeds * x), ops.cos(angular_speeds * x)], axis=3)


def residual_block(width):
    def apply(x):
        input_width = x.shape[3]
        residual = x if input_width == width else layers.Conv2D(width, kernel_size=1)(x)
        x = layers.BatchNormalization(center=False, scale=False)(x)
        x = layers.Conv2D(width, kernel_size=3, padding="same", activation="swish")(x)
        x = layers.Conv2D(width, kernel_size=3, padding="same")(x)
        return layers.Add()([x, residual])

    return apply


def get_network(widths=(6, 8)):
    noisy_images = keras.Input(shape=(SIZE, SIZE, 1))
    noise_variances = keras.Input(shape=(1, 1, 1))
    e = layers.Lambda(sinusoidal_embedding, output_shape=(1, 1, 8))(noise_variances)
    e = layers.UpSampling2D(size=SIZE, interpolation="nearest")(e)
    x = layers.Conv2D(widths[0], kernel_size=1)(noisy_images)
    x = layers.Concatenate()([x, e])
    x = skip = residual_block(widths[0])(x)
    x = layers.AveragePooling2D(pool_size=2)(x)
    x = residual_block(widths[1])(x)
    x = layers.UpSampling2D(size=2, interpolation="bilinear")(x)
    x = layers.Concatenate()([x, skip])
    x = residual_block(widths[0])(x)
    x = layers.Conv2D(1, kernel_size=1, kernel_initializer="zeros")(x)
    return keras.Model([noisy_images, noise_variances], x, name="residual_unet")


def diffusion_schedule(diffusion_times, min_rate=0.02, max_rate=0.95):
    start, end = math.acos(max_rate), math.acos(min_rate)
    angles = start + diffusion_times * (end - start)
    return np.sin(angles), np.cos(angles)


class DiffusionModel(keras.Model):
    def __init__(self, network, ema_network, ema=0.9):
        super().__init__()
        self.normalizer = layers.Normalization()
        self.network = network
        self.ema_network = ema_network
        self.ema_network.trainable = False
        self.ema = ema

    def call(self, inputs, training=False):
        noisy_images, noise_rates, signal_rates = inputs
        network = self.network if training else self.ema_network
        pred_noises = network([noisy_images, noise_rates**2], training=training)
        return pred_noises, (noisy_images - noise_rates * pred_noises) / signal_rates


class UpdateAverage(keras.callbacks.Callback):
    """The averaged network follows the trained one after every batch."""

    def on_train_batch_end(self, batch, logs=None):
        model = self.model
        pairs = zip(model.network.weights, model.ema_network.weights, strict=True)
        for weight, ema_weight in pairs:
            ema_weight.assign(model.ema * ema_weight + (1 - model.ema) * weight)


network, ema_network = get_network(), get_network()
equal_weights(network)
ema_network.set_weights(network.get_weights())
model = DiffusionModel(network, ema_network)
model.normalizer.adapt(images)
clean = np.asarray(model.normalizer(images))
noise_rates, signal_rates = (rates.astype("float32") for rates in diffusion_schedule(times))
noisy = signal_rates * clean + noise_rates * noises
inputs = (noisy, noise_rates, signal_rates)
model.compile(optimizer=keras.optimizers.AdamW(2e-3, weight_decay=1e-4), loss=["mae", None])
history = model.fit(
    inputs, noises, batch_size=8, epochs=8, shuffle=False, verbose=0, callbacks=[UpdateAverage()]
)


def reverse_diffusion(noise, steps):
    next_noisy = noise
    for step in range(steps):
        t = np.full((len(noise), 1, 1, 1), 1 - step / steps)
        rates = [r.astype("float32") for r in diffusion_schedule(t)]
        pred_noises, pred_images = model.predict((next_noisy, *rates), verbose=0)
        next_rates = [r.astype("float32") for r in diffusion_schedule(t - 1 / steps)]
        next_noisy = next_rates[1] * pred_images + next_rates[0] * pred_noises
    deviation = np.asarray(model.normalizer.adapt_variance).reshape(-1) ** 0.5
    return np.asarray(model.normalizer.adapt_mean).reshape(-1) + pred_images * deviation


made = reverse_diffusion(noises[:4], 5)
result = {
    **history.history,
    "made": np.clip(made, 0, 1),
    "of trained": network.predict([noisy, noise_rates**2], verbose=0),
    "of averaged": ema_network.predict([noisy, noise_rates**2], verbose=0),
    "weights": [len(model.trainable_weights), len(model.weights)],
}
saved = {
    "network": (network, [noisy, noise_rates**2]),
    "averaged": (ema_network, [noisy, noise_rates**2]),
    "diffusion": (model, None),
}


def go_on(models):
    again = models["network"]
    again.compile("adam", "mse")
    x = [noisy, noise_rates**2]
    return again.fit(x, noises, batch_size=8, epochs=1, shuffle=False, verbose=0).history


def step():
    model.fit(inputs, noises, batch_size=8, epochs=1, shuffle=False, verbose=0)
