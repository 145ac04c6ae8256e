"""Text classification from token ids: Embedding, Conv1D, bidirectional LSTM."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

VOCABULARY, LENGTH = 40, 12
rng = np.random.default_rng(103)
reviews = [rng.integers(2, VOCABULARY, rng.integers(4, 18)).tolist() for _ in range(64)]
sentiment = np.array([sum(2 <= word < 21 for word in text) > len(text) / 2 for text in reviews])
sentiment = sentiment.astype("int32")

x = keras.utils.pad_sequences(reviews, maxlen=LENGTH, padding="post", truncating="post")
x_train, y_train, x_test, y_test = x[:48], sentiment[:48], x[48:], sentiment[48:]

convolutional = keras.Sequential(
    [
        keras.Input(shape=(None,), dtype="int32"),
        layers.Embedding(VOCABULARY, 8),
        layers.Dropout(0.0),
        layers.Conv1D(8, 3, padding="valid", activation="relu", strides=2),
        layers.GlobalMaxPooling1D(),
        layers.Dense(8, activation="relu"),
        layers.Dense(1, activation="sigmoid", name="predictions"),
    ]
)
recurrent = keras.Sequential(
    [
        layers.Embedding(VOCABULARY, 6, mask_zero=True),
        layers.Bidirectional(layers.LSTM(5, return_sequences=True)),
        layers.Bidirectional(layers.GRU(4)),
        layers.Dense(1, activation="sigmoid"),
    ]
)
recurrent.build((None, LENGTH))
result = {"lengths": (x > 0).sum(axis=1)}
for name, model in (("convolutional", convolutional), ("recurrent", recurrent)):
    equal_weights(model)
    model.compile(
        loss="binary_crossentropy",
        optimizer="adam",
        metrics=["accuracy", keras.metrics.AUC(name="auc"), keras.metrics.F1Score(threshold=0.5)],
    )
    history = model.fit(
        x_train,
        y_train[:, None],
        batch_size=8,
        epochs=8,
        validation_split=0.25,
        shuffle=False,
        verbose=0,
    )
    scores = model.evaluate(x_test, y_test[:, None], verbose=0)
    result |= {f"{name} {key}": value for key, value in history.history.items()}
    result[f"{name} test"] = np.concatenate([np.ravel(score) for score in scores])
    result[f"{name} says"] = model.predict(x_test, verbose=0)
saved = {
    "convolutional": (convolutional, x_train, y_train[:, None]),
    "recurrent": (recurrent, x_train, y_train[:, None]),
}
