"""A model written down and read again: configurations, JSON, clones and weights by hand."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

random = np.random.default_rng(16)
x, y = random.normal(size=(80, 4)).astype("float32"), random.normal(size=(80, 1)).astype("float32")


@keras.saving.register_keras_serializable(package="scripts")
def square(inputs):
    return inputs * inputs


inputs = keras.Input((4,), name="numbers")
hidden = layers.Dense(5, activation=square, name="hidden")(inputs)
outputs = layers.Dense(1)(layers.Concatenate()([inputs, hidden]))
model = keras.Model(inputs, outputs, name="net")
equal_weights(model)

again = keras.Model.from_config(model.get_config())
from_text = keras.models.model_from_json(model.to_json())
clone = keras.models.clone_model(model)
for copy in (again, from_text, clone):
    copy.set_weights(model.get_weights())
again.compile("adam", "mse")
again.fit(x, y, epochs=5, batch_size=8, shuffle=False, verbose=0)
layer = layers.Dense.from_config(model.get_layer("hidden").get_config())
optimizer = keras.optimizers.Adam.from_config(keras.optimizers.Adam(0.003).get_config())
result = {
    "untrained": clone.predict(x, verbose=0),
    "text": from_text.predict(x, verbose=0),
    "trained": again.predict(x, verbose=0),
    "units": layer.units,
    "rate": float(optimizer.learning_rate),
    "names": [part.name for part in clone.layers],
}
