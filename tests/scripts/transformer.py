"""A text classifier: token and position embeddings, one block of attention, pooling."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

random = np.random.default_rng(19)
tokens = random.integers(0, 20, (40, 7)).astype("int32")
labels = random.integers(0, 2, (40, 1))

inputs = keras.Input((7,), dtype="int32")
positions = layers.Embedding(7, 8, name="positions")(0 * inputs + ops.arange(7))
x = layers.Embedding(20, 8, name="tokens")(inputs) + positions
attended, scores = layers.MultiHeadAttention(2, 4, name="attention")(
    x, x, use_causal_mask=True, return_attention_scores=True
)
x = layers.LayerNormalization(epsilon=1e-6)(x + attended)
fed = layers.Dense(8)(layers.Dense(16, activation="gelu")(x))
x = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([x, fed]))
outputs = layers.Dense(1, activation="sigmoid")(ops.mean(x, axis=1))
model = keras.Model(inputs, outputs)
equal_weights(model)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(tokens, labels, epochs=10, batch_size=8, shuffle=False, verbose=0)
looked = keras.Model(inputs, scores)
result = {
    "predictions": model.predict(tokens, verbose=0),
    "scores": looked.predict(tokens[:2], verbose=0),
}
