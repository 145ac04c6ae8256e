"""Columns of a table: numbers that are normalized, binned, and categories that are encoded."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

random = np.random.default_rng(23)
income = random.normal(3000, 800, (80, 2)).astype("float32")
age = random.uniform(18, 80, (80, 1)).astype("float32")
city = random.integers(0, 5, (80, 1))
bought = random.integers(0, 2, (80, 1))

scaled = layers.Normalization()
scaled.adapt(income)
incomes = keras.Input((2,), name="income")
ages = keras.Input((1,), name="age")
cities = keras.Input((1,), name="city", dtype="int64")
binned = layers.Discretization(bin_boundaries=[30.0, 50.0], output_mode="one_hot")(ages)
encoded = layers.CategoryEncoding(num_tokens=5, output_mode="one_hot")(cities)
x = layers.concatenate([scaled(incomes), binned, encoded])
outputs = layers.Dense(1, activation="sigmoid")(layers.Dense(4, activation="relu")(x))
model = keras.Model({"income": incomes, "age": ages, "city": cities}, outputs)
dense = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
for layer in dense:
    equal_weights(layer)
model.compile("adam", "binary_crossentropy", metrics=[keras.metrics.Precision(), "accuracy"])
table = {"income": income, "age": age, "city": city}
history = model.fit(table, bought, batch_size=8, epochs=5, shuffle=False, verbose=0)
result = {
    "loss": history.history["loss"],
    "predictions": model.predict(table, verbose=0),
    "evaluate": model.evaluate(table, bought, verbose=0),
}
