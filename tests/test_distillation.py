"""Distillation: Keras's losses, and a student that learns of its teacher."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.distillation import Distiller, FeatureDistillation, LogitsDistillation

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")
LOSS = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _model(width: int, name: str) -> Any:
    inputs = jkeras.Input((4,))
    hidden = layers.Dense(width, activation="relu", name="hidden")(inputs)
    features = layers.Dense(3, name="features")(hidden)
    return jkeras.Model(inputs, layers.Dense(2, name="logits")(features), name=name)


def test_losses_are_those_of_the_definition() -> None:
    teacher, student = jnp.array([[2.0, 0.0]]), jnp.array([[0.5, 1.0]])
    p = np.exp([1.0, 0.0]) / np.exp([1.0, 0.0]).sum()
    q = np.exp([0.25, 0.5]) / np.exp([0.25, 0.5]).sum()
    wanted = np.sum(p * np.log(p / q)) * 4
    found = LogitsDistillation(temperature=2.0).compute_loss(teacher, student)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    squares = FeatureDistillation().compute_loss(teacher, student)
    np.testing.assert_allclose(squares, (1.5**2 + 1) / 2, rtol=1e-6)
    some = LogitsDistillation(loss=["mse", None])
    np.testing.assert_allclose(
        some.compute_loss([teacher, teacher], [student, student]), (0.25 + 1 / 9) / 2, rtol=1e-5
    )


def test_the_student_comes_near_the_teacher_and_the_teacher_stays(tmp_path: Any) -> None:
    jkeras.utils.set_random_seed(0)
    teacher, student = _model(16, "teacher"), _model(4, "student")
    rules = [LogitsDistillation(), FeatureDistillation("mse", "features", "features")]
    distiller = Distiller(teacher, student, rules, [1.0, 0.5], student_loss_weight=0.1)
    distiller.compile(jkeras.optimizers.Adam(0.02), LOSS, metrics=["accuracy"])
    before = [weight.numpy() for weight in teacher.weights]
    logs = distiller.fit(X, Y, epochs=30, batch_size=8, verbose=0).history
    assert {"loss", "student_loss", "distillation_loss", "accuracy"} <= set(logs)
    np.testing.assert_allclose(
        np.array(logs["total_loss"]),
        0.1 * np.array(logs["student_loss"]) + 0.9 * np.array(logs["distillation_loss"]),
        rtol=1e-4,
    )
    assert logs["distillation_loss"][-1] < logs["distillation_loss"][0] / 2
    assert all(np.array_equal(w.numpy(), b) for w, b in zip(teacher.weights, before, strict=True))
    np.testing.assert_array_equal(
        distiller.predict(X, verbose=0), distiller.student.predict(X, verbose=0)
    )
    copy = Distiller.from_config(distiller.get_config())
    assert copy.distillation_losses == rules and copy.distillation_loss_weights == [1.0, 0.5]
    distiller.student.save(tmp_path / "small.keras")


def _two_outputs(name: str) -> Any:
    inputs = jkeras.Input((4,))
    hidden = layers.Dense(3, name="hidden")(inputs)
    outputs = {key: layers.Dense(2, name=key)(hidden) for key in ("b", "a")}
    return jkeras.Model(inputs, outputs, name=name)


def test_losses_in_a_dict_belong_to_the_outputs_of_their_names() -> None:
    teacher, student = _two_outputs("teacher"), _two_outputs("student")
    theirs, mine = (model.predict(X, verbose=0) for model in (teacher, student))
    rules = [
        LogitsDistillation(2.0, {"b": "mse", "a": None}),
        FeatureDistillation("mse", *["hidden"] * 2),
    ]
    distiller = Distiller(teacher, student, rules, [1.0, 0.0], student_loss_weight=0.5)
    distiller.compile("sgd", {"b": "mse", "a": "mae"})
    targets = {"b": np.full((32, 2), 5.0), "a": np.zeros((32, 2))}
    weights = {"b": np.full(32, 2.0), "a": np.ones(32)}
    logs = distiller.evaluate(X, targets, sample_weight=weights, verbose=0, return_dict=True)
    np.testing.assert_allclose(
        logs["student_loss"],
        2 * np.mean((mine["b"] - 5) ** 2) + np.mean(np.abs(mine["a"])),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        logs["distillation_loss"], np.mean((theirs["b"] - mine["b"]) ** 2) / 4, rtol=1e-5
    )
    distiller.compile("sgd", {"b": "mse", "c": "mae"})
    with pytest.raises(
        ValueError,
        match="a loss for each output and its target, 'a', 'b', got 'b', 'c'",
    ):
        distiller.evaluate(X, targets, verbose=0)
    distiller.compile("sgd", "mse")
    with pytest.raises(ValueError, match="its target, 'a', 'b', got a single one"):
        distiller.evaluate(X, targets, verbose=0)


def test_wrong_use_is_refused() -> None:
    teacher, student = _model(4, "teacher"), _model(2, "student")
    with pytest.raises(ValueError, match="`teacher`: expected a model"):
        Distiller(None, student, LogitsDistillation())
    with pytest.raises(ValueError, match="expected outputs of the same shapes"):
        Distiller(
            teacher,
            jkeras.Sequential([jkeras.Input((4,)), layers.Dense(3)]),
            LogitsDistillation(),
        )
    with pytest.raises(ValueError, match="`student_loss_weight`: expected a number from 0 to 1"):
        Distiller(teacher, student, LogitsDistillation(), student_loss_weight=2)
    with pytest.raises(ValueError, match="expected 1, one for each loss, got 2"):
        Distiller(teacher, student, [LogitsDistillation()], [1.0, 2.0])
    with pytest.raises(TypeError) as caught:
        Distiller(teacher, student, "mse")
    assert str(caught.value) == (
        "Distiller 'distiller': `distillation_losses`: expected objects of DistillationLoss, got "
        "'mse' (str). A loss by name goes into one: LogitsDistillation(loss='mse')."
    )
    with pytest.raises(TypeError, match=r"Make one: LogitsDistillation\(\)"):
        Distiller(teacher, student, [LogitsDistillation])
    with pytest.raises(ValueError, match="expected at least one loss, got none"):
        Distiller(teacher, student, [])
    with pytest.raises(TypeError, match=r"expected a list of numbers, got 0\.5"):
        Distiller(teacher, student, LogitsDistillation(), 0.5)
    with pytest.raises(ValueError, match="expected finite numbers, got nan"):
        Distiller(teacher, student, LogitsDistillation(), [float("nan")])
    with pytest.raises(ValueError, match="the teacher has no outputs of 'nowhere'"):
        Distiller(teacher, student, FeatureDistillation("mse", "nowhere", "hidden"))
    with pytest.raises(ValueError, match="expected a number above 0, got 0"):
        LogitsDistillation(temperature=0)
    with pytest.raises(ValueError, match="expected at least one loss"):
        LogitsDistillation(loss=None)
    with pytest.raises(ValueError, match="expected a `loss` of the labels"):
        Distiller(teacher, student, LogitsDistillation()).compile("adam")


def test_a_file_is_loaded_as_it_was_compiled(tmp_path: Any) -> None:
    distiller = Distiller(_model(4, "teacher"), _model(2, "student"), LogitsDistillation(), [0.5])
    assert distiller.distillation_loss_weights == [0.5]
    distiller.compile("sgd", LOSS, metrics=["accuracy"])
    targets = np.zeros(len(X), "int32")
    distiller.fit(X, targets, verbose=0)
    distiller.save(tmp_path / "d.keras")
    loaded = jkeras.models.load_model(tmp_path / "d.keras")  # warnings are errors here
    assert loaded.evaluate(X, targets, verbose=0) == distiller.evaluate(X, targets, verbose=0)
    for one in (loaded, distiller):
        one.fit(X, targets, shuffle=False, verbose=0)
    for mine, other in zip(loaded.get_weights(), distiller.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-6)
