"""ONNX: every network in onnxruntime, operations one by one, and what the graphs look like."""

from __future__ import annotations

import collections
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jkeras
from jkeras import layers
from jkeras.export.inference import Inference
from jkeras.export.onnx import files, write
from jkeras.export.onnx.model import graph_of
from jkeras.export.onnx.rules import RULES
from jkeras.trainer.files.exporting import inference_of
from tests.export.networks import FEW, NETWORKS, with_random_weights

FIRST = [*FEW, "bidirectional", "gru_reset_before", "conv_lstm_1d", "conv2d_transpose"]
"""The networks of the quick form: each part of the exporter runs."""


def of(model: Any, signature: Any = None) -> Inference:
    return inference_of(model._trainer_parts.state, signature)


def nodes_of(model: Any) -> list[str]:
    graph, _ = graph_of(of(model), 18)
    return [node.op_type for node in graph.graph.node]


def written(name: str, folder: pathlib.Path) -> None:
    """`write` raises where onnxruntime does not give what the model gives."""
    write(of(NETWORKS[name]()), folder / "m.onnx")


@pytest.mark.parametrize("name", FIRST)
def test_a_network_gives_in_onnxruntime_what_it_gives_here(
    name: str, tmp_path: pathlib.Path
) -> None:
    written(name, tmp_path)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in FIRST])
def test_every_other_network_too(name: str, tmp_path: pathlib.Path) -> None:
    written(name, tmp_path)


# -- operations

X = layers.Input((6, 4), name="x")
Function = Callable[[jax.Array], Any]


def _best(x: jax.Array) -> jax.Array:
    return jnp.argmax(x[..., 0], 1)


@jax.custom_jvp
def _own_derivative(x: jax.Array) -> jax.Array:
    return jnp.sin(x)


_own_derivative.defjvp(lambda primals, tangents: (_own_derivative(*primals), tangents[0]))


@jax.custom_vjp
def _own_transpose(x: jax.Array) -> jax.Array:
    return jnp.cos(x)


_own_transpose.defvjp(lambda x: (jnp.cos(x), None), lambda _, change: (change,))


def _printed(x: jax.Array) -> jax.Array:
    jax.debug.callback(lambda y: None, x)
    return x * 2


def _counted(x: jax.Array) -> jax.Array:
    return lax.while_loop(lambda c: c[0] < 5, lambda c: (c[0] + 1, c[1] * 1.5), (0, x))[1]


def _chosen(x: jax.Array) -> jax.Array:
    def negative(y: jax.Array) -> jax.Array:
        return -y

    return lax.cond(x.sum() > 0, negative, lambda y: y * 2, x)


def _switched(x: jax.Array) -> jax.Array:
    number = (x.sum() > 0).astype(jnp.int32) + (x.sum() > 1).astype(jnp.int32)
    return lax.switch(number, [jnp.sin, jnp.cos, jnp.tanh], x)


def _backwards(x: jax.Array) -> jax.Array:
    def step(total: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array]:
        return total + row, total * row

    last, steps = lax.scan(step, x[:, 0], jnp.moveaxis(x, 1, 0), reverse=True)
    return jnp.moveaxis(steps, 0, 1) + last[:, None]


def _powers(x: jax.Array) -> jax.Array:
    return lax.fori_loop(0, 4, lambda i, y: y * 0.5 + i, x)


def _rows_at(x: jax.Array) -> jax.Array:
    places = jnp.argmax(x[..., 0], -1)
    return jax.vmap(lambda row, place: lax.dynamic_slice(row, (place, 1), (2, 2)))(x, places)


def _put(x: jax.Array) -> jax.Array:
    return lax.dynamic_update_slice(x, x[:, :2] * 10, (0, jnp.argmax(x[0, :, 0]), 0))


def _wide(x: jax.Array) -> jax.Array:
    kernel = jnp.arange(24.0).reshape(2, 4, 3) / 9
    numbers = ("NWC", "WIO", "NWC")
    return lax.conv_general_dilated(x, kernel, (1,), [(-1, 2)], dimension_numbers=numbers)


