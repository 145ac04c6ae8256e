"""A metric as a class, with variables that are updated batch by batch."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

random = np.random.default_rng(33)
x = random.normal(size=(80, 4)).astype("float32")
y = random.integers(0, 2, (80, 1)).astype("float32")
weight = random.random(80).astype("float32")


class TruePositives(keras.metrics.Metric):
    def __init__(self, name="true_positives", threshold=0.5, **kwargs):
        super().__init__(name=name, **kwargs)
        self.threshold = threshold
        self.found = self.add_variable(shape=(), initializer="zeros", name="found")

    def update_state(self, y_true, y_pred, sample_weight=None):
        hits = ops.logical_and(y_true > 0.5, y_pred > self.threshold)
        hits = ops.cast(hits, self.dtype)
        if sample_weight is not None:
            hits = hits * ops.reshape(sample_weight, (-1, 1))
        self.found.assign(self.found + ops.sum(hits))

    def result(self):
        return self.found.value

    def reset_state(self):
        self.found.assign(0.0)


model = keras.Sequential([keras.Input((4,)), layers.Dense(5, activation="relu")])
model.add(layers.Dense(1, activation="sigmoid"))
equal_weights(model)
model.compile(
    "adam",
    "binary_crossentropy",
    metrics=[TruePositives()],
    weighted_metrics=[TruePositives("weighted", 0.4)],
)
history = model.fit(x, y, sample_weight=weight, batch_size=8, epochs=5, shuffle=False, verbose=0)
metric = TruePositives()
metric.update_state(y, model.predict(x, verbose=0))
result = {
    **history.history,
    "by hand": float(metric.result()),
    "evaluate": model.evaluate(x, y, verbose=0),
    "predictions": model.predict(x, verbose=0),
}
