"""Callbacks and metrics of our own: a confusion matrix, a log of weights, early stopping by F1."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

CLASSES = 3
rng = np.random.default_rng(407)
x = rng.normal(size=(88, 5)).astype("float32")
y = np.digitize(x[:, 0] + 0.5 * x[:, 1], [-0.5, 0.5])


@keras.saving.register_keras_serializable("parts")
class MacroF1(keras.metrics.Metric):
    """The mean over the classes of F1, from a confusion matrix."""

    def __init__(self, num_classes, name="macro_f1", **kwargs):
        super().__init__(name=name, **kwargs)
        self.num_classes = num_classes
        self.matrix = self.add_variable(
            shape=(num_classes, num_classes), initializer="zeros", name="matrix"
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), self.num_classes)
        y_pred = ops.one_hot(ops.argmax(y_pred, axis=-1), self.num_classes)
        if sample_weight is not None:
            y_true = y_true * ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1))
        self.matrix.assign_add(ops.matmul(ops.transpose(y_true), y_pred))

    def result(self):
        matrix = ops.convert_to_tensor(self.matrix)
        right = ops.diagonal(matrix)
        total = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1)
        return ops.mean(2 * right / (total + keras.config.epsilon()))

    def reset_state(self):
        self.matrix.assign(ops.zeros(self.matrix.shape))

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}


@keras.saving.register_keras_serializable("parts")
def margin(y_true, y_pred):
    """How far the best probability is above the second."""
    top = ops.top_k(y_pred, k=2)[0]
    return top[:, 0] - top[:, 1]


class WeightLog(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.norms, self.calls = [], []

    def on_train_begin(self, logs=None):
        self.calls.append(f"begin {sorted(logs or {})}")

    def on_epoch_end(self, epoch, logs=None):
        norms = {w.path.split("/")[-1]: float(ops.norm(w)) for w in self.model.layers[0].weights}
        self.norms.append([norms["kernel"], norms["bias"]])
        logs["norm"] = norms["kernel"]

    def on_predict_end(self, logs=None):
        self.calls.append("predicted")

    def on_train_end(self, logs=None):
        self.calls.append(f"end {sorted(logs or {})}")


class StopAtF1(keras.callbacks.Callback):
    """Stops when F1 has not risen for `patience` epochs, and restores the best weights."""

    def __init__(self, patience=3):
        super().__init__()
        self.patience = patience

    def on_train_begin(self, logs=None):
        self.wait, self.best, self.stopped_epoch, self.best_weights = 0, -np.inf, 0, None

    def on_epoch_end(self, epoch, logs=None):
        current = logs.get("val_macro_f1")
        if current > self.best:
            self.best, self.wait, self.best_weights = current, 0, self.model.get_weights()
        else:
            self.wait += 1
            if self.wait >= self.patience:
                self.stopped_epoch = epoch
                self.model.stop_training = True
                self.model.set_weights(self.best_weights)


model = keras.Sequential(
    [keras.Input((5,)), layers.Dense(10, "relu"), layers.Dense(CLASSES, "softmax")]
)
equal_weights(model)
model.compile(
    keras.optimizers.Adamax(0.02),
    "sparse_categorical_crossentropy",
    metrics=[MacroF1(CLASSES), margin, keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2")],
)
log, stop = WeightLog(), StopAtF1()
history = model.fit(
    x[:64],
    y[:64],
    batch_size=8,
    epochs=9,
    shuffle=False,
    verbose=0,
    validation_data=(x[64:], y[64:]),
    callbacks=[log, stop],
)
probabilities = model.predict(x, verbose=0, callbacks=[log])
metric = MacroF1(CLASSES)
for start in range(0, 88, 20):
    metric.update_state(y[start : start + 20], probabilities[start : start + 20])
result = {
    **history.history,
    "norms": log.norms,
    "calls": log.calls,
    "best": stop.best,
    "stopped": stop.stopped_epoch,
    "matrix": np.asarray(metric.matrix),
    "f1": float(metric.result()),
    "probabilities": probabilities,
}
saved = {"classifier": (model, x, y)}
