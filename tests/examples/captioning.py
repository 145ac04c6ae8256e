"""Image captioning in small: a frozen network sees, a transformer decoder writes, greedily."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

WORDS = ["[pad]", "[start]", "[end]", "a", "bright", "dark", "left", "right", "top", "bottom"]
INDEX = {word: i for i, word in enumerate(WORDS)}
LENGTH, EMBED = 6, 12
rng = np.random.default_rng(402)
images, captions = np.full((48, 8, 8, 1), 0.5, "float32"), np.zeros((48, LENGTH + 1), "int64")
for i in range(48):
    bright, right, bottom = rng.integers(0, 2, 3)
    rows, columns = slice(4 * bottom, 4 * bottom + 4), slice(4 * right, 4 * right + 4)
    images[i, rows, columns] = 1.0 if bright else 0.0
    words = ["[start]", "a", "bright" if bright else "dark"]
    words += ["bottom" if bottom else "top", "right" if right else "left"][: rng.integers(1, 3)]
    words.append("[end]")
    captions[i, : len(words)] = [INDEX[word] for word in words]

seeing = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(8, 2, strides=2, activation="relu"),
        layers.Reshape((16, 8)),
    ],
    name="seeing",
)
seeing.trainable = False


class Encoder(layers.Layer):
    def __init__(self, embed_dim, **kwargs):
        super().__init__(**kwargs)
        self.embed_dim = embed_dim
        self.dense = layers.Dense(embed_dim, activation="relu")
        self.attention = layers.MultiHeadAttention(1, embed_dim)
        self.norm_1, self.norm_2 = layers.LayerNormalization(), layers.LayerNormalization()
        self.places = layers.Embedding(16, embed_dim)

    def call(self, inputs, training=False):
        x = self.dense(self.norm_1(inputs)) + self.places(ops.arange(16))
        return self.norm_2(x + self.attention(query=x, value=x, key=x, training=training))


class Decoder(layers.Layer):
    def __init__(self, embed_dim, num_heads, vocabulary, **kwargs):
        super().__init__(**kwargs)
        self.tokens = layers.Embedding(vocabulary, embed_dim, mask_zero=True)
        self.places = layers.Embedding(LENGTH, embed_dim)
        self.scale = embed_dim**0.5
        self.attention_1 = layers.MultiHeadAttention(num_heads, embed_dim)
        self.attention_2 = layers.MultiHeadAttention(num_heads, embed_dim)
        self.first, self.second = layers.Dense(24, activation="relu"), layers.Dense(embed_dim)
        self.norms = [layers.LayerNormalization() for _ in range(3)]
        self.out = layers.Dense(vocabulary, activation="softmax")

    def call(self, tokens, encoded, training=False):
        length = ops.shape(tokens)[1]
        x = self.tokens(tokens) * self.scale + self.places(ops.arange(length))
        padding = ops.cast(tokens != 0, "int32")[:, None, :]
        causal = ops.tril(ops.ones((length, length), "int32"))[None]
        mask = ops.minimum(padding, causal)
        x = self.norms[0](x + self.attention_1(x, x, attention_mask=mask, training=training))
        x = self.norms[1](x + self.attention_2(x, encoded, training=training))
        return self.out(self.norms[2](x + self.second(self.first(x))))


class ImageCaptioningModel(keras.Model):
    def __init__(self, seeing, encoder, decoder):
        super().__init__()
        self.seeing, self.encoder, self.decoder = seeing, encoder, decoder
        self.acc_tracker = keras.metrics.Mean(name="acc")

    def call(self, inputs, training=False):
        images, tokens = inputs
        encoded = self.encoder(self.seeing(images, training=False), training=training)
        return self.decoder(tokens, encoded, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        mask = ops.cast(y != 0, y_pred.dtype)
        loss = keras.losses.sparse_categorical_crossentropy(y, y_pred)
        right = ops.cast(ops.equal(y, ops.argmax(y_pred, axis=2)), "float32")
        self.acc_tracker.update_state(right, sample_weight=mask)
        return ops.sum(loss * mask) / ops.sum(mask)


model = ImageCaptioningModel(seeing, Encoder(EMBED), Decoder(EMBED, 2, len(WORDS)))
model((images[:1], captions[:1, :-1]))
equal_weights(model)
model.compile(keras.optimizers.Adam(1e-3))
before = seeing.get_weights()
inputs = (images, captions[:, :-1])
history = model.fit(inputs, captions[:, 1:], batch_size=8, epochs=9, shuffle=False, verbose=0)


def generate_caption(image):
    encoded = model.encoder(model.seeing(image[None]), training=False)
    tokens = np.zeros((1, LENGTH), "int64")
    tokens[0, 0] = INDEX["[start]"]
    for i in range(LENGTH - 1):
        predictions = ops.convert_to_numpy(model.decoder(tokens, encoded, training=False))
        tokens[0, i + 1] = predictions[0, i].argmax()
        if tokens[0, i + 1] == INDEX["[end]"]:
            break
    return " ".join(WORDS[token] for token in tokens[0] if token)


real = captions[:, 1:] != 0
result = {
    **history.history,
    "captions": [generate_caption(image) for image in images[:4]],
    "probabilities": model.predict(inputs, verbose=0)[real],
    "frozen": [np.array_equal(a, b) for a, b in zip(before, seeing.get_weights(), strict=True)],
    "weights": [len(model.trainable_weights), len(model.weights)],
}
saved = {"captions": (model, None), "seeing": (seeing, images)}


def go_on(models):
    return model.fit(
        inputs, captions[:, 1:], batch_size=8, epochs=1, shuffle=False, verbose=0
    ).history


def step():
    model.fit(inputs, captions[:, 1:], batch_size=48, epochs=1, shuffle=False, verbose=0)
