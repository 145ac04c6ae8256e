"""Mixed precision: the guide's recipe in bfloat16, and losses beside those of float32."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

rng = np.random.default_rng(408)
x = rng.normal(size=(64, 8, 8, 1)).astype("float32")
y = (x.mean(axis=(1, 2, 3)) > 0).astype("int32")


def build():
    inputs = keras.Input(shape=(8, 8, 1), name="pixels")
    h = layers.Conv2D(6, 3, activation="relu")(inputs)
    h = layers.BatchNormalization(momentum=0.9)(h)
    h = layers.GlobalAveragePooling2D()(h)
    h = layers.Dense(12, activation="relu", name="dense_1")(h)
    h = layers.Dense(2, name="logits")(h)
    outputs = layers.Activation("softmax", dtype="float32", name="predictions")(h)
    model = keras.Model(inputs=inputs, outputs=outputs)
    equal_weights(model)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy")
    return model


full = build()
first = full.fit(x, y, batch_size=8, epochs=6, shuffle=False, verbose=0)
keras.mixed_precision.set_global_policy("mixed_bfloat16")
try:
    mixed = build()
    policy = keras.mixed_precision.global_policy().name
finally:
    keras.mixed_precision.set_global_policy("float32")
second = mixed.fit(x, y, batch_size=8, epochs=6, shuffle=False, verbose=0)
dense = mixed.get_layer("dense_1")
wide, narrow = first.history["loss"], second.history["loss"]
result = {
    "loss": wide,
    "near": bool(np.allclose(wide, narrow, rtol=0.03)),
    "policy": policy == dense.dtype_policy.name == "mixed_bfloat16",
    "dtypes": [
        str(dense.compute_dtype) == "bfloat16",
        str(dense.variable_dtype) == "float32",
        str(dense.kernel.dtype) == "float32",
        str(mixed.predict(x, verbose=0).dtype) == "float32",
        str(dense.output.dtype) == "bfloat16",
    ],
    "predictions": full.predict(x, verbose=0),
    "apart": float(np.abs(mixed.predict(x, verbose=0) - full.predict(x, verbose=0)).max()) < 0.1,
}
saved = {"full": (full, x, y)}
