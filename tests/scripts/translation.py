"""A sequence to a sequence: the states of one LSTM begin the other; then both apart, greedily."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

random = np.random.default_rng(22)
source, target = np.eye(6, dtype="float32")[random.integers(0, 6, (2, 40, 5))]
shifted = np.concatenate([np.zeros((40, 1, 6), "float32"), target[:, :-1]], axis=1)

encoder_inputs = keras.Input(shape=(None, 6))
_, state_h, state_c = layers.LSTM(7, return_state=True)(encoder_inputs)
decoder_inputs = keras.Input(shape=(None, 6))
decoder_lstm = layers.LSTM(7, return_sequences=True, return_state=True)
decoded, _, _ = decoder_lstm(decoder_inputs, initial_state=[state_h, state_c])
decoder_dense = layers.Dense(6, activation="softmax")
model = keras.Model([encoder_inputs, decoder_inputs], decoder_dense(decoded))
equal_weights(model)
model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
model.fit([source, shifted], target, batch_size=8, epochs=10, shuffle=False, verbose=0)

encoder = keras.Model(encoder_inputs, [state_h, state_c])
states = [keras.Input(shape=(7,)), keras.Input(shape=(7,))]
step, h, c = decoder_lstm(decoder_inputs, initial_state=states)
decoder = keras.Model([decoder_inputs, *states], [decoder_dense(step), h, c])

values = encoder.predict(source[:4], verbose=0)
token, tokens = np.zeros((4, 1, 6), "float32"), []
for _ in range(4):
    chances, *values = decoder.predict([token, *values], verbose=0)
    tokens.append(chances.argmax(-1)[:, 0])
    token = np.eye(6, dtype="float32")[chances.argmax(-1)]
result = {
    "tokens": tokens,
    "chances": chances,
    "predictions": model.predict([source, shifted], verbose=0)[:5],
}
