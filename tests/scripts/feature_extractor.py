"""What the inner layers of a trained model say of an example."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

random = np.random.default_rng(5)
x, y = random.normal(size=(80, 7)).astype("float32"), random.integers(0, 3, 80)

model = keras.Sequential(name="classifier")
model.add(keras.Input((7,)))
model.add(layers.Dense(6, activation="relu", name="first"))
model.add(layers.Dense(5, activation="relu", name="second"))
model.add(layers.Dense(3, activation="softmax", name="answer"))
equal_weights(model)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=5, batch_size=8, shuffle=False, verbose=0)

every = keras.Model(model.inputs, [layer.output for layer in model.layers])
second = keras.Model(inputs=model.inputs, outputs=model.get_layer("second").output)
top_input = keras.Input((5,))
top = keras.Model(top_input, model.layers[-1](top_input))
result = {
    **{f"output {i}": part for i, part in enumerate(every.predict(x[:4], verbose=0))},
    "second": second.predict(x[:4], verbose=0),
    "composed": top.predict(second.predict(x[:4], verbose=0), verbose=0),
    "whole": model.predict(x[:4], verbose=0),
}
