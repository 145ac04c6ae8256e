"""Entity embeddings for a shop: one table a category, a regression of the logarithm of sales."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

rng = np.random.default_rng(304)
CARDINALITY = {"store": 12, "weekday": 7, "promotion": 2, "month": 12}
N = 128
columns = {name: rng.integers(0, size, N) for name, size in CARDINALITY.items()}
columns["store"] = np.where(rng.random(N) < 0.1, 11, columns["store"])
sales = np.exp(
    6
    + 0.1 * columns["store"]
    - 0.2 * (columns["weekday"] == 6)
    + 0.3 * columns["promotion"]
    + rng.normal(0, 0.1, N)
)
top = np.log(sales).max()


def embedded(name, size):
    column = keras.Input(shape=(1,), name=name)
    dimension = min(6, (size + 1) // 2)
    table = layers.Embedding(
        size,
        dimension,
        embeddings_initializer="he_uniform",
        name=f"{name}_table",
        embeddings_regularizer=keras.regularizers.L2(1e-5),
    )
    return column, layers.Flatten(name=f"{name}_vector")(table(column))


inputs, vectors = zip(*(embedded(name, size) for name, size in CARDINALITY.items()), strict=False)
x = layers.concatenate(vectors)
x = layers.GaussianNoise(0.0)(x)
x = layers.Dense(24, "relu", kernel_constraint=keras.constraints.MaxNorm(3))(x)
x = layers.Dense(12, "relu")(x)
outputs = layers.Dense(1, "sigmoid")(x)
model = keras.Model(list(inputs), outputs)
equal_weights(model)


def rmspe(y_true, y_pred):
    real, guess = ops.exp(y_true * top), ops.exp(y_pred * top)
    return ops.sqrt(ops.mean(ops.square((real - guess) / real)))


schedule = keras.optimizers.schedules.CosineDecay(0.01, decay_steps=60, alpha=0.05)
model.compile(
    loss="mean_absolute_error", optimizer=keras.optimizers.Nadam(schedule), metrics=[rmspe]
)
data = [columns[name] for name in CARDINALITY]
y = (np.log(sales) / top)[:, None]
history = model.fit(data, y, batch_size=16, epochs=8, shuffle=False, verbose=0)

stores = model.get_layer("store_table").get_weights()[0]
centered = stores - stores.mean(axis=0)
result = {
    **history.history,
    "predictions": np.exp(model.predict(data, verbose=0) * top),
    "spread": np.linalg.svd(centered, compute_uv=False),
    "nearest": np.argmin(((stores[:, None] - stores) ** 2).sum(-1) + 9 * np.eye(12), axis=1),
}
saved = {"sales": (model, data, y)}
