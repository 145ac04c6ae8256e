"""Wide and deep: encoded categories for the wide part, embeddings and numbers for the deep one."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

rng = np.random.default_rng(303)
N = 96
table = {
    "age": rng.uniform(18, 80, N).astype("float32"),
    "hours": rng.uniform(10, 60, N).astype("float32"),
    "education": rng.integers(0, 5, N),
    "occupation": rng.integers(0, 7, N),
    "region": rng.integers(0, 3, N),
}
income = (
    (table["education"] >= 3).astype(int) + (table["hours"] > 35) + (table["age"] > 40) >= 2
).astype("float32")
NUMERIC = ("age", "hours")
CATEGORIES = {"education": 5, "occupation": 7, "region": 3}


def create_model_inputs():
    inputs = {name: keras.Input(shape=(1,), name=name, dtype="float32") for name in NUMERIC}
    return inputs | {name: keras.Input(shape=(1,), name=name, dtype="int64") for name in CATEGORIES}


def encode(inputs, use_embedding):
    encoded = []
    for name, feature in inputs.items():
        if name in NUMERIC:
            normalization = layers.Normalization(axis=None)
            normalization.adapt(table[name])
            encoded.append(normalization(feature))
        elif use_embedding:
            embedding = layers.Embedding(CATEGORIES[name], 3, name=f"{name}_embedding")
            encoded.append(layers.Reshape((3,))(embedding(feature)))
        else:
            encoded.append(
                layers.CategoryEncoding(CATEGORIES[name], output_mode="one_hot")(feature)
            )
    return layers.concatenate(encoded)


inputs = create_model_inputs()
crossed = layers.Lambda(
    lambda pair: pair[0] * CATEGORIES["region"] + pair[1], output_shape=(1,), name="cross"
)([inputs["education"], inputs["region"]])
wide = layers.concatenate(
    [encode(inputs, False), layers.CategoryEncoding(15, output_mode="one_hot")(crossed)]
)
wide = layers.BatchNormalization()(wide)
deep = encode(inputs, True)
for units in (16, 8):
    deep = layers.Dense(units)(deep)
    deep = layers.BatchNormalization()(deep)
    deep = layers.ReLU()(deep)
    deep = layers.Dropout(0.0)(deep)
merged = layers.concatenate([wide, deep])
outputs = layers.Dense(units=1, activation="sigmoid")(merged)
model = keras.Model(inputs=inputs, outputs=outputs)
for layer in model.layers:
    if layer.trainable_weights:
        equal_weights(layer)

model.compile(
    optimizer=keras.optimizers.Ftrl(0.05, l1_regularization_strength=1e-3),
    loss=keras.losses.BinaryCrossentropy(label_smoothing=0.05),
    metrics=[keras.metrics.BinaryAccuracy(), keras.metrics.AUC(num_thresholds=50)],
)
data = {name: column[:, None] for name, column in table.items()}
history = model.fit(data, income, batch_size=12, epochs=7, shuffle=False, verbose=0)
result = {
    **history.history,
    "probabilities": model.predict(data, verbose=0),
    "embedding": model.get_layer("occupation_embedding").get_weights()[0],
    "inputs": list(inputs),
}

network = keras.Model(list(inputs.values()), deep, name="deep_part")
columns = [data[name] for name in inputs]
saved = {"deep": (network, columns)}


def go_on(models):
    part = models["deep"]
    head = layers.Dense(1, kernel_initializer="ones")(part.output)
    again = keras.Model(part.inputs, head)
    again.compile("sgd", "mse")
    return again.fit(columns, income, batch_size=8, epochs=1, shuffle=False, verbose=0).history


def step():
    model.fit(data, income, batch_size=96, epochs=1, shuffle=False, verbose=0)
