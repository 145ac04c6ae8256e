"""Names and sizes of open axes, signatures, and networks below the faces as inferences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.export import Inference, export, inference_of, load_exported
from jkeras.models import Chain, Graph, as_layer
from jkeras.trainer.files import exporting
from jkeras.training import make_train_state

KEY = jax.random.key(0)


def of(model: Any, signature: Any = None) -> Inference:
    return exporting.inference_of(model._trainer_parts.state, signature)


def shapes(inference: Inference) -> list[tuple[int | str, ...]]:
    return [spec.shape for spec in (*inference.inputs, *inference.outputs)]


def added() -> Any:
    a, b = layers.Input((None, 3), name="a"), layers.Input((None, 3), name="b")
    return jkeras.Model([a, b], layers.Add()([a, b]))


def attended() -> Any:
    a, b = layers.Input((None, 3), name="a"), layers.Input((None, 3), name="b")
    return jkeras.Model([a, b], layers.Attention()([a, b]))


def halved() -> Any:
    x = layers.Input((None, None, 1), name="x")
    y = layers.UpSampling2D(4)(layers.MaxPooling2D(4)(x))
    return jkeras.Model(x, layers.Concatenate()([x, y]))


def strided() -> Any:
    return jkeras.Sequential([layers.Input((None, 2)), layers.Conv1D(3, 3, 2, "same")])


AXES = {
    "equal": (added, [("batch", "axis_1", 3)] * 3),
    "independent": (
        attended,
        [("batch", "a_axis_1", 3), ("batch", "b_axis_1", 3), ("batch", "a_axis_1", 3)],
    ),
    "multiples": (
        halved,
        [
            ("batch", "4*x_axis_1", "4*x_axis_2", 1),
            ("batch", "4*x_axis_1", "4*x_axis_2", 2),
        ],
    ),
    "computed": (
        strided,
        [("batch", "input_axis_1", 2), ("batch", "- floordiv(- input_axis_1, 2)", 3)],
    ),
}


@pytest.mark.parametrize("case", AXES)
def test_open_axes(case: str, tmp_path: Path) -> None:
    make, expected = AXES[case]
    inference = of(make())
    assert shapes(inference) == expected
    export(inference, tmp_path / "model.stablehlo")


def test_axes_of_a_user_s_code_are_found_by_sizes() -> None:
    class Odd(layers.Layer):
        def call(self, x: Any) -> Any:
            return x[:, : 3 if x.shape[1] > 4 else 1]

    model = jkeras.Sequential([layers.Input((None, 2)), Odd()])
    assert shapes(of(model)) == [("batch", "input_axis_1", 2), ("batch", 3, 2)]


def ids() -> Any:
    return jkeras.Sequential([layers.Input((None,), dtype="int32"), layers.Embedding(50, 2)])


@pytest.mark.parametrize(
    ("signature", "shape", "dtype"),
    [
        ([(None, 7)], ("batch", 7), "int32"),
        ([("rows", "words")], ("rows", "words"), "int32"),
        ((("rows", "words"),), ("rows", "words"), "int32"),
        ([jax.ShapeDtypeStruct((2, 5), "uint8")], (2, 5), "uint8"),
        ([np.zeros((2, 5))], ("batch", 5), "float32"),
        (np.zeros((2, 5), int), ("batch", 5), "int32"),
        ([layers.Input((6,), dtype="int8")], ("batch", 6), "int8"),
        ([jkeras.InputSpec(shape=(None, 3), dtype="int32")], ("batch", 3), "int32"),
    ],
)
def test_signatures(signature: Any, shape: Any, dtype: str) -> None:
    spec = of(ids(), signature).inputs[0]
    assert (spec.shape, spec.dtype, spec.limit) == (shape, dtype, 50)


def test_a_signature_of_a_dict_of_inputs() -> None:
    a, b = layers.Input((4,), name="a"), layers.Input((2,), name="b", dtype="int32")
    model = jkeras.Model({"a": a, "b": b}, layers.Concatenate()([a, layers.Dense(2)(b)]))
    for signature in ({"b": (3, 2), "a": (3, 4)}, [(3, 4), (3, 2)], [{"b": (3, 2), "a": (3, 4)}]):
        inference = of(model, signature)
        assert [(s.name, s.shape, s.dtype) for s in inference.inputs] == [
            ("a", (3, 4), "float32"),
            ("b", (3, 2), "int32"),
        ]


def test_a_signature_by_the_names_of_a_list_of_inputs() -> None:
    b, a = layers.Input((2,), name="b"), layers.Input((4,), name="a")
    model = jkeras.Model([b, a], layers.Concatenate()([a, b]), name="two")
    inference = of(model, {"a": (3, 4), "b": (3, 2)})
    assert [(spec.name, spec.shape) for spec in inference.inputs] == [("b", (3, 2)), ("a", (3, 4))]
    with pytest.raises(ValueError) as error:
        of(model, {"a": (3, 4), "c": (3, 2)})
    assert str(error.value) == (
        "Model 'two': export: `input_signature`: expected the names b, a, got a, c."
    )


def test_an_optional_input_may_be_left_out(tmp_path: Path) -> None:
    class Sum(layers.Layer):
        def call(self, x: Any, y: Any = None) -> Any:
            return x if y is None else x + y

    a, b = layers.Input((4,), name="a", optional=True), layers.Input((4,), name="b")
    model = jkeras.Model([b, a], Sum()(b, a))
    assert [spec.name for spec in of(model).inputs] == ["b", "a"]
    export(of(model, [(None, 4), None]), tmp_path / "one.stablehlo")
    exported = load_exported(tmp_path / "one.stablehlo")
    assert [spec.name for spec in exported.inputs] == ["b"]
    np.testing.assert_array_equal(exported(np.ones((2, 4))), np.ones((2, 4)))


def test_a_wrong_signature() -> None:
    with pytest.raises(ValueError) as error:
        of(ids(), [(None, 7), (None, 7)])
    assert str(error.value) == (
        "Sequential 'sequential': export: `input_signature`: expected 1 input, got 2. Give a list "
        "with one shape for each input."
    )
    with pytest.raises(TypeError) as raised:
        of(ids(), ["int32"])
    assert str(raised.value) == (
        "export: `input_signature`: expected for each input a shape with the batch axis, a spec, "
        "an Input or an array, got 'int32' (str). For example: input_signature=[(None, 28, 28, 1)]."
    )


def test_ids_lie_below_the_size_of_the_table() -> None:
    ids_of = of(ids()).example({"batch": 100, "input_axis_1": 9})[0]
    assert (ids_of.min(), ids_of.max()) == (0, 49)
    built = jkeras.Sequential([layers.Embedding(5, 2)])
    built.build((None, 7))
    floats = of(built).example({"batch": 100})[0]
    assert set(np.unique(floats)) == {0, 1, 2, 3, 4}


def test_a_stateful_layer_is_refused_with_the_reason() -> None:
    recurrent = layers.LSTM(4, stateful=True)
    model = jkeras.Sequential([layers.Input((5, 3), batch_size=2), recurrent], name="walk")
    with pytest.raises(ValueError) as error:
        of(model)
    assert str(error.value) == (
        "export: 'walk': expected a model whose calls do not depend on each other, got one that "
        "carries 'lstm/rnn_state/0' from call to call. Make a recurrent layer with stateful=False; "
        "its states can be inputs and outputs of the model: initial_state= and return_state=."
    )


def test_a_state_that_no_output_reads_is_no_reason() -> None:
    model = jkeras.Sequential(
        [layers.Input((4,)), layers.Dense(3), layers.ActivityRegularization(0.1)]
    )
    assert shapes(of(model)) == [("batch", 4), ("batch", 3)]


def test_a_model_without_outputs_is_refused() -> None:
    trainer = jkeras.Trainer(
        train_step=lambda state, batch: (state, {"loss": jnp.zeros(())}),
        init=lambda key, x: make_train_state(key, {"w": jnp.zeros(x.shape[-1])}),
        name="mine",
    )
    trainer.fit(np.ones((2, 3), "float32"), np.ones(2, "float32"), verbose=0)
    with pytest.raises(ValueError) as error:
        of(trainer)
    assert str(error.value) == (
        "export: 'mine': expected a model with inputs and outputs, got inputs: 1, outputs: 0. A "
        "Trainer of functions gives outputs by `predict_step`."
    )


def test_the_ending_of_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError) as error:
        ids().export(tmp_path / "m.keras")
    assert str(error.value) == (
        "export: `filepath`: expected a name that ends with .onnx, .tflite, .stablehlo, or a "
        f"format, got {str(tmp_path / 'm.keras')!r}: `model.save` writes such files."
    )


def graph() -> Any:
    x = layers.Input((4,), name="x")
    return Graph(x, layers.Dense(2, name="y")(x))


class Module(nn.Module):
    """A module with a structure of outputs."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return {"logits": nn.Dense(3)(x), "sum": x.sum(-1)}


NETS = {
    "chain": lambda: Chain([layers.Dense(3), layers.BatchNormalization()]),
    "graph": graph,
    "layer": lambda: layers.Dense(3),
    "linen": lambda: as_layer(Module()),
    "equinox": lambda: as_layer(eqx.nn.MLP(4, 2, 8, 1, key=KEY)),
}


@pytest.mark.parametrize("case", NETS)
def test_networks_below_the_faces(case: str, tmp_path: Path) -> None:
    net = NETS[case]()
    params, state = net.init(KEY, jax.ShapeDtypeStruct((1, 4), jnp.float32))
    export(inference_of(net, params, state, (None, 4)), tmp_path / "net.stablehlo")
    exported = load_exported(tmp_path / "net.stablehlo")
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    expected = net.apply(params, state, jnp.asarray(x), key=None, training=False)[0]
    result = exported(x)
    assert jax.tree.structure(result) == jax.tree.structure(expected)
    for got, wanted in zip(jax.tree.leaves(result), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
