"""Where a convolutional network looks: gradients of a score by an inner layer's output."""

import jax
import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

random = np.random.default_rng(46)
images = random.random((2, 10, 10, 3)).astype("float32")
model = keras.Sequential(
    [
        keras.Input((10, 10, 3)),
        layers.Conv2D(6, 3, activation="relu", name="first"),
        layers.MaxPooling2D(),
        layers.Conv2D(5, 3, activation="relu", name="last_conv"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(4),
    ]
)
equal_weights(model)
last = model.get_layer("last_conv")
features = keras.Model(model.inputs, last.output)
seed = keras.Input(shape=last.output.shape[1:])
h = seed
for layer in model.layers[model.layers.index(last) + 1 :]:
    h = layer(h)
classifier = keras.Model(seed, h)


def score(activations):
    predictions = classifier(activations)
    index = ops.argmax(predictions[0])
    return ops.take(predictions[0], index)


heatmaps = []
for image in images:
    activations = features(image[None])
    grads = jax.grad(score)(activations)
    pooled = ops.mean(grads, axis=(0, 1, 2))
    heatmap = ops.squeeze(activations[0] @ pooled[..., None])
    heatmaps.append(ops.convert_to_numpy(ops.maximum(heatmap, 0) / (ops.max(heatmap) + 1e-6)))


every = keras.Model(model.inputs, {layer.name: layer.output for layer in model.layers[:3]})
result = {
    "heatmaps": np.array(heatmaps),
    "names": [len(every(images))],
    "first": every(images)["first"],
}
