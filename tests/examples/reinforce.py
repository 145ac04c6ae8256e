"""REINFORCE: a policy gradient with a baseline through `fit` itself, returns as sample weights."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

ARMS, CONTEXT = 3, 4
rng = np.random.default_rng(308)
truth = rng.normal(size=(CONTEXT, ARMS))


class EntropyBonus(keras.losses.Loss):
    """Cross-entropy of the action that was taken, less a share of the policy's entropy."""

    def __init__(self, share=0.01, reduction="sum_over_batch_size", name="policy_gradient"):
        super().__init__(reduction=reduction, name=name)
        self.share = share

    def call(self, y_true, y_pred):
        taken = keras.ops.sparse_categorical_crossentropy(y_true[:, 0], y_pred, from_logits=True)
        log_p = keras.ops.log_softmax(y_pred, axis=-1)
        entropy = -keras.ops.sum(keras.ops.exp(log_p) * log_p, axis=-1)
        return taken - self.share * entropy

    def get_config(self):
        return {**super().get_config(), "share": self.share}


class Policy(keras.Model):
    def __init__(self, arms=ARMS, **kwargs):
        super().__init__(**kwargs)
        self.arms = arms
        self.body = keras.Sequential([layers.Dense(12, activation="tanh"), layers.Dense(arms)])

    def call(self, contexts):
        return self.body(contexts)

    def act(self, contexts, draws):
        logits = keras.ops.convert_to_numpy(self(contexts))
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        cumulative = np.cumsum(p / p.sum(axis=1, keepdims=True), axis=1)
        return np.minimum((draws[:, None] > cumulative).sum(axis=1), self.arms - 1)

    def get_config(self):
        return {**super().get_config(), "arms": self.arms}


policy = Policy()
policy(np.zeros((1, CONTEXT), "float32"))
equal_weights(policy)
policy.compile(keras.optimizers.SGD(0.3, momentum=0.5, nesterov=True), EntropyBonus())
losses, rewards, baseline = [], [], 0.0
for _ in range(30):
    contexts = rng.normal(size=(32, CONTEXT)).astype("float32")
    actions = policy.act(contexts, rng.random(32))
    reward = (contexts @ truth)[np.arange(32), actions]
    advantage = (reward - baseline).astype("float32")
    baseline = 0.9 * baseline + 0.1 * reward.mean()
    history = policy.fit(
        contexts,
        actions[:, None],
        sample_weight=advantage,
        batch_size=32,
        epochs=1,
        verbose=0,
        shuffle=False,
    )
    losses.append(history.history["loss"][0])
    rewards.append(reward.mean())
test = rng.normal(size=(40, CONTEXT)).astype("float32")
best = (test @ truth).argmax(axis=1)
logits = policy.predict(test, verbose=0)
result = {
    "losses": losses,
    "rewards": rewards,
    "baseline": baseline,
    "logits": logits,
    "right": float((logits.argmax(axis=1) == best).mean()),
}
saved = {"policy": (policy, test, best[:, None])}
