"""Support tickets: three inputs, two outputs, and losses by name."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

random = np.random.default_rng(1)
titles = random.integers(0, 20, (80, 6))
bodies = random.integers(0, 20, (80, 9))
tags = random.integers(0, 2, (80, 4)).astype("float32")
urgent = random.random((80, 1)).astype("float32")
departments = random.integers(0, 3, 80)

title = keras.Input(shape=(None,), dtype="int32", name="title")
body = keras.Input(shape=(None,), dtype="int32", name="body")
tag = keras.Input(shape=(4,), name="tags")
words = layers.Embedding(20, 5, name="words")
x = layers.concatenate(
    [layers.LSTM(4)(words(title)), layers.GlobalAveragePooling1D()(words(body)), tag]
)
priority = layers.Dense(1, activation="sigmoid", name="priority")(x)
department = layers.Dense(3, name="department")(x)
model = keras.Model(
    inputs=[title, body, tag], outputs={"priority": priority, "department": department}
)
equal_weights(model)
model.compile(
    optimizer=keras.optimizers.RMSprop(1e-2),
    loss={
        "priority": keras.losses.BinaryCrossentropy(),
        "department": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    },
    loss_weights={"priority": 1.0, "department": 0.2},
)
history = model.fit(
    {"title": titles, "body": bodies, "tags": tags},
    {"priority": urgent, "department": departments},
    epochs=5,
    batch_size=8,
    shuffle=False,
    verbose=0,
)
predicted = model.predict({"title": titles[:5], "body": bodies[:5], "tags": tags[:5]}, verbose=0)
result = {**predicted, **history.history}
