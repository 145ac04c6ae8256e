"""A learning-rate finder, and one cycle of warm-up and decay at the rate that it suggests."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

rng = np.random.default_rng(406)
x = rng.normal(size=(96, 6)).astype("float32")
y = rng.integers(0, 3, 96)
y[x[:, 0] > 0.5] = 2


class LRFinder(keras.callbacks.Callback):
    """Raises the rate by a factor after every batch; stops when the loss explodes."""

    def __init__(self, start=1e-4, end=3.0, steps=40, beta=0.9):
        super().__init__()
        self.start, self.factor, self.steps, self.beta = (
            start,
            (end / start) ** (1 / steps),
            steps,
            beta,
        )
        self.rates, self.losses = [], []

    def on_train_begin(self, logs=None):
        self.before = self.model.get_weights()
        self.average, self.best = 0.0, float("inf")
        self.model.optimizer.learning_rate = self.start

    def on_train_batch_end(self, batch, logs=None):
        step = len(self.losses) + 1
        self.average = self.beta * self.average + (1 - self.beta) * logs["loss"]
        smooth = self.average / (1 - self.beta**step)
        rate = float(np.asarray(self.model.optimizer.learning_rate))
        self.rates.append(rate)
        self.losses.append(smooth)
        self.best = min(self.best, smooth)
        if smooth > 4 * self.best or step >= self.steps:
            self.model.stop_training = True
        self.model.optimizer.learning_rate.assign(rate * self.factor)

    def on_train_end(self, logs=None):
        self.model.set_weights(self.before)

    def suggestion(self):
        slopes = np.gradient(self.losses, np.log(self.rates))
        return self.rates[int(np.argmin(slopes[5:-5])) + 5]


class WarmUpCosine(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, base, warmup, total):
        self.base, self.warmup, self.total = base, warmup, total

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        rising = self.base * (step + 1) / self.warmup
        share = keras.ops.clip((step - self.warmup) / (self.total - self.warmup), 0, 1)
        falling = 0.5 * self.base * (1 + keras.ops.cos(np.pi * share))
        return keras.ops.where(step < self.warmup, rising, falling)

    def get_config(self):
        return {"base": self.base, "warmup": self.warmup, "total": self.total}


model = keras.Sequential([keras.Input((6,)), layers.Dense(12, "tanh"), layers.Dense(3)])
equal_weights(model)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.SGD(momentum=0.9), loss)
finder = LRFinder()
model.fit(x, y, batch_size=8, epochs=9, shuffle=False, verbose=0, callbacks=[finder])
rate = 0.05 if finder.suggestion() > 0.05 else 0.02
schedule = WarmUpCosine(rate, 12, 60)
model.compile(keras.optimizers.SGD(schedule, momentum=0.9), loss, metrics=["accuracy"])
history = model.fit(x, y, batch_size=8, epochs=5, shuffle=False, verbose=0)
result = {
    "rates": finder.rates,
    "losses": finder.losses,
    "rate": rate,
    "schedule": [float(schedule(step)) for step in range(0, 60, 7)],
    **history.history,
    "logits": model.predict(x, verbose=0),
}
saved = {"model": (model, x, y)}
