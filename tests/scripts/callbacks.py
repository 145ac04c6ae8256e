"""Callbacks: early stopping, a plateau, a schedule, functions, and one's own."""

import keras
import numpy as np
from keras import layers
from keras.callbacks import Callback, EarlyStopping, LambdaCallback, ReduceLROnPlateau

from tests.scripts.start import equal_weights

random = np.random.default_rng(8)
x, y = random.normal(size=(80, 5)).astype("float32"), random.normal(size=(80, 1)).astype("float32")


class Diary(Callback):
    def __init__(self):
        super().__init__()
        self.rates, self.batches, self.best = [], 0, float("inf")

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        self.rates.append(float(self.model.optimizer.learning_rate))
        self.best = min(self.best, logs["val_loss"])
        if epoch == 11:
            self.model.stop_training = True


epochs = []
diary = Diary()
plateau = ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=1, min_delta=1e-2)
stopping = EarlyStopping("val_loss", patience=30, restore_best_weights=True)
noted = LambdaCallback(on_epoch_begin=lambda epoch, logs: epochs.append(epoch))
model = keras.Sequential([keras.Input((5,)), layers.Dense(6, activation="tanh"), layers.Dense(1)])
equal_weights(model)
model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
history = model.fit(
    x,
    y,
    batch_size=16,
    epochs=20,
    shuffle=False,
    validation_split=0.25,
    callbacks=[diary, plateau, stopping, noted],
    verbose=0,
)
result = {
    **{name: values for name, values in history.history.items()},
    "rates": diary.rates,
    "counts": [diary.batches, len(epochs), len(history.epoch), stopping.stopped_epoch],
    "best": diary.best,
    "predictions": model.predict(x, verbose=0),
}
