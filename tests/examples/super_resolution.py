"""Super-resolution by sub-pixel convolution, PSNR in a callback, and by a bicubic rival."""

import math

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

UPSCALE, SIZE = 2, 8
rng = np.random.default_rng(400)
coarse = rng.uniform(0, 1, (40, 5, 5, 1)).astype("float32")
high = np.asarray(ops.image.resize(coarse, (16, 16), interpolation="bicubic")).clip(0, 1)
low = high.reshape(40, SIZE, UPSCALE, SIZE, UPSCALE, 1).mean(axis=(2, 4))


class DepthToSpace(layers.Layer):
    def __init__(self, block_size, **kwargs):
        super().__init__(**kwargs)
        self.block_size = block_size

    def call(self, inputs):
        batch, height, width, depth = ops.shape(inputs)
        depth = depth // (self.block_size**2)
        x = ops.reshape(inputs, [batch, height, width, self.block_size, self.block_size, depth])
        x = ops.transpose(x, [0, 1, 3, 2, 4, 5])
        return ops.reshape(x, [batch, height * self.block_size, width * self.block_size, depth])

    def get_config(self):
        return {**super().get_config(), "block_size": self.block_size}


def get_model(upscale_factor=UPSCALE, channels=1):
    conv_args = {"activation": "relu", "kernel_initializer": "orthogonal", "padding": "same"}
    inputs = keras.Input(shape=(None, None, channels))
    x = layers.Conv2D(8, 5, **conv_args)(inputs)
    residual = x
    for dilation in (1, 2):
        x = layers.Conv2D(8, 3, dilation_rate=dilation, **conv_args)(x)
    x = layers.Add()([residual, x])
    x = layers.Conv2D(channels * (upscale_factor**2), 3, padding="same")(x)
    return keras.Model(inputs, DepthToSpace(upscale_factor)(x))


class ESPCNCallback(keras.callbacks.Callback):
    """The signal-to-noise ratio of each epoch, from its losses batch by batch."""

    def __init__(self):
        super().__init__()
        self.ratios = []

    def on_epoch_begin(self, epoch, logs=None):
        self.psnr = []

    def on_test_batch_end(self, batch, logs=None):
        self.psnr.append(10 * math.log10(1 / logs["loss"]))

    def on_epoch_end(self, epoch, logs=None):
        self.ratios.append(float(np.mean(self.psnr)))


model = get_model()
equal_weights(model)
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=3e-3), loss=keras.losses.MeanSquaredError()
)
watch = ESPCNCallback()
history = model.fit(
    low[:32],
    high[:32],
    epochs=8,
    batch_size=8,
    callbacks=[watch],
    shuffle=False,
    verbose=0,
    validation_data=(low[32:], high[32:]),
    validation_batch_size=8,
)
rival = np.asarray(ops.image.resize(low[32:], (16, 16), interpolation="bicubic"))
made = model.predict(low[32:], verbose=0)
larger = model.predict(np.asarray(high[:2]), verbose=0)
result = {
    **history.history,
    "ratios": watch.ratios,
    "rival": 10 * np.log10(1 / np.mean((rival - high[32:]) ** 2)),
    "made": made,
    "larger": larger,
}
saved = {"network": (model, low, high)}
