"""Wrong uses of what finds rates, rehearses, and logs: the whole message, before any training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import optax
import pytest

import jkeras
from jkeras import callbacks as C
from jkeras import layers
from jkeras.optimizers import SGD, Adam, MultiOptimizer, OptimizerMap
from jkeras.trainer.loop import dispatch as engine
from tests.kinds import kind_raised

X = np.ones((8, 4), np.float32)
Y = np.zeros((8, 1), np.float32)


class Wrong(NamedTuple):
    """A wrong use, and the error it gets."""

    name: str
    use: Callable[[], Any]
    kind: type[Exception]
    message: str


def model(optimizer: Any = "sgd") -> jkeras.Sequential:
    made = jkeras.Sequential([jkeras.Input((4,)), layers.Dense(1)], seed=0, name="net")
    if optimizer is not None:
        made.compile(optimizer, "mse")
    return made


def several() -> MultiOptimizer:
    return MultiOptimizer(OptimizerMap(Adam(0.1), {".*kernel": SGD(0.1)}))


def find(optimizer: Any = "sgd", **arguments: Any) -> Callable[[], Any]:
    return lambda: model(optimizer).lr_find(X, Y, **arguments)


def fit(**arguments: Any) -> Callable[[], Any]:
    return lambda: model().fit(X, Y, verbose=0, **arguments)


ONE_RATE = (
    "Use an optimizer of jkeras.optimizers, or build optax's with its rate in the state: "
    "optax.inject_hyperparams(optax.adam)(learning_rate=0.001)."
)

ERRORS = [
    Wrong(
        "not_compiled",
        find(None),
        ValueError,
        "Sequential 'net': `lr_find` needs a compiled model. Call compile(optimizer='adam', "
        "loss='mse') first.",
    ),
    Wrong(
        "no_data",
        lambda: model().lr_find(None),
        ValueError,
        "lr_find: expected `x`, got None. Pass an array or an iterable of batches.",
    ),
    Wrong(
        "min_rate_zero",
        find(min_rate=0),
        ValueError,
        "lr_find: `min_rate`: expected a number above 0, got 0.",
    ),
    Wrong(
        "max_rate_word",
        find(max_rate="high"),
        TypeError,
        "lr_find: `max_rate`: expected a number, got 'high' (str).",
    ),
    Wrong(
        "rates_exchanged",
        find(min_rate=1.0, max_rate=0.1),
        ValueError,
        "lr_find: expected `min_rate` below `max_rate`, got 1.0 and 0.1.",
    ),
    Wrong(
        "one_step",
        find(steps=1),
        ValueError,
        "lr_find: `steps`: expected at least 2, got 1.",
    ),
    Wrong(
        "steps_a_share",
        find(steps=0.5),
        TypeError,
        "lr_find: `steps`: expected a positive integer, got 0.5 (float).",
    ),
    Wrong(
        "stop_factor_below_one",
        find(stop_factor=0.5),
        ValueError,
        "lr_find: `stop_factor`: expected a number above 1, or None to go on to the last rate, got "
        "0.5.",
    ),
    Wrong(
        "smoothing_one",
        find(smoothing=1.0),
        ValueError,
        "lr_find: `smoothing`: expected a number in [0, 1), got 1.0.",
    ),
    Wrong(
        "smoothing_none",
        find(smoothing=None),
        TypeError,
        "lr_find: `smoothing`: expected a number, got None (NoneType).",
    ),
    Wrong(
        "misspelt",
        find(max_lr=1.0),
        TypeError,
        "lr_find: unexpected argument `max_lr`. Did you mean 'max_rate'? Arguments: x, y, "
        "batch_size, sample_weight, class_weight, shuffle, min_rate, max_rate, steps, stop_factor, "
        "smoothing.",
    ),
    Wrong(
        "several_optimizers",
        find(several()),
        ValueError,
        "lr_find: expected an optimizer state with one learning rate, got 2. Set each one in its "
        "own part of the state.",
    ),
    Wrong(
        "optax_without_a_rate",
        find(optax.sgd(0.1)),
        ValueError,
        "lr_find: expected an optimizer state that holds its learning rate, got one that holds "
        f"none. {ONE_RATE}",
    ),
    Wrong(
        "rehearsal_word",
        fit(fast_dev_run="yes"),
        TypeError,
        "fit: `fast_dev_run`: expected True, False or a number of batches, got 'yes' (str).",
    ),
    Wrong(
        "rehearsal_negative",
        fit(fast_dev_run=-1),
        ValueError,
        "fit: `fast_dev_run`: expected True, False or a number of batches, got -1.",
    ),
    Wrong(
        "overfit_zero",
        fit(overfit_batches=0),
        ValueError,
        "fit: `overfit_batches`: expected a positive integer, got 0.",
    ),
    Wrong(
        "overfit_share",
        fit(overfit_batches=0.1),
        TypeError,
        "fit: `overfit_batches`: expected a positive integer, got 0.1 (float).",
    ),
    Wrong(
        "both",
        fit(fast_dev_run=True, overfit_batches=2),
        ValueError,
        "fit: `fast_dev_run` and `overfit_batches` exclude each other: the first trains for one "
        "epoch and takes it back, the second trains until the batches are known by heart. Pass one "
        "of them.",
    ),
    Wrong(
        "rehearsal_resumed",
        fit(fast_dev_run=True, resume_from="backup"),
        ValueError,
        "fit: `fast_dev_run` and `resume_from` exclude each other: nothing of a rehearsal stays. "
        "Leave `fast_dev_run` out to go on with the run.",
    ),
    Wrong(
        "overfit_beyond_the_epoch",
        fit(overfit_batches=3, steps_per_epoch=2),
        ValueError,
        "fit: `overfit_batches`: expected at most `steps_per_epoch`, 2, got 3. Leave "
        "`steps_per_epoch` out: an epoch has all of these batches.",
    ),
    Wrong(
        "wandb_mode",
        lambda: C.WandbLogger(mode="ofline"),
        ValueError,
        "WandbLogger: `mode`: expected one of ['online', 'offline', 'disabled', 'shared'], got "
        "'ofline'. Did you mean 'offline'?",
    ),
    Wrong(
        "wandb_config",
        lambda: C.WandbLogger(config=[1]),  # type: ignore[arg-type]
        TypeError,
        "WandbLogger: `config`: expected a dict of hyper-parameters, got [1] (list).",
    ),
    Wrong(
        "wandb_project",
        lambda: C.WandbLogger(project=""),
        TypeError,
        "WandbLogger: `project`: expected a name, got '' (str).",
    ),
    Wrong(
        "wandb_log_every",
        lambda: C.WandbLogger(log_every="batch"),  # type: ignore[arg-type]
        ValueError,
        "WandbLogger: `log_every`: expected 'epoch' or a number of batches of at least 1, got "
        "'batch'.",
    ),
    Wrong(
        "mlflow_log_every",
        lambda: C.MLflowLogger(log_every=0),
        ValueError,
        "MLflowLogger: `log_every`: expected 'epoch' or a number of batches of at least 1, got 0.",
    ),
    Wrong(
        "mlflow_experiment",
        lambda: C.MLflowLogger(experiment=7),  # type: ignore[arg-type]
        TypeError,
        "MLflowLogger: `experiment`: expected a name, got 7 (int).",
    ),
    Wrong(
        "mlflow_save_model",
        lambda: C.MLflowLogger(save_model="m.keras"),  # type: ignore[arg-type]
        TypeError,
        "MLflowLogger: `save_model`: expected True or False, got 'm.keras' (str).",
    ),
    Wrong(
        "hparams_list",
        lambda: C.TensorBoard("logs", hparams=["lr"]),  # type: ignore[arg-type]
        TypeError,
        "TensorBoard: `hparams`: expected a dict of numbers and words, or True, got ['lr'] (list).",
    ),
    Wrong(
        "images_shape",
        lambda: C.TensorBoardImages("logs", np.zeros((8, 8))),
        ValueError,
        "TensorBoardImages: `images`: expected images [n, height, width] or [n, height, width, "
        "channels] with 1, 3 or 4 channels, got shape (8, 8). For one image write image[None].",
    ),
    Wrong(
        "images_words",
        lambda: C.TensorBoardImages("logs", ["a.png"]),
        TypeError,
        "TensorBoardImages: `images`: expected images, a figure, or a function of the model, got "
        "['a.png'] (list).",
    ),
    Wrong(
        "images_freq",
        lambda: C.TensorBoardImages("logs", np.zeros((1, 8, 8)), freq=0),
        ValueError,
        "TensorBoardImages: `freq`: expected a positive integer, got 0 (int).",
    ),
]


@pytest.mark.parametrize("wrong", ERRORS, ids=lambda wrong: wrong.name)
def test_a_wrong_use_raises_the_whole_message(
    wrong: Wrong, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("training started")

    monkeypatch.setattr(engine, "train", start)
    with pytest.raises(wrong.kind) as caught:
        wrong.use()
    assert isinstance(caught.value, kind_raised(wrong.kind))
    assert str(caught.value) == wrong.message


class TwoOptimizers(jkeras.Model):
    """A step like that of a GAN: optimizers of its own, and no `loss` in the logs unless told."""

    def __init__(self, name_of_loss: str) -> None:
        super().__init__(seed=0)
        self.dense, self.name_of_loss = layers.Dense(1), name_of_loss

    def call(self, x: Any) -> Any:
        return self.dense(x)

    def train_step(self, state: Any, data: Any) -> Any:
        x, y = data
        loss = ((self.stateless_call(state[0], state[1], x)[0] - y) ** 2).mean()
        return {self.name_of_loss: loss}, state


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "d_loss",
            "lr_find: expected steps that log `loss`, got d_loss. Search with a model that is "
            "trained by one loss and one optimizer, or log the loss in `train_step`.",
        ),
        (
            "loss",
            "lr_find: expected steps that use the optimizer of `compile`, and its count of updates "
            "stayed as it was: `train_step` has optimizers of its own. Search with a model that is "
            "trained by one loss and one optimizer.",
        ),
    ],
)
def test_steps_with_optimizers_of_their_own_are_refused(name: str, message: str) -> None:
    model = TwoOptimizers(name)
    model.compile("adam", "mse")
    with pytest.raises(ValueError) as caught:
        model.lr_find(X, Y, steps=3)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "package"), [("WandbLogger", "wandb"), ("MLflowLogger", "mlflow")]
)
def test_a_missing_package_is_told_before_training(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else find_spec(name)
    )
    with pytest.raises(ImportError) as caught:
        getattr(C, name)()
    assert str(caught.value) == (
        f"{name} needs {package}, which is not installed: pip install 'jkeras[{package}]'"
    )