def _holes(x: jax.Array) -> jax.Array:
    kernel = jnp.arange(3 * 2 * 6.0).reshape(3, 2, 6) / 10
    return lax.conv_general_dilated(
        x,
        kernel,
        (1,),
        [(1, 4)],
        lhs_dilation=(2,),
        rhs_dilation=(2,),
        dimension_numbers=("NWC", "WIO", "NWC"),
        feature_group_count=2,
    )


OPERATIONS: dict[str, Function] = {
    "abs_sign_floor": lambda x: jnp.abs(x) + jnp.sign(x) + jnp.floor(x) - jnp.ceil(x),
    "round": lambda x: jnp.round(3 * x) + lax.round(x, lax.RoundingMethod.AWAY_FROM_ZERO),
    "exponentials": lambda x: jnp.exp2(x) + jnp.expm1(x * 1e-3) + jnp.log1p(x * x) + jnp.expm1(x),
    "roots": lambda x: jnp.cbrt(x) + lax.rsqrt(1 + x * x) + jnp.sqrt(jnp.abs(x)),
    "powers": lambda x: x**3 + x**5 + (2 + x * x) ** -2 + jnp.abs(x) ** 0.7 + 1 / (3 + x * x),
    "circles": lambda x: jnp.sin(x) + jnp.cos(x) + jnp.arctan2(x, x[:, ::-1]) + jnp.arcsinh(x),
    "erf": lambda x: lax.erf(x) + lax.erfc(x) * 2,
    "remainder": lambda x: jnp.remainder(x, 0.7) + lax.rem(x, 0.3),
    "clipped": lambda x: jnp.clip(x, -0.5, 0.5) + lax.clamp(x - 1, 2 * x, x + 1),
    "logic": lambda x: ((x > 0) & (x < 1)) | ~(x != 0) ^ (x >= 0.5),
    "bits": lambda x: ((x > 0).astype(jnp.int32) * 5 & 6) | 8 ^ ~jnp.int32(1),
    "finite": lambda x: jnp.isfinite(jnp.log(x)),
    "where_of_bools": lambda x: jnp.where(x > 0, x > 1, x < -1),
    "any_all": lambda x: (jnp.any(x > 1, 1), jnp.all(x < 1, (1, 2)), jnp.max(x > 0, 1)),
    "sums": lambda x: (x.sum(1), x.prod(2), x.min((1, 2)), x.mean(), x.var(1), x.sum(0)),
    "logsumexp": lambda x: jax.nn.logsumexp(x, 1),
    "cumulative": lambda x: jnp.cumsum(x, 1) + lax.cumsum(x, 2, reverse=True),
    "cumulative_2": lambda x: jnp.cumprod(x, 1) + lax.cummax(x, 1) + lax.cummin(x, 2, reverse=True),
    "sorted": lambda x: (jnp.sort(x, 1), jnp.argsort(x, -1), jnp.sort(x > 0, 1)),
    "top": lambda x: lax.top_k(x, 2),
    "best": lambda x: (jnp.argmax(x, 1), jnp.argmin(x, 2), jnp.argmax(x > 0, 1)),
    "median": lambda x: jnp.median(x, 1),
    "moved": lambda x: jnp.moveaxis(x, 1, 2) @ x,
    "reshaped": lambda x: x.reshape(-1, 2) + x.reshape(2 * x.shape[0], -1)[:, :1].sum(),
    "reshaped_with_sizes": lambda x: x.reshape(x.shape[0] * 3, 8) * x.shape[0],
    "flipped": lambda x: jnp.flip(x, (1, 2)) + jnp.roll(x, 2, 1),
    "padded": lambda x: jnp.pad(x, ((0, 0), (1, 2), (0, 1)), constant_values=3.0),
    "padded_modes": lambda x: jnp.pad(x, ((0, 0), (2, 1), (0, 0)), mode="reflect"),
    "padded_inside": lambda x: lax.pad(x, 2.0, ((0, 0, 0), (1, -1, 2), (-1, 0, 1))),
    "padded_bools": lambda x: jnp.pad(x > 0, ((0, 0), (1, 1), (0, 0)), constant_values=True),
    "split": lambda x: tuple(jnp.split(x, 3, 1)),
    "stacked": lambda x: jnp.stack([x, 2 * x], 1),
    "repeated": lambda x: jnp.repeat(x, 3, 1) + jnp.tile(x, (1, 3, 1)),
    "strided": lambda x: x[:, 1:5:2, ::-1] + x[:, -2:, :1],
    "taken": lambda x: jnp.take(x, jnp.array([0, 2, -1]), 1),
    "taken_by_values": lambda x: jnp.take_along_axis(x, jnp.argsort(x, 1), 1),
    "filled": lambda x: jnp.take(x, jnp.array([0, 9]), 1, mode="fill", fill_value=5.0),
    "picked": lambda x: x[jnp.arange(x.shape[0]), jnp.argmax(x[..., 0], 1)],
    "picked_pairs": lambda x: x[:, jnp.array([1, 2]), jnp.array([3, 0])],
    "rows_at": _rows_at,
    "set_at": lambda x: x.at[:, 1].set(7.0).at[:, jnp.array([0, 0, 3]), 2].add(1.0),
    "put": _put,
    "put_in_rows": lambda x: jax.vmap(lambda row, i: row.at[i].add(row[0]))(x, _best(x)),
    "put_windows_in_rows": lambda x: jax.vmap(
        lambda row, i: lax.dynamic_update_slice(row, row[:2, 1:3] * 9, (i, 1))
    )(x, _best(x)),
    "put_outside": lambda x: x.at[:, jnp.array([1, 9])].set(5.0).at[0, 3, 7].set(1.0),
    "custom_derivatives": lambda x: _own_derivative(x) + _own_transpose(x),
    "printed": _printed,
    "one_hot": lambda x: jax.nn.one_hot(jnp.argmax(x, 2), 4),
    "triangle": lambda x: jnp.tril(jnp.swapaxes(x, 1, 2) @ x),
    "counted": lambda x: x + jnp.arange(x.shape[0]).astype(jnp.float32)[:, None, None],
    "outer": lambda x: jnp.einsum("bij,bkl->bijkl", x, x),
    "two_axes": lambda x: jnp.tensordot(x, jnp.ones((6, 4, 3)), ((1, 2), (0, 1))),
    "weights_first": lambda x: jnp.einsum("hj,bij->bhi", jnp.arange(8.0).reshape(2, 4), x),
    "vectors": lambda x: jnp.einsum("bij,bij->b", x, x) + x[0, 0] @ x[0, 1],
    "integers": lambda x: (x * 10).astype(jnp.int32) @ jnp.ones((4, 2), jnp.int32) // 3,
    "cropped_convolution": _wide,
    "convolution_of_holes": _holes,
    "windows": lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 3, 2), (1, 2, 1), "SAME"),
    "windows_min": lambda x: lax.reduce_window(x, jnp.inf, lax.min, (1, 3, 1), (1, 1, 1), "SAME"),
    "windows_of_rows": lambda x: lax.reduce_window(
        x, -jnp.inf, lax.max, (2, 1, 2), (1, 1, 2), "SAME"
    ),
    "windows_of_integers": lambda x: lax.reduce_window(
        (9 * x).astype(jnp.int32), 0, lax.add, (1, 2, 2), (1, 2, 2), "VALID"
    ),
    "while": _counted,
    "cond": _chosen,
    "switch": _switched,
    "scan_backwards": _backwards,
    "fori": _powers,
    "checkpoint": lambda x: jax.checkpoint(jnp.sin)(x),
    "mapped": lambda x: jax.vmap(lambda row: jax.nn.softmax(row, 0), 1, 1)(x),
    "resized": lambda x: jax.image.resize(x, (x.shape[0], 9, 4), "linear"),
    "half": lambda x: x.astype(jnp.float16) * 2,
    "brain": lambda x: x.astype(jnp.bfloat16) @ jnp.ones((4, 3), jnp.bfloat16),
    "unsigned": lambda x: (jnp.abs(x) * 9).astype(jnp.uint8) // 2 + jnp.uint8(3),
    "interpolated": lambda x: jnp.interp(x, jnp.arange(4.0), jnp.arange(4.0) ** 2),
    "searched": lambda x: jnp.searchsorted(jnp.arange(-1.0, 2), x),
    "binned": lambda x: jnp.digitize(x, jnp.array([-1.0, 0.0, 1.0])),
    "softplus": lambda x: jax.nn.softplus(30 * x) + jax.nn.log_sigmoid(x),
    "log_softmax": lambda x: jax.nn.log_softmax(x, 1) + jax.nn.softmax(x, (1, 2)),
    "normed": lambda x: x / jnp.linalg.norm(x, axis=-1, keepdims=True),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_gives_in_onnxruntime_what_it_gives_here(
    name: str, tmp_path: pathlib.Path
) -> None:
    net = layers.Lambda(OPERATIONS[name], name="own")
    write(of(jkeras.Model(X, net(X))), tmp_path / "m.onnx")


