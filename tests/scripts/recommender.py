"""Users and films as embeddings: a product of two tables, with biases and a penalty."""

import keras
import numpy as np
from keras import layers, regularizers

from tests.scripts.start import equal_weights

random = np.random.default_rng(7)
users, films = random.integers(0, 10, (2, 80, 1))
ratings = random.uniform(1, 5, (80, 1)).astype("float32")

user = keras.Input(shape=(1,), name="user", dtype="int64")
film = keras.Input(shape=(1,), name="film", dtype="int64")
penalty = regularizers.L2(1e-3)
u = layers.Flatten()(layers.Embedding(10, 4, embeddings_regularizer=penalty, name="users")(user))
f = layers.Flatten()(layers.Embedding(10, 4, embeddings_regularizer=penalty, name="films")(film))
bias = layers.Flatten()(layers.Embedding(10, 1, name="bias")(film))
rating = layers.Add()([layers.Dot(axes=1, normalize=False)([u, f]), bias])
model = keras.Model(inputs=[user, film], outputs=rating, name="films")
equal_weights(model)
model.compile(loss="mse", optimizer=keras.optimizers.Adagrad(0.1), metrics=["mae"])
history = model.fit(
    [users, films],
    ratings,
    epochs=5,
    batch_size=8,
    shuffle=False,
    verbose=0,
    validation_split=0.2,
)
table = model.get_layer("films").get_weights()[0]
result = {**history.history, "table": table, "rating": model.predict([users, films], verbose=0)}
