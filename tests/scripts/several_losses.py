"""A loss, metrics and example weights for each of two heads, given as lists."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

random = np.random.default_rng(14)
x = random.normal(size=(80, 5)).astype("float32")
age, sex = random.normal(size=(80, 1)).astype("float32"), random.integers(0, 2, (80, 1))
sure = random.random(80).astype("float32")

inputs = keras.Input((5,))
trunk = layers.Dense(8, activation="selu", kernel_initializer="lecun_normal")(inputs)
trunk = layers.LayerNormalization()(trunk)
model = keras.Model(
    inputs,
    [layers.Dense(1, name="age")(trunk), layers.Dense(1, activation="sigmoid", name="sex")(trunk)],
)
equal_weights(model)
model.compile(
    optimizer=keras.optimizers.AdamW(0.01, weight_decay=0.01, global_clipnorm=1.0),
    loss=["mse", "binary_crossentropy"],
    loss_weights=[0.25, 1.0],
    metrics=[["mae"], [keras.metrics.AUC(name="auc"), keras.metrics.Recall(name="recall")]],
)
history = model.fit(
    x,
    [age, sex],
    sample_weight=[np.ones(80, "float32"), sure],
    epochs=5,
    batch_size=8,
    shuffle=False,
    verbose=0,
    validation_data=(x[:16], [age[:16], sex[:16]]),
)
ages, sexes = model.predict(x, verbose=0)
logs = model.evaluate(x, [age, sex], return_dict=True, verbose=0)
result = {**history.history, "ages": ages, "sexes": sexes}
result |= {f"evaluated {name}": value for name, value in logs.items()}
