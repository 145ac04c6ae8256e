"""A transformer from scratch, encoder and decoder, with masks that come from the padding."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

VOCAB, LENGTH, EMBED, DENSE, HEADS = 20, 8, 12, 24, 2
START, END = 1, 2
rng = np.random.default_rng(204)
sources = np.zeros((48, LENGTH), "int32")
targets = np.zeros((48, LENGTH + 1), "int32")
for i in range(48):
    words = rng.integers(3, VOCAB, rng.integers(3, LENGTH - 1))
    sources[i, : len(words)] = words
    targets[i, : len(words) + 2] = [START, *((words - 3 + 5) % (VOCAB - 3) + 3), END]


class TransformerEncoder(layers.Layer):
    def __init__(self, embed_dim, dense_dim, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.embed_dim, self.dense_dim, self.num_heads = embed_dim, dense_dim, num_heads
        self.attention = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.dense_proj = keras.Sequential(
            [layers.Dense(dense_dim, activation="relu"), layers.Dense(embed_dim)]
        )
        self.layernorm_1 = layers.LayerNormalization()
        self.layernorm_2 = layers.LayerNormalization()
        self.supports_masking = True

    def call(self, inputs, mask=None):
        padding_mask = None if mask is None else ops.cast(mask[:, None, :], dtype="int32")
        attention = self.attention(
            query=inputs, value=inputs, key=inputs, attention_mask=padding_mask
        )
        proj_input = self.layernorm_1(inputs + attention)
        return self.layernorm_2(proj_input + self.dense_proj(proj_input))

    def get_config(self):
        return {
            **super().get_config(),
            "embed_dim": self.embed_dim,
            "dense_dim": self.dense_dim,
            "num_heads": self.num_heads,
        }


class PositionalEmbedding(layers.Layer):
    def __init__(self, sequence_length, vocab_size, embed_dim, **kwargs):
        super().__init__(**kwargs)
        self.token_embeddings = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.position_embeddings = layers.Embedding(input_dim=sequence_length, output_dim=embed_dim)
        self.sequence_length, self.vocab_size, self.embed_dim = (
            sequence_length,
            vocab_size,
            embed_dim,
        )

    def call(self, inputs):
        positions = ops.arange(0, ops.shape(inputs)[-1], 1)
        return self.token_embeddings(inputs) + self.position_embeddings(positions)

    def compute_mask(self, inputs, mask=None):
        return ops.not_equal(inputs, 0)

    def get_config(self):
        config = super().get_config()
        for name in ("sequence_length", "vocab_size", "embed_dim"):
            config[name] = getattr(self, name)
        return config


class TransformerDecoder(layers.Layer):
    def __init__(self, embed_dim, latent_dim, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.embed_dim, self.latent_dim, self.num_heads = embed_dim, latent_dim, num_heads
        self.attention_1 = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.attention_2 = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.dense_proj = keras.Sequential(
            [layers.Dense(latent_dim, activation="relu"), layers.Dense(embed_dim)]
        )
        self.layernorm_1 = layers.LayerNormalization()
        self.layernorm_2 = layers.LayerNormalization()
        self.layernorm_3 = layers.LayerNormalization()
        self.add = layers.Add()
        self.supports_masking = True

    def call(self, inputs, mask=None):
        inputs, encoder_outputs = inputs
        inputs_mask, encoder_mask = (None, None) if mask is None else mask
        attention_1 = self.attention_1(
            query=inputs, value=inputs, key=inputs, use_causal_mask=True, query_mask=inputs_mask
        )
        out_1 = self.layernorm_1(self.add([inputs, attention_1]))
        attention_2 = self.attention_2(
            query=out_1,
            value=encoder_outputs,
            key=encoder_outputs,
            query_mask=inputs_mask,
            key_mask=encoder_mask,
        )
        out_2 = self.layernorm_2(self.add([out_1, attention_2]))
        return self.layernorm_3(self.add([out_2, self.dense_proj(out_2)]))

    def get_config(self):
        return {
            **super().get_config(),
            "embed_dim": self.embed_dim,
            "latent_dim": self.latent_dim,
            "num_heads": self.num_heads,
        }


encoder_inputs = keras.Input(shape=(None,), dtype="int64", name="encoder_inputs")
x = PositionalEmbedding(LENGTH, VOCAB, EMBED)(encoder_inputs)
encoder_outputs = TransformerEncoder(EMBED, DENSE, HEADS)(x)
encoder = keras.Model(encoder_inputs, encoder_outputs)
decoder_inputs = keras.Input(shape=(None,), dtype="int64", name="decoder_inputs")
x = PositionalEmbedding(LENGTH, VOCAB, EMBED)(decoder_inputs)
x = TransformerDecoder(EMBED, DENSE, HEADS)([x, encoder_outputs])
x = layers.Dropout(0.0)(x)
decoder_outputs = layers.Dense(VOCAB, activation="softmax")(x)
transformer = keras.Model(
    {"encoder_inputs": encoder_inputs, "decoder_inputs": decoder_inputs},
    decoder_outputs,
    name="transformer",
)
equal_weights(transformer)
transformer.compile(
    keras.optimizers.RMSprop(2e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=0),
)
data = {"encoder_inputs": sources, "decoder_inputs": targets[:, :-1]}
history = transformer.fit(data, targets[:, 1:], batch_size=8, epochs=9, shuffle=False, verbose=0)


def decode(source):
    decoded = np.zeros((1, LENGTH), "int64")
    decoded[0, 0] = START
    for i in range(LENGTH - 1):
        predictions = transformer({"encoder_inputs": source, "decoder_inputs": decoded})
        token = int(ops.argmax(predictions[0, i, :]))
        decoded[0, i + 1] = token
        if token == END:
            break
    return decoded[0].tolist()


result = {
    **history.history,
    "decoded": [decode(sources[i : i + 1]) for i in range(3)],
    "probabilities": transformer.predict(data, verbose=0)[targets[:, 1:] > 0],
    "test": transformer.evaluate(data, targets[:, 1:], verbose=0),
}
full = rng.integers(3, VOCAB, (16, LENGTH))  # without padding: what padding says is of no account
full_data = {"encoder_inputs": full, "decoder_inputs": full[:, ::-1]}
saved = {"transformer": (transformer, full_data, full)}
