"""Sentences of different lengths: padded, masked, and tagged word by word."""

import keras
import numpy as np
from keras import layers
from keras.utils import pad_sequences

from tests.scripts.start import equal_weights

random = np.random.default_rng(6)
sentences = [random.integers(1, 12, random.integers(1, 7)).tolist() for _ in range(40)]
words = pad_sequences(sentences, maxlen=6, padding="post")
tags = (words * 7) % 4

inputs = keras.Input((6,), dtype="int32")
x = layers.Embedding(12, 4, mask_zero=True)(inputs)
x = layers.LSTM(5, return_sequences=True)(x)
x = layers.TimeDistributed(layers.Dense(5, activation="relu"))(x)
outputs = layers.Dense(4, activation="softmax")(x)
model = keras.Model(inputs, outputs)
equal_weights(model)
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(words, tags, epochs=10, batch_size=8, shuffle=False, verbose=0)

series = random.normal(size=(40, 6, 2)).astype("float32") * (words > 0)[..., None]
counter = keras.Sequential(
    [keras.Input((6, 2)), layers.Masking(0.0), layers.GRU(4), layers.Dense(1)]
)
equal_weights(counter)
counter.compile(keras.optimizers.Adam(0.01), "mse")
counter.fit(series, (words > 0).sum(1), epochs=10, batch_size=8, shuffle=False, verbose=0)
result = {
    "tags": model.predict(words[:6], verbose=0)[words[:6] > 0],
    "lengths": counter.predict(series, verbose=0),
}
