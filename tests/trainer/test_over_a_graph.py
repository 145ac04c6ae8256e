"""Models made of inputs and outputs whose class has a `call` of its own; nested summaries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers

X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(8, 3)
ONES = np.ones((8, 2), np.float32)


class Twice(jkeras.Model):
    """Twice what its graph gives."""

    def call(self, x: Any, training: Any = None) -> Any:
        return super().call(x, training=training) * 2


class WithHead(jkeras.Model):
    """A layer behind its graph."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.head = layers.Dense(2)

    def call(self, x: Any) -> Any:
        return self.head(super().call(x))


def of_dense(kind: Any, units: int) -> Any:
    x = jkeras.Input((3,))
    return kind(x, layers.Dense(units)(layers.Dropout(0.0)(x)))


@pytest.mark.parametrize(
    ("model", "losses", "total"),
    [
        (of_dense(Twice, 2), [4.99384, 4.21457], 6.24477),
        (of_dense(WithHead, 4), [2.77868, 2.25563], 26.55825),
    ],
    ids=["scaled", "with a layer more"],
)
def test_super_call_is_the_graph(model: Any, losses: list[float], total: float) -> None:
    """Losses and the sum of outputs of the same classes in Keras 3.15.1, from weights that are
    ramps from -1 to 1.
    """
    ramps = [np.linspace(-1, 1, w.size).reshape(w.shape) for w in model.get_weights()]
    model.set_weights(ramps)
    model.compile("sgd", "mse")
    history = model.fit(X, ONES, batch_size=4, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-5)
    np.testing.assert_allclose(model.predict(X, verbose=0).sum(), total, rtol=1e-5)
    assert [layer.name for layer in model.layers][:3] == ["input_layer", "dropout", "dense"]
    assert model.output_shape == (None, len(ramps[1])) and model.get_layer("dropout").rate == 0


def test_a_model_of_its_graph_alone_has_no_call_above() -> None:
    class Alone(jkeras.Model):
        def call(self, x: Any) -> Any:
            return super().call(x)

    assert not hasattr(jkeras.Model, "call") and not hasattr(Alone(), "nothing")
    with pytest.raises(AttributeError) as caught:
        Alone()(X)
    assert str(caught.value).partition("\n")[0] == (
        "Alone has no `super().call`: it was made without inputs and outputs. Call its layers."
    )


class Inner(jkeras.Model):
    """Two layers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.a, self.b = layers.Dense(4), layers.Dense(2)

    def call(self, x: Any) -> Any:
        return self.b(self.a(x))


class Outer(jkeras.Model):
    """A written model and a row in a written model."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Inner(name="inner")
        self.row = jkeras.Sequential([layers.Dense(5)], name="row")

    def call(self, x: Any) -> Any:
        return self.row(self.inner(x))


IN_INNER = [("dense", "(None, 4)", "16"), ("dense_1", "(None, 2)", "10")]


@pytest.mark.parametrize(
    ("make", "rows"),
    [
        (
            Outer,
            [
                ("inner", "(None, 2)", "26"),
                *IN_INNER,
                ("row", "(None, 5)", "15"),
                ("dense", "(None, 5)", "15"),
            ],
        ),
        (
            lambda: jkeras.Sequential([jkeras.Input((3,)), Inner(name="inner")]),
            [("inner", "(None, 2)", "26"), *IN_INNER],
        ),
    ],
    ids=["written", "in a row"],
)
def test_a_nested_summary_shows_the_layers_of_written_models(make: Any, rows: Any) -> None:
    model, lines = make(), []
    model.build((None, 3))
    model.summary(expand_nested=True, print_fn=lines.append)
    cells = [[c.strip(" └") for c in line.split("│")[1:-1]] for line in lines[0].splitlines()]
    found = [(name.partition(" ")[0], *rest) for name, *rest in (row for row in cells if row)]
    assert found == rows


def logs(self: Any, state: Any, data: Any) -> Any:
    """The sum of a batch's inputs, and the state as it was."""
    return {"sum": data[0].sum()}, state


def test_a_test_step_or_a_predict_step_alone_is_used() -> None:
    model = of_dense(type("Tested", (jkeras.Model,), {"test_step": logs}), 2)
    model.compile("sgd", "mse")
    assert model.evaluate(ONES[:, [0, 0, 0]], ONES, verbose=0, return_dict=True) == {"sum": 24.0}

    def predict_step(self: Any, state: Any, data: Any) -> Any:
        trainable, others = state
        return data[:, :1] + trainable[1].sum(), others

    model = of_dense(type("Asked", (jkeras.Model,), {"predict_step": predict_step}), 2)
    np.testing.assert_array_equal(model.predict(X, batch_size=3, verbose=0), X[:, :1])
    model = of_dense(type("Lost", (jkeras.Model,), {"predict_step": lambda *given: None}), 2)
    with pytest.raises(TypeError) as caught:
        model.predict(X, verbose=0)
    assert str(caught.value) == (
        "Lost 'functional': predict_step: expected to return (outputs, non_trainable_variables), "
        "got None (NoneType)."
    )


def test_a_predict_step_may_ask_the_one_of_models() -> None:
    def predict_step(self: Any, state: Any, data: Any) -> Any:
        outputs, others = jkeras.Model.predict_step(self, state, data)
        return outputs * 2, others

    model = of_dense(type("Doubled", (jkeras.Model,), {"predict_step": predict_step}), 2)
    plain = np.asarray(model(X))
    assert np.abs(plain).max() > 0.1
    np.testing.assert_allclose(model.predict(X, verbose=0), 2 * plain, rtol=1e-6)


def test_a_loss_of_ones_own_knows_whether_it_trains() -> None:
    def named(self: Any, y: Any, y_pred: Any, training: Any) -> Any:
        return ((y_pred - y) * 0).sum() + (2.0 if training else 1.0)

    def any_of_them(self: Any, **given: Any) -> Any:
        return named(self, given["y"], given["y_pred"], given["training"])

    for compute_loss in (named, any_of_them):
        model = of_dense(type("Own", (jkeras.Model,), {"compute_loss": compute_loss}), 2)
        model.compile("sgd")
        assert model.fit(X, ONES, verbose=0).history["loss"] == [2.0]
        assert model.evaluate(X, ONES, verbose=0, return_dict=True)["loss"] == 1.0


def test_steps_of_another_signature_are_told_the_one_of_jax() -> None:
    model = of_dense(type("Tf", (jkeras.Model,), {"train_step": lambda self, data: {}}), 2)
    model.compile("sgd", "mse")
    with pytest.raises(TypeError) as caught:
        model.fit(X, ONES, verbose=0)
    assert str(caught.value) == (
        "Tf 'functional': train_step: expected the arguments (state, data), as in Keras on JAX, "
        "got (data). Write def train_step(self, state, data), and return (logs, state)."
    )
