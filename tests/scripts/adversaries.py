"""Two models that train against each other: the second is frozen inside the first."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

random = np.random.default_rng(21)
real = random.normal(2, 0.5, (200, 2)).astype("float32")
noise = random.normal(size=(200, 3)).astype("float32")

generator = keras.Sequential(
    [keras.Input((3,)), layers.Dense(8), layers.LeakyReLU(0.2), layers.Dense(2)], name="generator"
)
critic = keras.Sequential(
    [keras.Input((2,)), layers.Dense(8), layers.LeakyReLU(0.2), layers.Dense(1, "sigmoid")],
    name="critic",
)
equal_weights(generator, critic)
critic.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.01, 0.5))
critic.trainable = False
seed = keras.Input(shape=(3,))
both = keras.Model(seed, critic(generator(seed)))
both.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.01, 0.5))

losses = []
for start in range(0, 200, 8):
    batch = slice(start, start + 8)
    size = len(real[batch])
    made = generator.predict(noise[batch], verbose=0)
    losses.append(critic.train_on_batch(real[batch], np.ones((size, 1))))
    losses.append(critic.train_on_batch(made, np.zeros((size, 1))))
    losses.append(both.train_on_batch(noise[batch], np.ones((size, 1))))
result = {
    "losses": np.array(losses),
    "made": generator.predict(noise[:10], verbose=0),
    "judged": critic.predict(real[:10], verbose=0),
}
