"""Multi-task learning: three heads, missing labels, weights of the losses that are learned."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

rng = np.random.default_rng(305)
x = rng.normal(size=(80, 6)).astype("float32")
targets = {
    "price": (x @ rng.normal(size=6) + rng.normal(0, 0.1, 80)).astype("float32")[:, None],
    "sold": (x[:, :1] + x[:, 1:2] > 0).astype("float32"),
    "kind": np.argmax(x[:, :3], axis=1).astype("int32"),
}
weights = {
    "price": (rng.random(80) < 0.8).astype("float32"),  # a label that is missing counts nothing
    "sold": np.ones(80, "float32"),
    "kind": (rng.random(80) < 0.6).astype("float32"),
}


@keras.saving.register_keras_serializable()
class UncertaintyWeighting(layers.Layer):
    """Adds half the logarithmic variance of each task as a loss, and scales what passes by it."""

    def __init__(self, tasks, **kwargs):
        super().__init__(**kwargs)
        self.tasks = tasks

    def build(self, input_shape):
        self.log_variances = self.add_weight(
            name="log_variances",
            shape=(self.tasks,),
            initializer="zeros",
            constraint=keras.constraints.MinMaxNorm(0.0, 5.0),
        )
        super().build(input_shape)

    def call(self, inputs):
        self.add_loss(0.5 * ops.sum(self.log_variances))
        return inputs * ops.exp(-0.5 * ops.mean(self.log_variances))

    def get_config(self):
        return {**super().get_config(), "tasks": self.tasks}


inputs = keras.Input((6,), name="features")
shared = layers.Dense(16, activation="tanh", name="shared")(inputs)
shared = UncertaintyWeighting(3, name="uncertainty")(shared)
experts = [layers.Dense(8, activation="relu", name=f"expert_{i}")(shared) for i in range(3)]


def gated(name):
    gate = layers.Softmax(name=f"{name}_gate_softmax")(layers.Dense(3, name=f"{name}_gate")(shared))
    stacked = ops.stack(experts, axis=1)
    return ops.sum(stacked * ops.expand_dims(gate, -1), axis=1)


outputs = {
    "price": layers.Dense(1, name="price")(gated("price")),
    "sold": layers.Dense(1, activation="sigmoid", name="sold")(gated("sold")),
    "kind": layers.Dense(3, activation="softmax", name="kind")(gated("kind")),
}
model = keras.Model(inputs, outputs, name="tasks")
equal_weights(model)
model.compile(
    optimizer=keras.optimizers.Adam(5e-3, global_clipnorm=1.0),
    loss={
        "price": keras.losses.Huber(0.5),
        "sold": "binary_crossentropy",
        "kind": "sparse_categorical_crossentropy",
    },
    loss_weights={"price": 1.0, "sold": 0.5, "kind": 0.25},
    metrics={"price": ["mae"], "sold": ["accuracy", keras.metrics.AUC(name="auc")]},
    weighted_metrics={"kind": ["accuracy"]},
)
history = model.fit(
    x,
    targets,
    sample_weight=weights,
    batch_size=8,
    epochs=6,
    shuffle=False,
    verbose=0,
    validation_data=(x[:16], {k: v[:16] for k, v in targets.items()}),
)
predictions = model.predict(x, verbose=0)
result = {
    **history.history,
    **{f"predicted {name}": value for name, value in predictions.items()},
    "names": sorted(model.evaluate(x, targets, verbose=0, return_dict=True)),
    "log variances": model.get_layer("uncertainty").get_weights()[0],
}
saved = {"tasks": (model, x, targets)}
