"""A miniature GPT: causal attention, next-token targets, sampling by a callback and by a loop."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

VOCAB, MAXLEN, EMBED, HEADS, FF = 12, 10, 16, 2, 16
rng = np.random.default_rng(201)
starts = rng.integers(0, VOCAB, (48, 1))
text = (starts + np.arange(MAXLEN + 1) * rng.integers(1, 3, (48, 1))) % VOCAB
x, y = text[:, :-1].astype("int32"), text[:, 1:].astype("int32")


def causal_attention_mask(batch_size, n_dest, n_src, dtype):
    i = ops.arange(n_dest)[:, None]
    j = ops.arange(n_src)
    mask = ops.cast(i >= j - n_src + n_dest, dtype)
    return ops.broadcast_to(mask[None], (batch_size, n_dest, n_src))


class DecoderBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.0, **kwargs):
        super().__init__(**kwargs)
        self.config = {
            "embed_dim": embed_dim,
            "num_heads": num_heads,
            "ff_dim": ff_dim,
            "rate": rate,
        }
        self.att = layers.MultiHeadAttention(num_heads, embed_dim)
        self.ffn = keras.Sequential(
            [layers.Dense(ff_dim, activation="gelu"), layers.Dense(embed_dim)], name="ffn"
        )
        self.norm1 = layers.LayerNormalization(epsilon=1e-6)
        self.norm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout = layers.Dropout(rate)

    def call(self, inputs):
        batch_size, seq_len = ops.shape(inputs)[0], ops.shape(inputs)[1]
        causal_mask = causal_attention_mask(batch_size, seq_len, seq_len, "bool")
        attention = self.dropout(self.att(inputs, inputs, attention_mask=causal_mask))
        out1 = self.norm1(inputs + attention)
        return self.norm2(out1 + self.ffn(out1))

    def get_config(self):
        return super().get_config() | self.config


class Positions(layers.Layer):
    """Learned places, added to what comes in."""

    def build(self, input_shape):
        self.places = self.add_weight(
            shape=input_shape[-2:], initializer="random_normal", name="places"
        )

    def call(self, inputs):
        return inputs + self.places[: ops.shape(inputs)[1]]


inputs = layers.Input(shape=(MAXLEN,), dtype="int32")
h = Positions()(layers.Embedding(VOCAB, EMBED)(inputs))
h = DecoderBlock(EMBED, HEADS, FF)(h)
logits = layers.Dense(VOCAB, name="to_vocabulary")(h)
model = keras.Model(inputs=inputs, outputs=[logits, h])
equal_weights(model)
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile("adam", loss=[loss_fn, None])
model.optimizer.learning_rate = 3e-3


class TextGenerator(keras.callbacks.Callback):
    """Writes a text every few epochs, greedily."""

    def __init__(self, max_tokens, start_tokens, print_every=1):
        super().__init__()
        self.max_tokens = max_tokens
        self.start_tokens = list(start_tokens)
        self.print_every = print_every
        self.written = []

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.print_every != 0:
            return
        tokens = list(self.start_tokens)
        while len(tokens) < self.max_tokens:
            pad = MAXLEN - len(tokens)
            batch = np.array([tokens[:MAXLEN] + [0] * max(pad, 0)])
            logits, _ = self.model.predict(batch, verbose=0)
            tokens.append(int(np.argmax(logits[0][min(len(tokens), MAXLEN) - 1])))
        self.written.append(tokens)


writer = TextGenerator(MAXLEN, [3, 4], print_every=4)
history = model.fit(x, y, batch_size=8, epochs=9, shuffle=False, verbose=0, callbacks=[writer])


def sample_top_k(model, tokens, length, k, seed):
    """Tokens drawn from the k likeliest, by NumPy."""
    draw = np.random.default_rng(seed)
    while len(tokens) < length:
        batch = ops.convert_to_tensor([tokens + [0] * (MAXLEN - len(tokens))], dtype="int32")
        logits, ids = ops.top_k(
            model(batch, training=False)[0][0, len(tokens) - 1], k=k, sorted=True
        )
        probabilities = np.asarray(ops.softmax(logits), "float64")
        ids = np.asarray(ids)
        tokens = [*tokens, int(ids[np.searchsorted(np.cumsum(probabilities), draw.random())])]
    return tokens


logits, hidden = model.predict(x, verbose=0)
result = {
    **history.history,
    "written": writer.written,
    "sampled": sample_top_k(model, [0, 2], MAXLEN, 3, seed=5),
    "logits": logits,
    "hidden": hidden,
    "perplexity": float(np.exp(history.history["loss"][-1])),
}
saved = {"gpt": (model, x, y)}
