"""Sequence to sequence: digits are reversed by an LSTM encoder and a decoder apart."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

rng = np.random.default_rng(202)
CHARACTERS = "0123456789 \t\n"
INDEX = {character: i for i, character in enumerate(CHARACTERS)}
LATENT = 16
inputs = [str(rng.integers(10, 9999)) for _ in range(48)]
targets = ["\t" + text[::-1] + "\n" for text in inputs]
ENC, DEC, N = 4, 6, len(CHARACTERS)

encoder_data = np.zeros((48, ENC, N), "float32")
decoder_data = np.zeros((48, DEC, N), "float32")
decoder_target = np.zeros((48, DEC, N), "float32")
for i, (source, target) in enumerate(zip(inputs, targets, strict=False)):
    for t, character in enumerate(source):
        encoder_data[i, t, INDEX[character]] = 1.0
    encoder_data[i, len(source) :, INDEX[" "]] = 1.0
    for t, character in enumerate(target):
        decoder_data[i, t, INDEX[character]] = 1.0
        if t > 0:
            decoder_target[i, t - 1, INDEX[character]] = 1.0
    decoder_data[i, len(target) :, INDEX[" "]] = 1.0
    decoder_target[i, len(target) - 1 :, INDEX[" "]] = 1.0

encoder_inputs = keras.Input(shape=(None, N))
encoder = layers.LSTM(LATENT, return_state=True)
_, state_h, state_c = encoder(encoder_inputs)
encoder_states = [state_h, state_c]
decoder_inputs = keras.Input(shape=(None, N))
decoder_lstm = layers.LSTM(LATENT, return_sequences=True, return_state=True)
decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=encoder_states)
decoder_dense = layers.Dense(N, activation="softmax")
model = keras.Model([encoder_inputs, decoder_inputs], decoder_dense(decoder_outputs))
equal_weights(model)
model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    [encoder_data, decoder_data],
    decoder_target,
    batch_size=8,
    epochs=9,
    shuffle=False,
    verbose=0,
    validation_split=0.25,
)

# The models of inference are cut out of the trained one.
encoder_inputs = model.input[0]
_, state_h_enc, state_c_enc = model.layers[2].output
encoder_model = keras.Model(encoder_inputs, [state_h_enc, state_c_enc])
decoder_inputs = model.input[1]
states_inputs = [keras.Input(shape=(LATENT,)), keras.Input(shape=(LATENT,))]
decoder_lstm = model.layers[3]
outputs, state_h_dec, state_c_dec = decoder_lstm(decoder_inputs, initial_state=states_inputs)
decoder_model = keras.Model(
    [decoder_inputs, *states_inputs], [model.layers[4](outputs), state_h_dec, state_c_dec]
)


def decode_sequence(input_seq):
    states_value = encoder_model.predict(input_seq, verbose=0)
    target_seq = np.zeros((1, 1, N))
    target_seq[0, 0, INDEX["\t"]] = 1.0
    decoded = ""
    while True:
        output_tokens, h, c = decoder_model.predict([target_seq, *states_value], verbose=0)
        sampled = int(np.argmax(output_tokens[0, -1, :]))
        decoded += CHARACTERS[sampled]
        if CHARACTERS[sampled] == "\n" or len(decoded) >= DEC:
            return decoded
        target_seq = np.zeros((1, 1, N))
        target_seq[0, 0, sampled] = 1.0
        states_value = [h, c]


decoded = [decode_sequence(encoder_data[i : i + 1]) for i in range(3)]
result = {
    **history.history,
    "decoded": decoded,
    "states": np.stack(encoder_model.predict(encoder_data, verbose=0)),
    "scores": model.evaluate([encoder_data, decoder_data], decoder_target, verbose=0),
}
saved = {
    "translator": (model, [encoder_data, decoder_data], decoder_target),
    "encoder": (encoder_model, encoder_data),
    "decoder": (decoder_model, [decoder_data, *encoder_model.predict(encoder_data, verbose=0)]),
}
