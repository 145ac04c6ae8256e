"""Grad-CAM: which part of an image speaks for the class that a network chose."""

import jax
import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

rng = np.random.default_rng(102)
labels = rng.integers(0, 2, 40)
images = rng.normal(0, 0.2, (40, 14, 14, 1)).astype("float32")
for i, label in enumerate(labels):
    images[i, 2:5, 2:5] += 1.0 - label
    images[i, 9:12, 9:12] += label

model = keras.Sequential(
    [
        keras.Input((14, 14, 1)),
        layers.Conv2D(4, 3, activation="relu", name="block1_conv"),
        layers.MaxPooling2D(name="block1_pool"),
        layers.Conv2D(6, 3, activation="relu", name="last_conv"),
        layers.GlobalAveragePooling2D(name="pool"),
        layers.Dense(2, name="predictions"),
    ]
)
equal_weights(model)
model.compile(
    keras.optimizers.RMSprop(1e-2),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(images, labels, epochs=10, batch_size=8, shuffle=False, verbose=0)


def make_heatmap(image, model, last_conv_layer_name, pred_index=None):
    conv_layer = model.get_layer(last_conv_layer_name)
    extractor = keras.Model(model.inputs, conv_layer.output)
    after = model.layers[model.layers.index(conv_layer) + 1 :]

    def score(features, index):
        x = features
        for layer in after:
            x = layer(x)
        return x[0, index]

    features = extractor(image)
    if pred_index is None:
        pred_index = int(ops.argmax(model(image)[0]))
    grads = jax.grad(score)(features, pred_index)
    weights = ops.mean(grads, axis=(0, 1, 2))
    heatmap = ops.squeeze(features[0] @ weights[..., None])
    heatmap = ops.maximum(heatmap, 0) / (ops.max(heatmap) + 1e-7)
    return ops.convert_to_numpy(heatmap), pred_index


maps, chosen = zip(
    *(make_heatmap(images[i : i + 1], model, "last_conv") for i in range(4)), strict=False
)
big = ops.image.resize(np.stack(maps)[..., None], (14, 14), interpolation="bilinear")
other, _ = make_heatmap(images[:1], model, "last_conv", pred_index=1 - chosen[0])


def saliency(images, labels):
    """Gradient of the true class's score by the pixels."""

    def total(x):
        logits = model(x, training=False)
        return ops.sum(ops.take_along_axis(logits, labels[:, None], axis=1))

    return np.asarray(ops.max(ops.abs(jax.grad(total)(ops.convert_to_tensor(images))), axis=-1))


result = {
    **history.history,
    "maps": np.stack(maps),
    "chosen": chosen,
    "big": np.asarray(big),
    "other": other,
    "saliency": saliency(images[:3], labels[:3]),
    "peak": [list(np.unravel_index(np.argmax(m), m.shape)) for m in maps],
}
saved = {"network": (model, images, labels)}
