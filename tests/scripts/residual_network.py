"""A small residual network of convolutions with batch normalization."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

random = np.random.default_rng(18)
images = random.integers(0, 256, (40, 8, 8, 3)).astype("uint8")
labels = random.integers(0, 4, 40)


def block(x, filters):
    shortcut = layers.Conv2D(filters, 1, strides=2, padding="same")(x)
    x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.ReLU()(x)
    return layers.add([shortcut, x])


inputs = keras.Input(shape=(8, 8, 3))
x = layers.Rescaling(1.0 / 255)(inputs)
x = layers.SeparableConv2D(4, 3, padding="same", activation="relu")(x)
x = block(x, 6)
x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
x = layers.GlobalAveragePooling2D()(x)
outputs = layers.Dense(4, activation="softmax")(x)
model = keras.Model(inputs, outputs)
equal_weights(model)
model.compile(
    optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
history = model.fit(images, labels, batch_size=8, epochs=10, shuffle=False, verbose=0)
result = {
    **history.history,
    "predictions": model.predict(images, verbose=0),
    "moving": model.get_layer(index=4).get_weights()[2],
    "counts": [model.count_params(), len(model.layers)],
}
