"""ONNX: every network in onnxruntime, what the graphs look like, quantization and files."""

from __future__ import annotations

import collections
import pathlib
import subprocess
import sys
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

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
        ({"representative_data": [1, 2]}, "expected an array of examples for each input"),
        ({"representative_data": "words"}, "got <U5 of shape"),
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
