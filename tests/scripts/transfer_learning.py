"""A trained base, frozen under a new head, and then fine-tuned at a lower rate."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

random = np.random.default_rng(4)
x = random.normal(size=(64, 6, 6, 2)).astype("float32")
old, new = random.integers(0, 4, 64), random.integers(0, 2, (64, 1))

inputs = keras.Input((6, 6, 2))
features = layers.Conv2D(5, 3, use_bias=False)(inputs)
features = layers.BatchNormalization()(features)
features = layers.Activation("relu")(features)
base = keras.Model(inputs, features, name="base")
old_model = keras.Sequential([base, layers.Flatten(), layers.Dense(4)])
old_model.build((None, 6, 6, 2))
equal_weights(old_model)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
old_model.compile(keras.optimizers.Adam(1e-2), loss)
old_model.fit(x, old, batch_size=8, epochs=2, shuffle=False, verbose=0)

base.trainable = False
inputs = keras.Input((6, 6, 2))
pooled = layers.GlobalAveragePooling2D()(base(inputs, training=False))
model = keras.Model(inputs, layers.Dense(1)(pooled))
frozen = [len(model.trainable_weights), len(model.non_trainable_weights)]
model.layers[-1].set_weights([np.ones((5, 1), "float32"), np.zeros(1, "float32")])
loss = keras.losses.BinaryCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(1e-2), loss, metrics=[keras.metrics.BinaryAccuracy()])
before = base.get_weights()
model.fit(x, new, batch_size=8, epochs=2, shuffle=False, verbose=0)
kept = [float(np.abs(a - b).max()) for a, b in zip(before, base.get_weights(), strict=True)]

base.trainable = True
for layer in base.layers:
    layer.trainable = not isinstance(layer, layers.BatchNormalization)
model.compile(keras.optimizers.Adam(1e-3), loss, metrics=[keras.metrics.BinaryAccuracy()])
model.fit(x, new, batch_size=8, epochs=3, shuffle=False, verbose=0)
result = {
    "frozen": frozen,
    "kept": kept,
    "trainable": len(model.trainable_weights),
    "predictions": model.predict(x, verbose=0),
    "evaluate": model.evaluate(x, new, verbose=0),
}
