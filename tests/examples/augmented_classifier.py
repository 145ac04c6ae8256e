"""Image classification with augmentation layers of our own in front of the network."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

rng = np.random.default_rng(100)
labels = rng.integers(0, 3, 48)
images = rng.uniform(0, 80, (48, 12, 12, 3))
for i, label in enumerate(labels):  # a bar whose direction is the class
    if label == 0:
        images[i, 5:7] += 150
    elif label == 1:
        images[i, :, 5:7] += 150
    else:
        images[i, np.arange(12), np.arange(12)] += 150
images = images.astype("uint8")


@keras.saving.register_keras_serializable(package="augmentation")
class MirrorHalf(layers.Layer):
    """Mirrors every second image of a batch left to right while the model trains."""

    def call(self, images, training=False):
        if not training:
            return images
        odd = ops.arange(ops.shape(images)[0]) % 2 == 1
        return ops.where(odd[:, None, None, None], ops.flip(images, axis=2), images)


@keras.saving.register_keras_serializable(package="augmentation")
class Brightness(layers.Layer):
    """Scales images by random factors, one for each place in a batch."""

    def __init__(self, delta=0.2, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.delta = delta
        self.seed = seed

    def call(self, images, training=False):
        if not training:
            return images
        shape = (ops.shape(images)[0], 1, 1, 1)
        factor = keras.random.uniform(shape, 1 - self.delta, 1 + self.delta, seed=self.seed)
        return images * factor

    def get_config(self):
        return {**super().get_config(), "delta": self.delta, "seed": self.seed}


def conv_block(x, filters):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Activation("relu")(x)
    return layers.MaxPooling2D()(x)


augment = keras.Sequential([MirrorHalf(), Brightness(0.1, seed=7)], name="augment")
inputs = keras.Input(shape=(12, 12, 3))
x = augment(inputs)
x = layers.Rescaling(1 / 255)(x)
x = conv_block(x, 6)
x = conv_block(x, 8)
x = layers.GlobalAveragePooling2D()(x)
outputs = layers.Dense(3, activation="softmax")(x)
model = keras.Model(inputs, outputs, name="classifier")
for layer in model.layers:
    if layer is not augment:
        equal_weights(layer)

model.compile(
    optimizer=keras.optimizers.AdamW(learning_rate=1e-2, weight_decay=1e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
history = model.fit(
    images[:40],
    labels[:40],
    batch_size=8,
    epochs=10,
    shuffle=False,
    verbose=0,
    validation_data=(images[40:], labels[40:]),
)
result = {**history.history, "probabilities": model.predict(images, verbose=0)}
saved = {"classifier": (model, images, labels)}
