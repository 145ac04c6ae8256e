"""Taking a trained model apart: a new head, a layer in between, layers in a loop."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

random = np.random.default_rng(17)
x = random.normal(size=(80, 4)).astype("float32")
y, z = random.normal(size=(80, 1)).astype("float32"), random.integers(0, 3, 80)

model = keras.Sequential(
    [
        keras.Input((4,)),
        layers.Dense(6, activation="relu", name="a"),
        layers.Dense(5, activation="relu", name="b"),
        layers.Dense(1, name="c"),
    ]
)
equal_weights(model)
model.compile("adam", "mse")
model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0)

value = inputs = keras.Input((4,))
for layer in model.layers[:-1]:
    value = layer(value)
    value = layers.LayerNormalization()(value)
model.get_layer("a").trainable = False
grown = keras.Model(inputs, layers.Dense(3, name="classes")(value))
for layer in grown.layers:
    if layer.name == "classes" or isinstance(layer, layers.LayerNormalization):
        layer.set_weights([np.full(w.shape, 0.1, "float32") for w in layer.get_weights()])
grown.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
grown.fit(x, z, epochs=3, batch_size=8, shuffle=False, verbose=0)

short = keras.Sequential(model.layers[:-1])
model.pop()
model.add(layers.Dense(2, name="d"))
model.layers[-1].set_weights([np.ones((5, 2), "float32"), np.zeros(2, "float32")])
result = {
    "classes": grown.predict(x, verbose=0),
    "short": short.predict(x, verbose=0),
    "popped": model.predict(x, verbose=0),
    "layers": [layer.name for layer in model.layers],
    "trainable": len(grown.trainable_weights),
}