# -- graphs


def test_a_convolutional_network_is_the_nodes_that_one_would_write() -> None:
    model = jkeras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(4, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(5, activation="softmax"),
        ]
    )
    graph, weights = graph_of(of(with_random_weights(model)), 18)
    assert [node.op_type for node in graph.graph.node] == [
        "Transpose", "Conv", "Relu", "MaxPool", "Transpose", "Reshape", "Gemm", "Softmax",
        "Identity",
    ]  # fmt: skip
    large = {name for name, array in weights.items() if array.size > 4}
    assert large == {"conv2d/kernel_transposed", "dense/kernel", "dense/bias"}
    assert {node.name.partition("/")[0] for node in graph.graph.node} == {
        "conv2d", "activation", "max_pooling2d", "flatten", "dense", "output",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "node"),
    [
        (layers.LSTM(4), "LSTM"),
        (layers.GRU(4), "GRU"),
        (layers.SimpleRNN(4, activation="relu"), "RNN"),
        (layers.RNN(layers.StackedRNNCells([layers.LSTMCell(4), layers.LSTMCell(3)])), "LSTM"),
        (layers.Bidirectional(layers.GRU(4)), "GRU"),
        (layers.LSTM(4, activation="gelu"), "Scan"),
    ],
)
def test_a_recurrent_layer_is_a_node(layer: Any, node: str) -> None:
    counts = collections.Counter(nodes_of(jkeras.Sequential([layers.Input((5, 3)), layer])))
    assert counts[node] >= 1
    assert counts["Scan"] == (node == "Scan")


