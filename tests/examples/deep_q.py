"""Deep Q-learning in a corridor: a replay memory, a target network, a step written for JAX."""

import jax
import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

LENGTH, ACTIONS, GAMMA = 6, 2, 0.9
rng = np.random.default_rng(107)


class Corridor:
    """Start in the middle; the right end pays 1, the left end -1."""

    def reset(self):
        self.place = LENGTH // 2
        return self.state()

    def state(self):
        return np.eye(LENGTH, dtype="float32")[self.place]

    def step(self, action):
        self.place += 1 if action == 1 else -1
        done = self.place in (0, LENGTH - 1)
        reward = float(self.place == LENGTH - 1) - float(self.place == 0)
        return self.state(), reward, done


def create_q_model():
    return keras.Sequential(
        [
            keras.Input((LENGTH,)),
            layers.Dense(16, activation="relu"),
            layers.Dense(ACTIONS, activation="linear"),
        ]
    )


model, model_target = create_q_model(), create_q_model()
equal_weights(model)
model_target.set_weights(model.get_weights())
optimizer = keras.optimizers.Adam(learning_rate=1e-2, clipnorm=1.0)
optimizer.build(model.trainable_variables)
loss_function = keras.losses.Huber()


def compute_loss(trainable, non_trainable, states, actions, targets):
    q_values, non_trainable = model.stateless_call(trainable, non_trainable, states, training=True)
    q_action = ops.sum(q_values * ops.one_hot(actions, ACTIONS), axis=1)
    return loss_function(targets, q_action), non_trainable


grad_fn = jax.value_and_grad(compute_loss, has_aux=True)


@jax.jit
def update(state, states, actions, targets):
    trainable, non_trainable, slots = state
    (loss, non_trainable), grads = grad_fn(trainable, non_trainable, states, actions, targets)
    trainable, slots = optimizer.stateless_apply(slots, grads, trainable)
    return loss, (trainable, non_trainable, slots)


def values(variables):
    return [v.value for v in variables]


state = (
    values(model.trainable_variables),
    values(model.non_trainable_variables),
    values(optimizer.variables),
)
memory, losses, rewards = [], [], []
env = Corridor()
epsilon, frames = 1.0, 0
for _episode in range(14):
    observation, done, total = env.reset(), False, 0.0
    while not done:
        frames += 1
        if frames < 16 or rng.random() < epsilon:
            action = int(rng.integers(ACTIONS))
        else:
            q = model.stateless_call(state[0], state[1], observation[None], training=False)[0]
            action = int(ops.argmax(q[0]))
        epsilon = max(0.1, epsilon - 0.02)
        after, reward, done = env.step(action)
        memory.append((observation, action, reward, after, done))
        observation, total = after, total + reward
        if len(memory) >= 8:
            picks = rng.integers(len(memory), size=8)
            s, a, r, s2, d = (
                np.array(part) for part in zip(*(memory[i] for i in picks), strict=False)
            )
            future = model_target.predict(s2, verbose=0)
            target = (r + GAMMA * future.max(axis=1) * (1 - d)).astype("float32")
            loss, state = update(state, s, a, target)
            losses.append(float(loss))
        if frames % 10 == 0:
            for variable, value in zip(model.trainable_variables, state[0], strict=True):
                variable.assign(value)
            model_target.set_weights(model.get_weights())
    rewards.append(total)
start = jax.tree.map(np.array, state)
for variable, value in zip(model.trainable_variables, state[0], strict=True):
    variable.assign(value)
for variable, value in zip(optimizer.variables, state[2], strict=True):
    variable.assign(value)

every_state = np.eye(LENGTH, dtype="float32")
result = {
    "losses": losses,
    "rewards": rewards,
    "q": model.predict(every_state, verbose=0),
    "steps": int(optimizer.iterations),
}
saved = {"q": (model, every_state), "target": (model_target, every_state)}


def go_on(models):
    """The loaded network learns the values that the loaded target says."""
    q, targets = models["q"], models["target"].predict(every_state, verbose=0) + 1
    q.compile(keras.optimizers.Adam(1e-2, clipnorm=1.0), keras.losses.Huber())
    return q.fit(every_state, targets, batch_size=2, epochs=3, shuffle=False, verbose=0).history


def step():
    jax.block_until_ready(update(start, s, a, target))
