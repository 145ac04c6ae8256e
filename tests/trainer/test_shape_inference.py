"""Errors of shape inference: None in the place of the batch size, and the layer's name."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers, ops
from jkeras.core.tracing import of_any_size, unknown_sizes

X = np.ones((5, 4), np.float32)


class Added(layers.Layer):
    """Adds a vector of its own length."""

    def call(self, x: Any) -> Any:
        return x + ops.ones((7,))


class Looking(layers.Layer):
    """Looks at a value."""

    def call(self, x: Any) -> Any:
        return x if ops.sum(x) > 0 else -x


class Multiplied(jkeras.Model):
    """A model whose own code fails."""

    def call(self, x: Any) -> Any:
        return x @ ops.ones((3, 2))


class Raising(layers.Layer):
    """Raises what a program of the user's catches."""

    def call(self, x: Any) -> Any:
        raise LookupError("not here")


def asked(layer: Any, how: str = "predict") -> Any:
    model = layer if isinstance(layer, jkeras.Model) else jkeras.Sequential([layer])
    model.compile("sgd", "mse")
    return getattr(model, how)(X, **({} if how == "__call__" else {"verbose": 0}))


CASES = {
    "JAX's words, in fit": (
        lambda: jkeras.Sequential([Added()]),
        "fit",
        ValueError,
        "Added 'added', called on inputs of shape (None, 4): Incompatible shapes for broadcasting: "
        "shapes=[(None, 4), (7,)]",
    ),
    "a function": (
        lambda: layers.Lambda(lambda x: x @ np.ones((3, 2), np.float32)),
        "predict",
        TypeError,
        "Lambda 'lambda', called on inputs of shape (None, 4): dot_general requires contracting "
        "dimensions to have the same shape, got (4,) and (3,).",
    ),
    "a model's own call": (
        Multiplied,
        "predict",
        TypeError,
        "Multiplied 'multiplied', called on inputs of shape (None, 4): dot_general requires "
        "contracting dimensions to have the same shape, got (4,) and (3,).",
    ),
    "a layer that names itself": (
        lambda: layers.LSTM(3),
        "__call__",
        ValueError,
        "LSTM 'lstm': expected `inputs` [batch, time, features], got shape (None, 4). Give each "
        "example a time axis: x[:, None, :].",
    ),
    "a value that is not known": (
        Looking,
        "predict",
        TypeError,
        "Looking 'looking', called on inputs of shape (None, 4): it looks at values, which are not "
        "known while a program is compiled. Use jkeras.ops in place of NumPy's functions and of "
        "float(), and jkeras.ops.where or jkeras.ops.cond in place of `if`; or step through it: "
        "compile(run_eagerly=True). JAX says: Attempted boolean conversion of traced array with "
        "shape bool[].",
    ),
}


@pytest.mark.filterwarnings("ignore:.*before the model was built")
@pytest.mark.parametrize("case", CASES)
def test_the_message_names_the_layer_and_no_size_of_a_batch(case: str) -> None:
    make, how, kind, message = CASES[case]
    with pytest.raises(kind) as caught:
        asked(make(), how)
    assert str(caught.value) == message


