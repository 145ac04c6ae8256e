"""Learning rates that change with the step: decays, a cosine with warm-up, one's own."""

import keras
import numpy as np
from keras import layers, ops
from keras.optimizers import schedules

from tests.scripts.start import equal_weights

random = np.random.default_rng(11)
x, y = random.normal(size=(80, 5)).astype("float32"), random.normal(size=(80, 1)).astype("float32")


class Hyperbola(schedules.LearningRateSchedule):
    def __init__(self, start, scale):
        self.start, self.scale = start, scale

    def __call__(self, step):
        return self.start / (1 + self.scale * ops.cast(step, "float32"))

    def get_config(self):
        return {"start": self.start, "scale": self.scale}


rates = {
    "exponential": schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.7, staircase=True),
    "cosine": schedules.CosineDecay(0.0, 40, alpha=0.1, warmup_target=0.1, warmup_steps=10),
    "own": Hyperbola(0.1, 0.05),
}
result = {}
for name, rate in rates.items():
    model = keras.Sequential([keras.Input((5,)), layers.Dense(4, "gelu"), layers.Dense(1)])
    equal_weights(model)
    model.compile(keras.optimizers.SGD(rate, nesterov=True, momentum=0.5), loss="huber")
    model.fit(x, y, batch_size=8, epochs=5, shuffle=False, verbose=0)
    result[name] = model.predict(x[:5], verbose=0)
    result[f"{name} rate"] = [float(rate(step)) for step in (0, 5, 20, 60)]
