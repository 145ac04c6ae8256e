"""A learning-rate finder: a callback that raises the rate after every batch and watches losses."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

random = np.random.default_rng(47)
x = random.normal(size=(80, 4)).astype("float32")
y = np.sin(x.sum(1, keepdims=True))


class LRFinder(keras.callbacks.Callback):
    def __init__(self, start, end, steps):
        super().__init__()
        self.start, self.factor = start, (end / start) ** (1 / steps)
        self.rates, self.losses, self.best = [], [], float("inf")

    def on_train_begin(self, logs=None):
        self.kept = self.model.get_weights()
        self.model.optimizer.learning_rate = self.start

    def on_train_batch_end(self, batch, logs=None):
        rate = float(self.model.optimizer.learning_rate)
        loss = logs["loss"]
        self.rates.append(rate)
        self.losses.append(loss)
        self.best = min(self.best, loss)
        if batch > 5 and loss > 4 * self.best:
            self.model.stop_training = True
        self.model.optimizer.learning_rate = rate * self.factor

    def on_train_end(self, logs=None):
        self.model.set_weights(self.kept)


model = keras.Sequential([keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(1)])
equal_weights(model)
model.compile(optimizer=keras.optimizers.SGD(1e-4), loss="mse")
finder = LRFinder(1e-3, 1.0, 30)
model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0, callbacks=[finder])
chosen = finder.rates[int(np.argmin(finder.losses))]
model.optimizer.learning_rate.assign(chosen / 10)
history = model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0)
result = {**history.history, "rates": finder.rates, "losses": finder.losses, "chosen": [chosen]}
