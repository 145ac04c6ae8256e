"""Fraud detection: one positive in twelve, class weights, a bias that knows it, a threshold."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

rng = np.random.default_rng(106)
targets = (rng.random(240) < 1 / 12).astype("uint8")[:, None]
features = rng.normal(0, 1, (240, 6)) + targets * np.array([1.5, -1, 0.5, 0, 0, 2])
features = features.astype("float32")

train, valid = slice(0, 180), slice(180, None)
mean, std = features[train].mean(axis=0), features[train].std(axis=0)
features = (features - mean) / std
counts = np.bincount(targets[train][:, 0])
class_weight = {0: 1.0 / counts[0], 1: 1.0 / counts[1]}

model = keras.Sequential(
    [
        keras.Input(shape=features.shape[1:]),
        layers.Dense(16, activation="relu", kernel_regularizer=keras.regularizers.l2(1e-4)),
        layers.Dense(16, activation="relu"),
        layers.Dropout(0.0),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.summary(print_fn=lambda *args, **kwargs: None)
equal_weights(model)
model.layers[-1].bias.assign([float(np.log(counts[1] / counts[0]))])

metrics = [
    keras.metrics.FalseNegatives(name="fn"),
    keras.metrics.FalsePositives(name="fp"),
    keras.metrics.TrueNegatives(name="tn"),
    keras.metrics.TruePositives(name="tp"),
    keras.metrics.Precision(name="precision"),
    keras.metrics.Recall(name="recall"),
    keras.metrics.AUC(name="prc", curve="PR"),
    keras.metrics.PrecisionAtRecall(0.8),
]
model.compile(
    optimizer=keras.optimizers.Adam(1e-2),
    loss="binary_crossentropy",
    metrics=metrics,
    weighted_metrics=["accuracy"],
)
checkpoint = keras.callbacks.EarlyStopping(
    monitor="val_prc", mode="max", patience=5, restore_best_weights=True, verbose=0
)
history = model.fit(
    features[train],
    targets[train],
    batch_size=30,
    epochs=9,
    verbose=0,
    shuffle=False,
    callbacks=[checkpoint],
    validation_data=(features[valid], targets[valid]),
    class_weight=class_weight,
)
scores = model.predict(features[valid], verbose=0)
best = max(np.linspace(0.05, 0.95, 19), key=lambda t: ((scores > t) == targets[valid]).mean())
focal = keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True, gamma=2.0)
result = {
    **history.history,
    "counts": counts,
    "scores": scores,
    "threshold": best,
    "focal": float(focal(targets[valid], scores)),
    **{
        f"test {k}": v
        for k, v in model.evaluate(
            features[valid], targets[valid], verbose=0, return_dict=True
        ).items()
    },
}
saved = {"fraud": (model, features[valid][:56], targets[valid][:56])}
