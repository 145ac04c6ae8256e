"""Actor-critic on a small balance task: one network with two heads, discounted returns."""

import jax
import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

GAMMA, MAX_STEPS = 0.95, 20
rng = np.random.default_rng(307)
eps = float(np.finfo(np.float32).eps)


class Balance:
    """A point drifts away from 0; pushes to the left or the right keep it near."""

    def reset(self):
        self.state = rng.uniform(-0.2, 0.2, 2)
        return self.state.astype("float32")

    def step(self, action):
        position, speed = self.state
        speed += 0.3 * position + (0.2 if action == 1 else -0.2)
        position += 0.5 * speed
        self.state = np.array([position, speed])
        done = abs(position) > 1.0
        return self.state.astype("float32"), 1.0 - abs(position), done


inputs = layers.Input(shape=(2,))
common = layers.Dense(16, activation="relu")(inputs)
action = layers.Dense(2, activation="softmax", name="actor")(common)
critic = layers.Dense(1, name="critic")(common)
model = keras.Model(inputs=inputs, outputs=[action, critic])
equal_weights(model)
optimizer = keras.optimizers.Adam(learning_rate=0.01)
huber_loss = keras.losses.Huber()
optimizer.build(model.trainable_variables)


@jax.jit
def policy(weights, state):
    return model.stateless_call(weights, [], state[None])[0]


def loss_fn(weights, states, actions, returns, counted):
    (probabilities, values), _ = model.stateless_call(weights, [], states, training=True)
    values = values[:, 0]
    chosen = ops.take_along_axis(probabilities, actions[:, None], axis=1)[:, 0]
    advantage = jax.lax.stop_gradient(returns - values)
    actor = ops.sum(-ops.log(chosen) * advantage * counted)
    critic = huber_loss(returns[:, None], values[:, None], sample_weight=counted) * len(states)
    return actor + critic


@jax.jit
def train_step(weights, slots, *batch):
    loss, grads = jax.value_and_grad(loss_fn)(weights, *batch)
    weights, slots = optimizer.stateless_apply(slots, grads, weights)
    return loss, weights, slots


def padded(values, dtype="float32"):
    filled = np.zeros((MAX_STEPS, *np.shape(values)[1:]), dtype)
    filled[: len(values)] = values
    return filled


weights = [np.array(v) for v in model.trainable_variables]
slots = [np.array(v) for v in optimizer.variables]
env, losses, rewards = Balance(), [], []
for _ in range(25):
    state, history = env.reset(), []
    for _ in range(MAX_STEPS):
        probabilities, _ = policy(weights, state)
        chosen = int(rng.random() > float(probabilities[0, 0]))
        after, reward, done = env.step(chosen)
        history.append((state, chosen, reward))
        state = after
        if done:
            break
    states, actions, got = (list(part) for part in zip(*history, strict=False))
    returns, total = [], 0.0
    for reward in got[::-1]:
        total = reward + GAMMA * total
        returns.insert(0, total)
    returns = np.array(returns)
    returns = (returns - returns.mean()) / (returns.std() + eps)
    batch = (padded(states), padded(actions, "int32"), padded(returns), padded(np.ones(len(got))))
    loss, weights, slots = train_step(weights, slots, *batch)
    losses.append(float(loss))
    rewards.append(sum(got))
start = [np.array(w) for w in weights], [np.array(s) for s in slots]
model.set_weights(weights)
places = np.stack(np.meshgrid(np.linspace(-1, 1, 4), np.linspace(-1, 1, 4)), -1).reshape(-1, 2)
probabilities, values = model.predict(places.astype("float32"), verbose=0)
result = {"losses": losses, "rewards": rewards, "probabilities": probabilities, "values": values}
saved = {"actor_critic": (model, places.astype("float32"))}


def go_on(models):
    again, rule = models["actor_critic"], keras.optimizers.Adam(1e-2)
    rule.build(again.trainable_variables)

    def loss_again(weights):
        (chances, worth), _ = again.stateless_call(weights, [], saved["actor_critic"][1])
        return ops.mean(ops.square(worth)) - ops.mean(ops.log(chances[:, 0]))

    weights, losses = [v.value for v in again.trainable_variables], []
    slots = [v.value for v in rule.variables]
    for _ in range(4):
        loss, grads = jax.value_and_grad(loss_again)(weights)
        weights, slots = rule.stateless_apply(slots, grads, weights)
        losses.append(float(loss))
    return {"losses": losses}


def step():
    jax.block_until_ready(train_step(*start, *batch))
