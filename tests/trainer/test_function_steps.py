"""A user's own steps, in everything that a trainer does around them.

Laws:
- A step of one's own that does what `make_train_step` does gives the numbers of a compiled model.
- How an epoch is cut into dispatches changes no bit; a partial last batch comes as it is.
- Logs of an epoch are means over examples.
- What a step returns is checked before anything is trained.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jkeras
from jkeras import Trainer, layers
from jkeras.callbacks import EarlyStopping, LambdaCallback
from jkeras.models import Chain
from jkeras.training import TrainState, make_init, make_train_state, make_train_step, step_key

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)).astype("float32")
Y = (X @ np.array([1.0, -2.0, 0.5])).astype("float32")
SGD = optax.sgd(0.1)


def init(key: Any, x: Any) -> TrainState:
    params = {"w": 0.1 * jax.random.normal(key, x.shape[1:])}
    return make_train_state(key, params, opt_state=SGD.init(params))


def loss_of(params: Any, batch: Any) -> Any:
    return jnp.mean(jnp.square(batch.x @ params["w"] - batch.y))


def train_step(train_state: TrainState, batch: Any) -> Any:
    loss, grads = jax.value_and_grad(loss_of)(train_state.params, batch)
    updates, opt_state = SGD.update(grads, train_state.opt_state)
    params = optax.apply_updates(train_state.params, updates)
    noise = jax.random.normal(step_key(train_state))
    return train_state.replace(params=params, opt_state=opt_state), {"noise": noise, "loss": loss}


def eval_step(params: Any, state: Any, batch: Any) -> Any:
    del state
    return {"loss": loss_of(params, batch), "largest": jnp.max(batch.y)}


def predict_step(params: Any, state: Any, batch: Any) -> Any:
    del state
    return batch.x @ params["w"]


def trainer_of(**changes: Any) -> Trainer:
    functions = {
        "train_step": train_step,
        "init": init,
        "eval_step": eval_step,
        "predict_step": predict_step,
    }
    return Trainer(**{**functions, **changes}, seed=3, name="own")


def test_everything_around_a_step_works(capsys: Any) -> None:
    trainer = trainer_of()
    seen: list[Any] = []
    history = trainer.fit(
        X,
        Y,
        batch_size=8,
        epochs=4,
        validation_split=0.25,
        callbacks=[
            LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(sorted(logs))),
            EarlyStopping("val_loss", patience=3),
        ],
    )
    assert list(history.history) == ["loss", "noise", "val_largest", "val_loss"]
    assert history.history["val_loss"][-1] < history.history["val_loss"][0]
    assert seen == [["loss", "noise"]] * 8
    assert "val_loss: " in capsys.readouterr().out
    loss, largest = trainer.evaluate(X, Y, batch_size=8, verbose=0)
    predicted = trainer.predict(X, verbose=0)
    assert loss == pytest.approx(np.square(predicted - Y).mean(), rel=1e-5)
    parts = [Y[:8].max() * 8, Y[8:16].max() * 8, Y[16:].max() * 4]
    assert largest == pytest.approx(sum(parts) / 20, rel=1e-5)
    np.testing.assert_allclose(trainer(X), predicted, rtol=1e-5)
    assert trainer.metrics_names == ["loss", "largest"]
    first = trainer.train_on_batch(X, Y, return_dict=True)
    assert set(first) == {"loss", "noise"} and len(trainer.test_on_batch(X, Y)) == 2
    assert trainer.count_params() == 3 and int(trainer.train_state.step) == 9
    trainer.explain()
    trainer.summary()


def test_how_an_epoch_is_cut_changes_nothing() -> None:
    results = []
    for options in ({"steps_per_execution": 1}, {}, {"engine": "streaming"}):
        trainer = trainer_of()
        trainer.compile(**options)
        history = trainer.fit(X[:12], Y[:12], batch_size=8, epochs=2, verbose=0).history
        results.append((trainer.params["w"], *history["noise"], *history["loss"]))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
    noise = [float(value) for value in results[0][1:3]]
    assert noise[0] != noise[1]


def test_a_step_can_be_stepped_through() -> None:
    seen: list[Any] = []

    def step(train_state: TrainState, batch: Any) -> Any:
        seen.append(batch.x)
        return train_state, {"loss": loss_of(train_state.params, batch)}

    trainer = trainer_of(train_step=step)
    trainer.compile(run_eagerly=True)
    loss = trainer.fit(X[:4], Y[:4], shuffle=False, verbose=0).history["loss"][0]
    np.testing.assert_array_equal(seen[-1], X[:4])  # an array, no tracer
    assert loss == pytest.approx(np.square(trainer.predict(X[:4], verbose=0) - Y[:4]).mean())


def test_a_step_of_the_library_gives_the_numbers_of_a_compiled_model() -> None:
    net = Chain([layers.Dropout(0.2), layers.Dense(1)])
    told = {"loss": "mse", "optimizer": "sgd"}
    model = Trainer(net, seed=3)
    model.compile(**told)
    own = Trainer(train_step=make_train_step(net, **told), init=make_init(net, **told), seed=3)
    fits = [t.fit(X, Y[:, None], batch_size=10, epochs=2, verbose=0).history for t in (model, own)]
    np.testing.assert_allclose(fits[0]["loss"], fits[1]["loss"], rtol=1e-5)
    for a, b in zip(jax.tree.leaves(model.params), jax.tree.leaves(own.params), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_a_net_gives_values_and_predictions() -> None:
    net = Chain([layers.Dense(1, name="dense")])

    def step(train_state: TrainState, batch: Any) -> Any:
        def loss(params: Any) -> Any:
            outputs, _ = net.apply(params, train_state.state, *batch.inputs, training=True)
            return jnp.mean(jnp.square(outputs - batch.y))

        value, grads = jax.value_and_grad(loss)(train_state.params)
        updates, opt_state = SGD.update(grads, train_state.opt_state)
        params = optax.apply_updates(train_state.params, updates)
        return train_state.replace(params=params, opt_state=opt_state), {"loss": value}

    trainer = Trainer(net, train_step=step, seed=0)
    trainer.compile(optimizer=SGD)
    losses = trainer.fit(X, Y[:, None], batch_size=10, epochs=3, verbose=0).history["loss"]
    assert losses[2] < losses[0]
    assert trainer.predict(X, verbose=0).shape == (20, 1)
    assert trainer.get_layer("dense").units == 1
    assert jax.tree.structure(trainer.train_state.opt_state) == jax.tree.structure(SGD.init(0.0))


def test_params_alone_are_enough() -> None:
    def step(train_state: TrainState, batch: Any) -> Any:
        return train_state.replace(params={"n": train_state.params["n"] + 1}), {"n": len(batch.x)}

    trainer = Trainer(train_step=step, init=lambda key: {"n": 0}, seed=0)
    logs = trainer.fit(X, batch_size=8, epochs=1, verbose=0).history
    assert int(trainer.params["n"]) == 3 and logs == {"n": [pytest.approx((8 * 16 + 4 * 4) / 20)]}


def test_what_is_not_known_is_said(capsys: Any) -> None:
    trainer = Trainer(train_step=train_step, init=init, seed=0)
    assert repr(trainer) == "<Trainer 'trainer': train_step, init>"
    trainer.build((None, 3))
    trainer.summary(line_length=60)
    assert "trainer (Functions)" in capsys.readouterr().out
    assert trainer.metrics == trainer.metrics_names == [] and trainer.optimizer is None
    with pytest.raises(AttributeError, match="does not tell its learning rate"):
        _ = trainer.learning_rate
    empty = optax.EmptyState()
    assert make_train_state(jax.random.key(0), {}, opt_state=empty).opt_state == empty


def stepping(result: Any) -> Any:
    """A step that returns something made from the state and the loss."""
    return lambda state, batch: result(state, jnp.mean(batch.x))


def fitted(step: Any = train_step, **options: Any) -> None:
    trainer_of(train_step=step, **options).fit(X, Y, verbose=0)


def compiled(**told: Any) -> None:
    trainer_of().compile(**told)


def frozen() -> None:
    trainer = trainer_of()
    trainer.build((None, 3))
    trainer.freeze("w")
    trainer.fit(X, Y, verbose=0)


WRONG = {
    "nothing": (
        lambda: Trainer(),
        TypeError,
        "Trainer: expected a `net`, or `train_step` and `init`, got neither.",
    ),
    "no_init": (
        lambda: Trainer(train_step=train_step),
        TypeError,
        "Trainer: expected a `net`, or `init` beside `train_step`: a function (key, *specs) -> "
        "params, or a train state made by jkeras.training.make_train_state.",
    ),
    "no_train_step": (
        lambda: Trainer(eval_step=eval_step),
        TypeError,
        "Trainer: `eval_step`: expected a `train_step` beside it, got none.",
    ),
    "no_function": (
        lambda: Trainer(train_step="step", init=init),
        TypeError,
        "Trainer: `train_step`: expected a function, got 'step' (str).",
    ),
    "misspelt": (
        lambda: Trainer(trian_step=train_step),
        TypeError,
        "Trainer: unexpected argument `trian_step`. Did you mean 'train_step'? Arguments: net, "
        "seed, name, train_step, init, eval_step, predict_step, "
        "distribution.",
    ),
    "loss_in_compile": (
        lambda: compiled(loss="mse"),
        ValueError,
        "Trainer 'own': compile: expected no `loss`, because `train_step` is the trainer's own. "
        "Compute it there, and return it in the logs or in `opt_state`.",
    ),
    "optimizer_in_compile": (
        lambda: compiled(optimizer="adam"),
        ValueError,
        "Trainer 'own': compile: expected no `optimizer`, because `train_step` is the trainer's "
        "own. Compute it there, and return it in the logs or in `opt_state`.",
    ),
    "init_returns_a_pair": (
        lambda: fitted(init=lambda key, x: ({"w": jnp.zeros(3)}, {})),
        TypeError,
        "`init`: expected params, or a TrainState made by jkeras.training.make_train_state(key, "
        "params, opt_state=...), got ({'w': Array([0., 0., 0.], dtype=float32)}, {}) (tuple).",
    ),
    "state_alone": (
        lambda: fitted(stepping(lambda state, loss: state)),
        TypeError,
        "fit: `train_step`: expected (train_state, logs), got TrainState. Return "
        "train_state.replace(params=params, opt_state=opt_state), {'loss': loss}.",
    ),
    "logs_as_number": (
        lambda: fitted(stepping(lambda state, loss: (state, loss))),
        TypeError,
        "fit: `train_step`: expected logs as a dict of names and scalars, got an array of shape "
        "(). Write {'loss': loss}.",
    ),
    "logs_of_examples": (
        lambda: fitted(stepping(lambda state, loss: (state, {"loss": jnp.stack([loss] * 2)}))),
        TypeError,
        "fit: `train_step`: expected a scalar for each log, got shape (2,) for 'loss'. Take the "
        "mean over the batch: value.mean().",
    ),
    "params_of_another_shape": (
        lambda: fitted(stepping(lambda s, loss: (s.replace(params={"w": loss}), {}))),
        ValueError,
        "fit: `train_step`: expected params/w as it was, float32[3], got float32[].",
    ),
    "params_lost": (
        lambda: fitted(stepping(lambda s, loss: (s.replace(params={}), {}))),
        ValueError,
        "fit: `train_step`: expected params/w as it was, float32[3], got nothing.",
    ),
    "no_eval_step": (
        lambda: trainer_of(eval_step=None).fit(X, Y, validation_split=0.5, verbose=0),
        ValueError,
        "fit: `validation_data`: expected a trainer with `eval_step`, got none. Give it beside "
        "`train_step`: Trainer(..., eval_step=function), where function(params, state, batch) -> "
        "logs.",
    ),
    "no_predict_step": (
        lambda: trainer_of(predict_step=None).predict_on_batch(X),
        ValueError,
        "predict: expected a trainer with `predict_step`, got none. Give it beside `train_step`: "
        "Trainer(..., predict_step=function), where function(params, state, batch) -> outputs.",
    ),
    "frozen": (
        frozen,
        ValueError,
        "Trainer 'own': expected no frozen weights, because `train_step` is the trainer's own and "
        "does not know them. Set their gradients to zero there.",
    ),
}


@pytest.mark.filterwarnings("ignore:.*before the model was built")
@pytest.mark.parametrize("name", WRONG)
def test_wrong_use(name: str) -> None:
    use, kind, message = WRONG[name]
    with pytest.raises(kind) as caught:
        use()
    assert str(caught.value) == message


def test_a_refused_compile_changes_nothing() -> None:
    trainer = trainer_of()
    trainer.compile(steps_per_execution=2)
    with pytest.raises(ValueError, match="expected no `loss`"):
        trainer.compile(loss="mse")
    assert np.isfinite(trainer.fit(X, Y, verbose=0).history["loss"][0])
    assert isinstance(trainer, jkeras.Trainer)
