"""A model as a class: layers made in `__init__`, called in `call`, with a training flag."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

random = np.random.default_rng(32)
x = random.normal(size=(80, 5)).astype("float32")
y = random.integers(0, 3, 80)


class Network(keras.Model):
    def __init__(self, classes, depth=2, **kwargs):
        super().__init__(**kwargs)
        self.hidden = [layers.Dense(6, activation="tanh") for _ in range(depth)]
        self.normal = layers.BatchNormalization(momentum=0.8)
        self.dropout = layers.Dropout(0.0)
        self.classifier = layers.Dense(classes)

    def call(self, inputs, training=False):
        x = inputs
        for layer in self.hidden:
            x = layer(x)
        x = self.normal(x, training=training)
        if training:
            x = self.dropout(x, training=training)
        return self.classifier(x)


model = Network(3, name="network")
model(x[:1])
equal_weights(model)
model.compile(
    optimizer="adam",
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
)
history = model.fit(
    x, y, batch_size=8, epochs=5, shuffle=False, verbose=0, validation_data=(x[:16], y[:16])
)
result = {
    **history.history,
    "predictions": model.predict(x, verbose=0),
    "called": np.asarray(model(x[:3], training=False)),
    "counts": [len(model.weights), len(model.trainable_weights), model.count_params()],
}
