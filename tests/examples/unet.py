"""Semantic segmentation with a small U-Net: bright disks on a noisy background."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

SIZE, CLASSES = 16, 3
rng = np.random.default_rng(101)


def scene():
    mask = np.zeros((SIZE, SIZE), "int32")
    rows, columns = np.mgrid[:SIZE, :SIZE]
    for kind in (1, 2):
        row, column = rng.integers(4, SIZE - 4, 2)
        mask[(rows - row) ** 2 + (columns - column) ** 2 < 9] = kind
    image = rng.normal(0.2, 0.1, (SIZE, SIZE, 3))
    image[mask == 1, 0] += 0.6
    image[mask == 2, 2] += 0.6
    return image.astype("float32"), mask


pairs = [scene() for _ in range(32)]
images = np.stack([image for image, _ in pairs])
masks = np.stack([mask for _, mask in pairs])


def get_model(size, num_classes):
    inputs = keras.Input(shape=(*size, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    previous = x
    skips = [x]
    for filters in (12, 16):
        x = layers.Activation("relu")(x)
        x = layers.SeparableConv2D(filters, 3, padding="same")(x)
        x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        residual = layers.Conv2D(filters, 1, strides=2, padding="same")(previous)
        x = layers.add([x, residual])
        skips.append(x)
        previous = x
    for filters, skip in zip((12, 8), skips[1::-1], strict=True):
        x = layers.Conv2DTranspose(filters, 3, strides=2, padding="same", activation="relu")(x)
        x = layers.concatenate([x, skip])
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.SpatialDropout2D(0.0)(x)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    outputs = layers.Conv2D(num_classes, 3, activation="softmax", padding="same")(x)
    return keras.Model(inputs, outputs)


def dice_of_objects(y_true, y_pred):
    y_true = keras.ops.one_hot(keras.ops.cast(y_true, "int32"), CLASSES)
    overlap = keras.ops.sum(y_true * y_pred, axis=(1, 2))
    total = keras.ops.sum(y_true + y_pred, axis=(1, 2))
    return keras.ops.mean(((2 * overlap + 1) / (total + 1))[:, 1:], axis=-1)


model = get_model((SIZE, SIZE), CLASSES)
equal_weights(model)
model.compile(
    optimizer=keras.optimizers.Adam(3e-3),
    loss="sparse_categorical_crossentropy",
    metrics=[
        keras.metrics.MeanIoU(num_classes=CLASSES, sparse_y_pred=False, name="iou"),
        dice_of_objects,
    ],
)
stop = keras.callbacks.EarlyStopping("val_loss", patience=4, restore_best_weights=True)
history = model.fit(
    images[:24],
    masks[:24],
    batch_size=4,
    epochs=9,
    shuffle=False,
    verbose=0,
    validation_data=(images[24:], masks[24:]),
    callbacks=[stop],
)
prediction = model.predict(images[24:], verbose=0)
result = {
    **history.history,
    "prediction": prediction,
    "areas": prediction.sum(axis=(1, 2)),
    "parameters": model.count_params(),
}
saved = {"unet": (model, images, masks)}