def test_a_model_that_exists_says_it_of_other_data() -> None:
    model = jkeras.Sequential([jkeras.Input((4, 2)), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.build()
    for call in (
        lambda: model.evaluate(np.ones((5, 3, 2)), np.ones((5, 1)), verbose=0),
        lambda: model.fit(iter([(np.ones((3, 3, 2)), np.ones((3, 1)))]), verbose=0),
    ):
        with pytest.raises(ValueError, match=r"got \(None, 3, 2\)\. None is an axis"):
            call()


def test_the_line_that_failed_is_the_last_of_the_traceback_once() -> None:
    with pytest.raises(ValueError) as caught:
        jax.eval_shape(jkeras.models.Chain([Added()]).init, jax.random.key(0), X)
    here = "test_shape_inference.py"
    own = [str(entry.statement) for entry in caught.traceback if entry.path.name == here]
    assert own[-1].strip() == "return x + ops.ones((7,))"


def test_other_errors_go_on_as_they_are() -> None:
    with pytest.raises(LookupError, match=r"^not here"):
        asked(Raising(), "__call__")


def test_only_numbers_that_were_tried_are_unknown() -> None:
    def again(sizes: tuple[Any, Any]) -> None:
        batch, _ = sizes
        raise ValueError(f"float32 of ({batch}, 3) has {3 * batch} entries")

    first = ValueError("float32 of (2, 3) has 6 entries")
    assert str(of_any_size(first, again)) == "float32 of (None, 3) has 6 entries"
    assert str(of_any_size(ValueError("another thing of 2"), again)) == "another thing of 2"
    assert str(of_any_size(first, lambda sizes: None)) == str(first)


WITH_UNKNOWN_STEPS = {
    "a sum": (
        lambda x: x + np.ones((1, 1, 7), np.float32),
        "add got incompatible shapes for broadcasting: (None, None, 4), (1, 1, 7).",
    ),
    "a reshape, which JAX takes for possible as long as the batch is unknown": (
        lambda x: x.reshape(x.shape[0], 11),
        "cannot reshape array of shape (None, None, 4) (size 512) into shape (None, 11) (size 22)",
    ),
    "half of the steps": (
        lambda x: x[:, ::2] @ np.ones((3, 2), np.float32),
        "dot_general requires contracting dimensions to have the same shape, got (4,) and (3,).",
    ),
    "a size that is computed": (
        lambda x: x[:, : x.shape[1] // 2] + np.ones((1, 1, 7), np.float32),
        "add got incompatible shapes for broadcasting: (None, 32, 4), (1, 1, 7).",
    ),
}


@pytest.mark.parametrize("case", WITH_UNKNOWN_STEPS)
def test_what_jax_says_of_unknown_axes_is_none_on_symbols(case: str) -> None:
    function, message = WITH_UNKNOWN_STEPS[case]
    with pytest.raises((TypeError, ValueError)) as caught:
        layers.Lambda(function)(jkeras.Input((None, 4), name="x"))
    assert str(caught.value) == f"Lambda, called on Input 'x' (None, None, 4): {message}"


def test_an_unknown_size_is_unknown_to_jax_too() -> None:
    batch, size = unknown_sizes()
    for wrong in ((batch, size, 4), (batch, 5, 4)):
        with pytest.raises(TypeError, match=r"got \(4,\) and \(3,\)"):
            jax.eval_shape(lambda x: x @ np.ones((3, 2)), jax.ShapeDtypeStruct(wrong, "float32"))
    assert batch != size and size > 64 and not size < 4096


@pytest.mark.parametrize(
    ("said", "again_says", "told", "trials"),
    [
        ("got (2, 3)", lambda b, s: f"got ({b}, 3)", "got (None, 3)", 1),
        ("got f32[2,64,3]", lambda b, s: f"got f32[{b},{s},3]", "got f32[None,None,3]", 1),
        ("got (2, 32)", lambda b, s: f"got ({b}, {s // 2})", "got (None, 32)", 2),
        ("got (2, 3)", lambda b, s: f"found ({b}, 3)", "got (2, 3)", 2),
    ],
)
def test_numbers_stand_for_unknown_sizes_only_where_jax_has_no_word(
    said: str, again_says: Any, told: str, trials: int
) -> None:
    tried = []

    def again(sizes: tuple[Any, Any]) -> None:
        tried.append(sizes)
        raise ValueError(f"Mine: {again_says(*sizes)}")

    message = of_any_size(ValueError(f"Mine: {said}"), again)
    assert (message.who, message.text) == ("Mine", told)
    assert tried[0] == unknown_sizes() and len(tried) == trials
