"""Rare classes that count more, and examples that count less."""

import keras
import numpy as np
from keras import layers
from keras.utils import to_categorical

from tests.scripts.start import equal_weights

random = np.random.default_rng(9)
x = random.normal(size=(80, 4)).astype("float32")
y = (random.random(80) > 0.8).astype("int32") + (random.random(80) > 0.9)
weight = random.random(80).astype("float32")
class_weight = {0: 1.0, 1: 4.0, 2: 0.5}


def classifier():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, "relu"), layers.Dense(3)])
    model.add(layers.Softmax())
    equal_weights(model)
    return model


by_class = classifier()
by_class.compile("adam", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
first = by_class.fit(
    x, y, class_weight=class_weight, epochs=5, batch_size=8, shuffle=False, verbose=0
)
by_example = classifier()
by_example.compile("adam", "categorical_crossentropy", weighted_metrics=["accuracy"])
targets = to_categorical(y, 3)
second = by_example.fit(
    x,
    targets,
    sample_weight=weight,
    epochs=5,
    batch_size=8,
    shuffle=False,
    verbose=0,
    validation_data=(x[:20], targets[:20], weight[:20]),
)
result = {
    **{f"class {name}": values for name, values in first.history.items()},
    **{f"example {name}": values for name, values in second.history.items()},
    "by class": by_class.predict(x, verbose=0),
    "by example": by_example.predict(x, verbose=0),
    "evaluated": by_example.evaluate(x, targets, sample_weight=weight, verbose=0),
}
