"""`model.top_losses`, and the one pass over examples below it: its logs are those of `evaluate`."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Input, Model, Sequential, Trainer, layers, losses, metrics
from jkeras.trainer.loop.parts import parts_of
from jkeras.trainer.reports.examined import examine
from jkeras.trainer.reports.output_kinds import Classes, Flags, Numbers, kind_of
from jkeras.training import make_train_state

ROWS = 21
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 4)).astype("float32")
IDS = RNG.integers(0, 3, ROWS)
FLAGS = RNG.integers(0, 2, ROWS)
STEPS = RNG.integers(1, 5, (ROWS, 6))
STEPS[:, 4:] = 0
STEPS[::2, 2:] = 0
TAGS = RNG.integers(0, 3, (ROWS, 6))


def whole_batch(y_true: Any, y_pred: Any) -> Any:
    return jnp.mean(jnp.square(y_true - y_pred))


class Case(NamedTuple):
    """A model with its loss, and what it predicts."""

    layers: Callable[[], list[Any]]
    loss: Any
    y: Any
    kind: type | None
    metrics: list[Any]
    x: np.ndarray = X


def dense(units: int, activation: str | None = None) -> Callable[[], list[Any]]:
    return lambda: [layers.Dense(units, activation=activation)]


def tagger() -> list[Any]:
    return [
        layers.Embedding(5, 3, mask_zero=True),
        layers.SimpleRNN(4, return_sequences=True),
        layers.Dense(3, activation="softmax"),
    ]


CASES = {
    "sparse": Case(
        dense(3, "softmax"), "sparse_categorical_crossentropy", IDS, Classes, ["accuracy"]
    ),
    "sparse_logits": Case(
        dense(3), losses.SparseCategoricalCrossentropy(from_logits=True), IDS, Classes, ["accuracy"]
    ),
    "ignored_class": Case(
        dense(3),
        losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0),
        IDS,
        Classes,
        [],
    ),
    "one_hot": Case(
        dense(3, "softmax"), "categorical_crossentropy", np.eye(3)[IDS], Classes, ["accuracy"]
    ),
    "by_shape": Case(dense(3, "softmax"), "crossentropy", IDS, Classes, []),
    "binary": Case(
        dense(1, "sigmoid"), "binary_crossentropy", FLAGS, Classes, ["accuracy", metrics.AUC()]
    ),
    "binary_logits": Case(
        dense(1), losses.BinaryCrossentropy(from_logits=True), FLAGS, Classes, []
    ),
    "hinge": Case(dense(1), "hinge", 2 * FLAGS - 1, Classes, []),
    "flags": Case(
        dense(3, "sigmoid"), "binary_crossentropy", RNG.integers(0, 2, (ROWS, 3)), Flags, []
    ),
    "numbers": Case(dense(2), "mse", X[:, :2], Numbers, ["mae"]),
    "one_number": Case(dense(1), "mae", X[:, 0], Numbers, ["mse"]),
    "one_hot_by_squares": Case(dense(3), "mse", np.eye(3)[IDS], Classes, []),
    "a_function": Case(dense(2), whole_batch, X[:, :2], Numbers, []),
    "region": Case(dense(1, "sigmoid"), "dice", FLAGS[:, None], Classes, []),
    "sequences": Case(
        tagger, "sparse_categorical_crossentropy", TAGS, Classes, ["accuracy"], STEPS
    ),
}


def made(case: Case) -> Sequential:
    model = Sequential(case.layers(), seed=0)
    model.compile("sgd", case.loss, metrics=case.metrics)
    return model


@pytest.mark.parametrize("name", CASES)
def test_one_pass_gives_what_evaluate_and_predict_give(name: str) -> None:
    case = CASES[name]
    model = made(case)
    examined = examine(parts_of(model), "report", case.x, case.y, batch_size=8)
    expected = model.evaluate(case.x, case.y, batch_size=8, verbose=0, return_dict=True)
    assert examined.results == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(
        examined.predictions, model.predict(case.x, batch_size=8, verbose=0), rtol=1e-5, atol=1e-6
    )
    (output,) = examined.outputs
    kind = kind_of(output)
    assert type(kind) is case.kind
    assert examined.losses is not None and examined.losses.shape == (ROWS,)
    if name not in ("sequences", "ignored_class", "region"):  # whose means are other ones
        assert float(examined.losses.mean()) == pytest.approx(expected["loss"], rel=1e-5)


@pytest.mark.parametrize("name", ["sparse_logits", "a_function", "region"])
def test_the_loss_of_an_example_is_that_of_an_evaluation_of_it_alone(name: str) -> None:
    case = CASES[name]
    model = made(case)
    top = model.top_losses(case.x, case.y, n=3)
    assert (np.diff(top.losses) <= 0).all()
    one = slice(top.indices[1], top.indices[1] + 1)
    alone = model.evaluate(case.x[one], case.y[one], verbose=0, return_dict=True)["loss"]
    assert float(top.losses[1]) == pytest.approx(alone, rel=1e-5, abs=1e-6)


def test_masked_steps_do_not_count() -> None:
    case = CASES["sequences"]
    model = made(case)
    top = model.top_losses(case.x, case.y, n=ROWS)
    for index, loss in zip(top.indices, top.losses, strict=True):
        real = case.x[index] != 0
        shares = model.predict(case.x[index : index + 1], verbose=0)[0][real]
        alone = -np.log(shares[np.arange(real.sum()), case.y[index][real]]).mean()
        assert float(loss) == pytest.approx(float(alone), rel=1e-4)
    examined = examine(parts_of(model), "report", case.x, case.y)
    kind = kind_of(examined.outputs[0])
    assert isinstance(kind, Classes)
    assert kind.true.tolist() == case.y[case.x != 0].tolist()


def test_an_ignored_class_is_left_out() -> None:
    case = CASES["ignored_class"]
    examined = examine(parts_of(made(case)), "report", case.x, case.y)
    kind = kind_of(examined.outputs[0])
    assert isinstance(kind, Classes) and kind.true.tolist() == IDS[IDS != 0].tolist()
    assert examined.losses is not None and not examined.losses[IDS == 0].any()


def test_classes_of_every_form_are_the_same() -> None:
    found = {}
    for name in ("sparse", "one_hot", "sparse_logits", "one_hot_by_squares"):
        case = CASES[name]
        kind = kind_of(examine(parts_of(made(case)), "report", case.x, case.y).outputs[0])
        assert isinstance(kind, Classes)
        found[name] = kind.true.tolist(), kind.predicted.tolist()
        assert (kind.confidence is None) == (name == "one_hot_by_squares")
    assert len({str(pair) for pair in found.values()}) == 1


def test_a_threshold_is_that_of_the_loss() -> None:
    for name, least in (("binary", 0.5), ("binary_logits", 0.0), ("hinge", 0.0)):
        case = CASES[name]
        examined = examine(parts_of(made(case)), "report", case.x, case.y)
        kind = kind_of(examined.outputs[0])
        assert isinstance(kind, Classes)
        assert kind.true.tolist() == FLAGS.tolist()
        assert kind.predicted.tolist() == (examined.predictions[:, 0] > least).tolist()


def test_of_sequences_of_other_lengths_the_losses_are_known_and_no_classes() -> None:
    model = made(Case(dense(5), "ctc", None, None, []))
    x, y = RNG.normal(size=(4, 6, 4)).astype("float32"), RNG.integers(1, 4, (4, 2))
    (output,) = examine(parts_of(model), "report", x, y).outputs
    assert kind_of(output) is None and output.losses is not None
    assert (output.losses > 0).all()


def two_outputs() -> Model:
    inputs = Input((4,), name="x")
    classes = layers.Dense(3, activation="softmax", name="classes")(inputs)
    number = layers.Dense(1, name="number")(inputs)
    model = Model(inputs, {"classes": classes, "number": number}, seed=0)
    model.compile(
        "sgd",
        {"classes": "sparse_categorical_crossentropy", "number": "mse"},
        loss_weights={"classes": 1.0, "number": 0.5},
        metrics={"classes": ["accuracy"]},
    )
    return model


def test_losses_of_several_outputs_are_summed_by_their_weights() -> None:
    model, y = two_outputs(), {"classes": IDS, "number": X[:, :1]}
    examined = examine(parts_of(model), "report", X, y)
    first, second = examined.outputs
    assert (first.name, second.name) == ("classes", "number")
    assert first.losses is not None and second.losses is not None
    np.testing.assert_allclose(examined.losses, first.losses + 0.5 * second.losses, rtol=1e-6)
    assert [type(kind_of(output)) for output in examined.outputs] == [Classes, Numbers]
    expected = model.evaluate(X, y, verbose=0, return_dict=True)
    assert examined.results == pytest.approx(expected, rel=1e-5)
    top = model.top_losses(X, y, n=2)
    assert {name: rows.shape for name, rows in top.predictions.items()} == {
        "classes": (2, 3), "number": (2, 1),
    }  # fmt: skip


def test_penalties_are_in_the_logs_and_not_in_the_losses_of_examples() -> None:
    model = Sequential(
        [layers.Dense(2, kernel_regularizer="l2", activity_regularizer="l2")], seed=0
    )
    model.compile("sgd", "mse")
    examined = examine(parts_of(model), "report", X, X[:, :2])
    expected = model.evaluate(X, X[:, :2], verbose=0)
    assert examined.results["loss"] == pytest.approx(expected, rel=1e-5)
    assert examined.losses is not None and examined.losses.mean() < expected


def test_batches_of_an_iterable_are_joined() -> None:
    model = made(CASES["sparse"])
    batches = [(X[i : i + 8], IDS[i : i + 8]) for i in range(0, ROWS, 8)]
    top, other = model.top_losses(iter(batches), n=5), model.top_losses(X, IDS, n=5)
    assert top.indices.tolist() == other.indices.tolist()


def test_sample_weights_change_the_logs_alone() -> None:
    model = made(CASES["numbers"])
    weight = np.arange(ROWS, dtype=np.float32)
    plain, weighted = (examine(parts_of(model), "report", X, X[:, :2], w) for w in (None, weight))
    expected = model.evaluate(X, X[:, :2], sample_weight=weight, verbose=0, return_dict=True)
    assert weighted.results == pytest.approx(expected, rel=1e-5)
    np.testing.assert_array_equal(plain.losses, weighted.losses)


def test_a_step_of_your_own_has_its_logs_and_no_losses() -> None:
    def init(key: Any, x: Any) -> Any:
        return make_train_state(key, {"w": jnp.zeros((4, 1))})

    trainer = Trainer(
        train_step=lambda train_state, batch: (train_state, {"loss": jnp.zeros(())}),
        init=init,
        eval_step=lambda params, state, batch: {"mine": jnp.mean(batch.y)},
        predict_step=lambda params, state, batch: batch.x @ params["w"],
    )
    examined = examine(parts_of(trainer), "report", X, X[:, :1])
    assert examined.results == pytest.approx({"mine": float(X[:, 0].mean())}, rel=1e-5)
    assert examined.losses is None and examined.predictions.shape == (ROWS, 1)


def test_a_second_pass_traces_nothing() -> None:
    traces = []

    class Counted(layers.Layer):
        def call(self, x: Any) -> Any:
            traces.append(x.shape)
            return x

    model = Sequential([Counted(), layers.Dense(2)], seed=0)
    model.compile("sgd", "mse")
    model.top_losses(X, X[:, :2])
    before = len(traces)
    model.top_losses(X, X[:, :2])
    assert len(traces) == before > 0
