"""A masked language model in small: a fifth of the tokens is hidden, `sample_weight` says which."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

VOCAB, LENGTH, EMBED = 24, 12, 16
MASK = VOCAB - 1
rng = np.random.default_rng(203)
start = rng.integers(1, VOCAB - 1, (48, 1))
texts = (start + np.arange(LENGTH)) % (VOCAB - 2) + 1


def masked_inputs_and_labels(texts):
    hidden = rng.random(texts.shape) < 0.2
    labels = texts.copy()
    weights = hidden.astype("float32")
    masked = texts.copy()
    replaced = hidden & (rng.random(texts.shape) < 0.9)
    masked[replaced] = MASK
    rest = replaced & (rng.random(texts.shape) < 1 / 9)
    masked[rest] = rng.integers(1, MASK, rest.sum())
    return masked, labels, weights


x, y, weights = masked_inputs_and_labels(texts)


def bert_module(query, key, value, i):
    attention = layers.MultiHeadAttention(
        num_heads=2, key_dim=EMBED // 2, name=f"encoder_{i}_multiheadattention"
    )(query, key, value)
    attention = layers.Dropout(0.0, name=f"encoder_{i}_att_dropout")(attention)
    attention = layers.LayerNormalization(epsilon=1e-6, name=f"encoder_{i}_att_norm")(
        query + attention
    )
    ffn = keras.Sequential(
        [layers.Dense(32, activation="relu"), layers.Dense(EMBED)], name=f"encoder_{i}_ffn"
    )
    return layers.LayerNormalization(epsilon=1e-6, name=f"encoder_{i}_ffn_norm")(
        attention + ffn(attention)
    )


def sinusoid(length, dim):
    angles = np.arange(length)[:, None] / 10000 ** (np.arange(0, dim, 2) / dim)
    return (
        np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, dim).astype("float32")
    )


loss_fn = keras.losses.SparseCategoricalCrossentropy(reduction=None)


class MaskedLanguageModel(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = loss_fn(y, y_pred, sample_weight)
        return ops.sum(loss) / ops.sum(sample_weight)


inputs = layers.Input((LENGTH,), dtype="int64")
h = layers.Embedding(VOCAB, EMBED, name="word_embedding")(inputs)
h = h + sinusoid(LENGTH, EMBED)
for i in range(2):
    h = bert_module(h, h, h, i)
outputs = layers.Dense(VOCAB, name="mlm_cls", activation="softmax")(h)
mlm = MaskedLanguageModel(inputs, outputs, name="masked_bert_model")
equal_weights(mlm)
mlm.compile(optimizer=keras.optimizers.Adam(3e-3), weighted_metrics=["sparse_categorical_accuracy"])
history = mlm.fit(x, y, sample_weight=weights, batch_size=8, epochs=9, shuffle=False, verbose=0)

# A classifier on top of the pretrained encoder.
encoder = keras.Model(mlm.input, mlm.get_layer("encoder_0_ffn_norm").output)
encoder.trainable = False
inputs = layers.Input((LENGTH,), dtype="int64")
pooled = layers.GlobalMaxPooling1D()(encoder(inputs))
classifier = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(pooled))
classifier.layers[-1].set_weights([np.full((EMBED, 1), 0.1), np.zeros(1)])
classifier.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy", metrics=["accuracy"])
labels = (start < VOCAB // 2).astype("float32")
tuned = classifier.fit(texts, labels, batch_size=8, epochs=4, shuffle=False, verbose=0)

hidden = np.flatnonzero((x == MASK)[0])
result = {
    **history.history,
    **{f"tuned {name}": values for name, values in tuned.history.items()},
    "says": mlm.predict(x[:1], verbose=0)[0][hidden],
    "trainable": [len(classifier.trainable_weights), len(classifier.weights)],
}
saved = {"mlm": (mlm, x), "classifier": (classifier, texts)}
remark = (
    "Keras loads the frozen attention of `classifier` as trainable, and drops the optimizer's state"
)


def go_on(models):
    again = models["mlm"].fit(
        x, y, sample_weight=weights, batch_size=8, epochs=1, shuffle=False, verbose=0
    )
    return again.history


def step():
    classifier.train_on_batch(texts[:8], labels[:8])