@pytest.mark.parametrize("activation", ["hard_sigmoid", "linear", "softsign", "relu"])
@pytest.mark.parametrize("layer", [layers.LSTM, layers.GRU, layers.SimpleRNN])
def test_a_recurrent_node_has_the_activations(
    layer: Any, activation: str, tmp_path: pathlib.Path
) -> None:
    gate = {} if layer is layers.SimpleRNN else {"recurrent_activation": "hard_sigmoid"}
    x = layers.Input((5, 3))
    outputs = [layer(4, activation=activation, **options)(x) for options in (gate, {})]
    model = with_random_weights(jkeras.Model(x, outputs))
    write(of(model), tmp_path / "m.onnx")
    assert "Scan" not in nodes_of(model)


@pytest.mark.parametrize("layer", [layers.LSTM, layers.GRU, layers.SimpleRNN])
def test_a_mask_may_begin_and_end_anywhere(layer: Any, tmp_path: pathlib.Path) -> None:
    x, mask = layers.Input((5, 3)), layers.Input((5,), dtype="bool")
    h, c = layers.Input((4,)), layers.Input((4,))
    states = [h, c] if layer is layers.LSTM else [h]
    outputs = layer(4, return_sequences=True, return_state=True)(x, initial_state=states, mask=mask)
    model = with_random_weights(jkeras.Model([x, mask, *states], list(outputs)))
    inference = of(model)
    write(inference, tmp_path / "m.onnx")
    assert "Scan" not in nodes_of(model)
    arrays = inference.example({"batch": 3})
    arrays[1] = np.array([[False] * 5, [True] * 5, [False, True, False, True, False]])
    outputs = jkeras.load_exported(tmp_path / "m.onnx")(*arrays).values()
    for got, wanted in zip(outputs, inference(*arrays), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-6)


