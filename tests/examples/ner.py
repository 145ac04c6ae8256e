"""Named entity recognition: a transformer block over token ids, a loss that leaves padding out."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

VOCAB, LENGTH, TAGS = 50, 10, 4  # tag 0 is padding
rng = np.random.default_rng(200)
lengths = rng.integers(4, LENGTH + 1, 48)
tokens = np.zeros((48, LENGTH), "int32")
tags = np.zeros((48, LENGTH), "int32")
for i, length in enumerate(lengths):
    tokens[i, :length] = rng.integers(1, VOCAB, length)
    tags[i, :length] = 1
    tags[i, :length][tokens[i, :length] > 35] = 2  # a name begins
    after = np.flatnonzero(tags[i, : length - 1] == 2) + 1
    tags[i, after] = 3  # and goes on


@keras.saving.register_keras_serializable("ner")
class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.0, **kwargs):
        super().__init__(**kwargs)
        self.embed_dim, self.num_heads, self.ff_dim, self.rate = embed_dim, num_heads, ff_dim, rate
        self.att = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = keras.Sequential(
            [layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)]
        )
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = layers.Dropout(rate)
        self.dropout2 = layers.Dropout(rate)

    def call(self, inputs, training=False):
        attn_output = self.att(inputs, inputs)
        attn_output = self.dropout1(attn_output, training=training)
        out1 = self.layernorm1(inputs + attn_output)
        ffn_output = self.dropout2(self.ffn(out1), training=training)
        return self.layernorm2(out1 + ffn_output)

    def get_config(self):
        config = super().get_config()
        config.update(
            embed_dim=self.embed_dim, num_heads=self.num_heads, ff_dim=self.ff_dim, rate=self.rate
        )
        return config


@keras.saving.register_keras_serializable("ner")
class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim, **kwargs):
        super().__init__(**kwargs)
        self.maxlen, self.vocab_size, self.embed_dim = maxlen, vocab_size, embed_dim
        self.token_emb = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, inputs):
        maxlen = ops.shape(inputs)[-1]
        positions = ops.arange(start=0, stop=maxlen, step=1)
        return self.token_emb(inputs) + self.pos_emb(positions)

    def get_config(self):
        sizes = {"maxlen": self.maxlen, "vocab_size": self.vocab_size, "embed_dim": self.embed_dim}
        return super().get_config() | sizes


@keras.saving.register_keras_serializable("ner")
class NERModel(keras.Model):
    def __init__(self, num_tags, vocab_size, maxlen=LENGTH, embed_dim=8, num_heads=2, ff_dim=16):
        super().__init__()
        self.sizes = (num_tags, vocab_size, maxlen, embed_dim, num_heads, ff_dim)
        self.embedding_layer = TokenAndPositionEmbedding(maxlen, vocab_size, embed_dim)
        self.transformer_block = TransformerBlock(embed_dim, num_heads, ff_dim)
        self.ff = layers.Dense(ff_dim, activation="relu")
        self.ff_final = layers.Dense(num_tags, activation="softmax")

    def call(self, inputs, training=False):
        x = self.embedding_layer(inputs)
        x = self.transformer_block(x, training=training)
        return self.ff_final(self.ff(x))

    def get_config(self):
        names = ("num_tags", "vocab_size", "maxlen", "embed_dim", "num_heads", "ff_dim")
        return dict(zip(names, self.sizes, strict=True))


@keras.saving.register_keras_serializable("ner")
class NonPaddingTokenLoss(keras.losses.Loss):
    def __init__(self, name="custom_ner_loss", reduction=None):
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true, y_pred):
        loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=False, reduction=None)
        loss = loss_fn(y_true, y_pred)
        mask = ops.cast(y_true > 0, dtype="float32")
        return ops.sum(loss * mask) / ops.sum(mask)


model = NERModel(TAGS, VOCAB)
model.build((None, LENGTH))
model(tokens[:1])
equal_weights(model)
model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=NonPaddingTokenLoss())
history = model.fit(tokens, tags, batch_size=8, epochs=9, shuffle=False, verbose=0)
probabilities = model.predict(tokens, verbose=0)
guess, real = probabilities.argmax(axis=-1), tags > 0
sample = tokens[0][tokens[0] > 0].reshape(1, -1)
result = {
    **history.history,
    "accuracy": float((guess == tags)[real].mean()),
    "one sentence": np.asarray(model(sample)),
    "names": float(((guess == 2) & real).sum()),
}
saved = {"ner": (model, tokens, tags)}
