"""Pairs of examples through one shared encoder, and the distance of what comes out."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

random = np.random.default_rng(2)
left, right = random.normal(size=(2, 80, 6)).astype("float32")
same = (random.random(80) > 0.5).astype("float32")


def euclidean(vectors):
    first, second = vectors
    return ops.sqrt(ops.sum(ops.square(first - second), axis=1, keepdims=True) + 1e-6)


def contrastive(y_true, y_pred, margin=1.0):
    near = ops.square(y_pred)
    far = ops.square(ops.maximum(margin - y_pred, 0))
    return ops.mean(y_true * near + (1 - y_true) * far, axis=-1)


encoder = keras.Sequential(
    [keras.Input((6,)), layers.Dense(8, activation="tanh"), layers.Dense(3)], name="encoder"
)
a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
distance = layers.Lambda(euclidean, output_shape=(1,), name="distance")([encoder(a), encoder(b)])
model = keras.Model([a, b], distance)
equal_weights(model)
model.compile(loss=contrastive, optimizer=keras.optimizers.SGD(0.05, momentum=0.9))
model.fit([left, right], same, epochs=5, batch_size=8, shuffle=False, verbose=0)
result = {
    "distance": model.predict([left, right], verbose=0),
    "code": encoder.predict(left, verbose=0),
    "params": [model.count_params(), len(model.layers)],
}
