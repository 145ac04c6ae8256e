"""Transfer learning: a base from a file, frozen under a new head, then fine-tuned slowly."""

import pathlib
import tempfile

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

rng = np.random.default_rng(109)
old_images = rng.uniform(0, 255, (32, 10, 10, 3)).astype("float32")
old_labels = keras.utils.to_categorical(rng.integers(0, 5, 32), 5)
images = rng.uniform(0, 255, (40, 10, 10, 3)).astype("float32")
labels = (images[:, :5].mean(axis=(1, 2, 3)) > images[:, 5:].mean(axis=(1, 2, 3))).astype("float32")


def backbone():
    inputs = keras.Input((10, 10, 3))
    x = inputs
    for filters in (6, 8):
        x = layers.Conv2D(filters, 3, padding="same", name=f"conv_{filters}")(x)
        x = layers.BatchNormalization(name=f"norm_{filters}")(x)
        x = layers.ReLU(max_value=6.0)(x)
        x = layers.MaxPool2D()(x)
    return keras.Model(inputs, x, name="backbone")


# Pretraining, and a file of its weights.
base = backbone()
equal_weights(base)
x = layers.GlobalMaxPooling2D()(base.output)
pretraining = keras.Model(base.input, layers.Dense(5, "softmax", kernel_initializer="zeros")(x))
pretraining.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
first = pretraining.fit(old_images / 255, old_labels, 8, epochs=3, shuffle=False, verbose=0)
path = pathlib.Path(tempfile.mkdtemp()) / "backbone.weights.h5"
base.save_weights(path)

# The new model: normalization inside, the base in inference mode.
base_model = backbone()
base_model.load_weights(path)
base_model.trainable = False
normalization = layers.Normalization(axis=-1)
normalization.adapt(images)
inputs = keras.Input(shape=(10, 10, 3))
x = normalization(inputs)
x = base_model(x, training=False)
x = layers.GlobalAveragePooling2D()(x)
x = layers.Dropout(0.0)(x)
outputs = layers.Dense(1, name="head")(x)
model = keras.Model(inputs, outputs)
equal_weights(model.get_layer("head"))
counts = [len(model.trainable_variables), len(model.non_trainable_variables)]

model.compile(
    optimizer=keras.optimizers.Adam(1e-2),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy()],
)
history = model.fit(images, labels, batch_size=8, epochs=4, shuffle=False, verbose=0)
frozen = base_model.get_weights()

base_model.trainable = True
for layer in base_model.layers:
    lowest = layer.name in ("conv_6", "norm_6")
    layer.trainable = not (lowest or isinstance(layer, layers.BatchNormalization))
counts += [len(model.trainable_variables), len(model.non_trainable_variables)]
model.compile(
    optimizer=keras.optimizers.Adam(1e-4),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy()],
)
tuned = model.fit(images, labels, batch_size=8, epochs=4, shuffle=False, verbose=0)
result = {
    **{f"first {k}": v for k, v in first.history.items()},
    **{f"head {k}": v for k, v in history.history.items()},
    **{f"tuned {k}": v for k, v in tuned.history.items()},
    "counts": counts,
    "moved": [
        not np.array_equal(a, b) for a, b in zip(frozen, base_model.get_weights(), strict=False)
    ],
    "logits": model.predict(images, verbose=0),
}
saved = {"model": (model, images, labels), "base": (base_model, images)}
remark = (
    "Keras 3.15.1 trains `base(x, training=False)` as if it were not said; its norms are frozen"
)