def test_attention_is_the_nodes_that_one_would_write() -> None:
    x = layers.Input((5, 8))
    y = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))
    counts = collections.Counter(nodes_of(jkeras.Model(x, layers.Dense(8, activation="gelu")(y))))
    for node in ("Reshape", "Transpose", "Identity"):
        del counts[node]
    assert counts == {
        "MatMul": 7, "Add": 7, "Mul": 3, "Div": 1, "Softmax": 1, "LayerNormalization": 1, "Erf": 1,
    }  # fmt: skip


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16", "float16"])
def test_halves_are_computed(policy: str, tmp_path: pathlib.Path) -> None:
    jkeras.config.set_dtype_policy(policy)
    try:
        x = layers.Input((8, 8, 3))
        y = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x))
        y = layers.Conv2DTranspose(4, 3, strides=2)(layers.AveragePooling2D(2)(y))
        y = layers.LayerNormalization()(layers.Reshape((81, 4))(y))
        y = layers.GRU(5)(layers.LSTM(4, return_sequences=True)(y))
        model = with_random_weights(jkeras.Model(x, layers.Dense(3, activation="softmax")(y)))
    finally:
        jkeras.config.set_dtype_policy("float32")
    write(of(model), tmp_path / "m.onnx")
    assert "Scan" not in nodes_of(model)


def test_a_newer_opset(tmp_path: pathlib.Path) -> None:
    write(of(NETWORKS["embedding_mask_lstm"]()), tmp_path / "m.onnx", opset=22)


def test_padding_may_depend_on_open_axes(tmp_path: pathlib.Path) -> None:
    """With steps, "same" pads what is left over of a picture's size."""
    x = layers.Input((None, None, 2))
    y = layers.Conv2D(3, (4, 3), 2, "same", activation="relu")(x)
    y = layers.MaxPooling2D(3, 2, "same")(layers.AveragePooling2D(3, 2, "same")(y))
    model = with_random_weights(jkeras.Model(x, y))
    write(of(model), tmp_path / "m.onnx")


def test_open_axes_have_their_names(tmp_path: pathlib.Path) -> None:
    model = jkeras.Sequential([layers.Input((None, 3)), layers.Conv1D(4, 2, padding="same")])
    write(of(model), tmp_path / "m.onnx")
    session = jkeras.load_exported(tmp_path / "m.onnx")
    assert [spec.shape for spec in session.inputs] == [("batch", "input_axis_1", 3)]


# -- what is refused


def small(*more: Any) -> Any:
    return with_random_weights(jkeras.Sequential([layers.Input((4,)), layers.Dense(3), *more]))


def test_an_operation_without_a_node_is_refused_with_its_layer(tmp_path: pathlib.Path) -> None:
    model = small(layers.Lambda(lambda x: jnp.abs(jnp.fft.fft(x)), name="spectrum"))
    with pytest.raises(ValueError) as error:
        write(of(model), tmp_path / "m.onnx")
    assert str(error.value) == (
        "sequential: export(format='onnx'): expected operations that ONNX has, got JAX's "
        "`convert_element_type` in layer 'spectrum': ONNX does not compute with complex64. Write "
        "that part with other operations of jkeras.ops, or leave it out of the exported model; "
        "format='stablehlo' takes every operation."
    )
    assert not list(tmp_path.iterdir())


def test_a_wrong_graph_is_found_and_nothing_is_written(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        RULES, "tanh", lambda call, x: call.builder.elementwise("Neg", [x], x.dtype)
    )
    model = small(layers.Activation("tanh", name="wrong"), layers.Dense(2))
    with pytest.raises(ValueError, match="The first layer that differs is Activation 'wrong'"):
        write(of(model), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"opset": 11}, "`opset`: expected a number from 18 to "),
        ({"quantize": "int4"}, "`quantize`: expected None or 'float16' or 'int8', got 'int4'"),
        ({"representative_data": [1, 2]}, "expected an array for each input: 'input'"),
    ],
)
def test_wrong_options(options: Any, message: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match=message):
        write(of(small()), tmp_path / "m.onnx", **options)


def test_missing_packages_are_named(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx.numpy_helper", None)
    with pytest.raises(ImportError, match=r"pip install 'jkeras\[onnx\]'"):
        write(of(small()), tmp_path / "m.onnx")


# -- files


def test_weights_beside_the_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inference = of(small())
    monkeypatch.setattr(files, "LIMIT", 10)
    with pytest.raises(ValueError, match="expected True or None for weights above 10 bytes"):
        write(inference, tmp_path / "m.onnx", external_data=False)
    with pytest.raises(ValueError, match=r"`path`: expected the path of a file, got the folder"):
        write(inference, tmp_path)
    write(inference, tmp_path / "new" / "m.onnx")
    assert sorted(file.name for file in tmp_path.glob("new/*")) == ["m.onnx", "m.onnx.data"]
    (x,) = inference.example({"batch": 2})
    np.testing.assert_allclose(
        jkeras.load_exported(tmp_path / "new" / "m.onnx")(x), inference(x)[0], rtol=1e-5
    )


def test_a_process_without_this_package_runs_the_file(tmp_path: pathlib.Path) -> None:
    inference = of(small())
    write(inference, tmp_path / "m.onnx")
    (x,) = inference.example({"batch": 5})
    np.save(tmp_path / "x.npy", x)
    code = (
        "import sys, numpy as np, onnxruntime as ort\n"
        "session = ort.InferenceSession('m.onnx', providers=['CPUExecutionProvider'])\n"
        "np.save('y.npy', session.run(None, {session.get_inputs()[0].name: np.load('x.npy')})[0])\n"
        "assert not {'jax', 'jkeras', 'onnx'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, check=True, timeout=60)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), inference(x)[0], rtol=1e-5)


def test_quantized_weights_beside_the_file(tmp_path: pathlib.Path) -> None:
    inference = of(digits())
    options: Any = {"quantize": "int8", "external_data": True}
    for _ in range(2):  # the second in the place of the first
        write(inference, tmp_path / "m.onnx", **options)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.onnx", "m.onnx.data"]
    assert (tmp_path / "m.onnx.data").stat().st_size < 30_000
    jkeras.load_exported(tmp_path / "m.onnx")(*inference.example({"batch": 2}))


@pytest.mark.parametrize("external", [False, True])
def test_a_recurrent_layer_is_quantized(external: bool, tmp_path: pathlib.Path) -> None:
    layer = layers.LSTM(32)
    model = jkeras.Sequential([layers.Input((5, 16)), layer, layers.Dense(2)])
    inference = of(with_random_weights(model))
    options: Any = {"external_data": external, "verify": False}
    (x,) = inference.example({"batch": 64})
    for name, quantize in (("plain.onnx", None), ("m.onnx", "int8")):
        write(inference, tmp_path / name, quantize=quantize, representative_data=x, **options)
    ending = ".onnx.data" if external else ".onnx"
    sizes = [(tmp_path / name).with_suffix(ending).stat().st_size for name in ("plain", "m")]
    assert sizes[0] / sizes[1] > 2.5
    got, wanted = jkeras.load_exported(tmp_path / "m.onnx")(x), np.asarray(inference(x)[0])
    assert np.abs(got - wanted).max() < 0.1 * np.abs(wanted).max()


def digits() -> Any:
    return with_random_weights(
        jkeras.Sequential(
            [
                layers.Input((12, 12, 1)),
                layers.Conv2D(16, 3, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                layers.Dense(64, activation="relu"),
                layers.Dense(10),
            ]
        )
    )


@pytest.mark.parametrize(
    ("quantize", "data", "smaller"), [("float16", 0, 1.8), ("int8", 64, 2.8), ("int8", 0, 2.5)]
)
def test_a_quantized_file_is_smaller_and_its_accuracy_is_told(
    quantize: str, data: int, smaller: float, tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    inference = of(digits())
    write(inference, tmp_path / "plain.onnx")
    (x,) = inference.example({"batch": 64})
    examples = x if data else None
    write(inference, tmp_path / "m.onnx", quantize=quantize, representative_data=examples)
    sizes = [(tmp_path / name).stat().st_size for name in ("plain.onnx", "m.onnx")]
    assert sizes[0] / sizes[1] > smaller
    got, wanted = jkeras.load_exported(tmp_path / "m.onnx")(x), np.asarray(inference(x)[0])
    assert np.abs(got - wanted).max() < 0.1 * np.abs(wanted).max()
    assert np.mean(got.argmax(-1) == wanted.argmax(-1)) > 0.8
    told = capsys.readouterr().out
    assert f"{quantize}: output 'output' differs by up to " in told
    assert "of the largest entries are the same ones; 64 " in told
