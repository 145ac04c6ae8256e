"""LiteRT files: every network of the table, what cannot be in a file, quantization, other files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jkeras
from jkeras import layers
from jkeras.export.litert import converting, lowering
from jkeras.layers import Input
from jkeras.trainer.files.exporting import inference_of
from tests.export.networks import FEW, NETWORKS

LENGTHS: dict[str, Any] = {
    "simple_rnn": [(None, 8, 4)],
    "lstm": [(None, 8, 4)],
    "gru": [(None, 8, 4)],
    "seq2seq": [(None, 6, 5), (None, 5, 6)],
}
"""Recurrences over a length that the network leaves open are exported with a known one."""


def written(model: Any, path: Path, **options: Any) -> Any:
    model.export(path, "litert", verbose=False, **options)
    return jkeras.load_exported(path)


def network(*parts: Any, shape: Any = (4,), **options: Any) -> Any:
    return jkeras.Sequential([Input(shape, **options), *parts], name="net", seed=0)


@pytest.mark.parametrize("name", [name for name in FEW if name != "gru"])
def test_a_few_networks(name: str, tmp_path: Path) -> None:
    model, path = NETWORKS[name](), tmp_path / "model.tflite"
    exported = written(model, path)  # compared there
    inference = inference_of(model._trainer_parts.state)
    assert [(s.name, s.dtype) for s in exported.inputs] == [
        (s.name, s.dtype) for s in inference.inputs
    ]
    assert [s.name for s in exported.outputs] == [s.name for s in inference.outputs]
    assert exported.inputs[0].shape[0] == "batch"


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network(name: str, tmp_path: Path) -> None:
    written(NETWORKS[name](), tmp_path / "m.tflite", input_signature=LENGTHS.get(name))


def test_a_fresh_process_without_jax_runs_a_file(tmp_path: Path) -> None:
    model = NETWORKS["dicts_in_and_out"]()
    exported = written(model, tmp_path / "m.tflite")
    x = {"image": np.ones((5, 8, 8, 1), "float32"), "table": np.ones((5, 5), "float32")}
    np.savez(tmp_path / "x.npz", **x)
    script = (
        "import sys; sys.modules['jkeras'] = sys.modules['jax'] = None\nimport numpy as np\n"
        "from ai_edge_litert.interpreter import Interpreter\n"
        "run = Interpreter('m.tflite').get_signature_runner('serving_default')\n"
        "np.savez('y.npz', **run(**np.load('x.npz')))\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True)
    expected = model.predict(x, verbose=0)
    with np.load(tmp_path / "y.npz") as results:
        for name, values in exported(x).items():
            np.testing.assert_allclose(results[name], values, rtol=1e-6)
            np.testing.assert_allclose(values, expected[name], rtol=1e-4, atol=1e-6)


def spectrum(x: Any) -> Any:
    return jnp.abs(jnp.fft.rfft(x))  # of 3 numbers: the runtime takes powers of two


REFUSED: dict[str, tuple[Any, str]] = {
    "open length": (
        lambda: network(layers.Dense(3), layers.LSTM(2), shape=(None, 4)),
        "LiteRT: 'net': LSTM 'lstm': expected operations that LiteRT has, got a loop over an axis "
        "of unknown length. Give the length, as in `input_signature=[(None, 20, 4)]`: steps are "
        "written out.",
    ),
    "operation": (
        lambda: network(layers.Dense(3), layers.Lambda(spectrum), layers.Dense(2)),
        "LiteRT: 'net': Lambda 'lambda': expected operations that LiteRT has, got "
        "'RFFT2D'. Leave it out of the exported model, or choose 'onnx' or 'stablehlo'.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_file_can_hold_is_refused_with_its_layer(name: str, tmp_path: Path) -> None:
    make, message = REFUSED[name]
    (tmp_path / "m.tflite").write_bytes(b"older")
    with pytest.raises(ValueError) as error:
        written(make(), tmp_path / "m.tflite")
    assert str(error.value) == message
    assert (tmp_path / "m.tflite").read_bytes() == b"older"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_converter_that_crashes_ends_no_process_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(lowering.RULES, "pad")  # negative padding ends the converter's process
    sizes = [(0, 0, 0), (0, 0, 0), (-1, 2, 0)]
    cropped = layers.Lambda(lambda x: lax.pad(x, jnp.zeros((), x.dtype), sizes))
    model = network(layers.Dense(3), cropped, shape=(None, 4))
    with pytest.raises(ValueError, match=r"Lambda 'lambda': .* the converter ended with SIGABRT"):
        written(model, tmp_path / "m.tflite")
    assert not list(tmp_path.iterdir())


def test_a_file_that_computes_something_else_is_an_error_that_names_the_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(lowering.RULES, "tanh", lambda x, **_: jnp.sin(x))
    model = network(layers.Dense(3), layers.Activation("tanh"), layers.Dense(2))
    with pytest.raises(ValueError, match="The first layer that differs is Activation 'activation'"):
        written(model, tmp_path / "m.tflite")
    written(model, tmp_path / "m.tflite", verify=False)


IN_OTHER_WORDS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "negative padding": (lambda x: lax.pad(x, 0.0, [(0, 0, 0), (-1, 2, 1), (0, -1, 0)]), (5, 3)),
    "counted loop": (lambda x: lax.fori_loop(0, 3, lambda i, y: y * 2 + i * 1.0, x), (5,)),
    "backward scan": (
        lambda x: lax.scan(lambda c, r: (c + r, c), x[0], x[1:], reverse=True)[1],
        (),
    ),
    "branches": (lambda x: lax.cond(jnp.sum(x) > 0, jnp.sin, jnp.cos, x), (5,)),
    "cube root": (jnp.cbrt, (5,)),
    "places": (lambda x: x[:, jnp.array([[3, 0], [1, 1]]), 1], (5, 2)),
    "largest": (lambda x: jnp.argmax(x, 1) - jnp.argmin(x, 2)[:, :3], (5, 3)),
    "rows": (lambda x: x + jnp.arange(x.shape[0])[:, None], (3,)),
    "sorted": (lambda x: jnp.sort(jnp.round(x), 1)[:, ::-1] + jnp.argsort(x, 2), (5, 3)),
    "largest three": (lambda x: lax.top_k(x, 3)[0] * lax.top_k(jnp.round(x), 3)[1], (3, 7)),
    "along an axis": (
        lambda x: jnp.take_along_axis(x, jnp.argsort(x[:, :, :1], 1)[:, 1:4], 1, mode="fill"),
        (5, 3),
    ),
    "outside": (lambda x: jnp.take_along_axis(x, jnp.array([[9, 0]]), 1, mode="fill"), (5,)),
    "transposed": (
        lambda x: lax.conv_transpose(x, jnp.ones((3, 3, 2, 2)), (2, 2), "SAME"),
        (4, 5, 2),
    ),
}


@pytest.mark.parametrize("name", IN_OTHER_WORDS)
def test_operations_in_other_words_have_the_same_values(name: str) -> None:
    function, shape = IN_OTHER_WORDS[name]
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        x = jnp.asarray(np.random.default_rng(0).normal(size=(4, *shape)), "float32")
        (result,) = lowering.lowered(lambda x: (function(x),), [x])(x)
        np.testing.assert_allclose(result, function(x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float16"])
def test_models_of_16_bits_compute_in_32(policy: str, tmp_path: Path) -> None:
    parts = [layers.Dense(8, dtype=policy), layers.LayerNormalization(), layers.Dense(2)]
    model = network(*parts, shape=(6,))
    exported = written(model, tmp_path / "m.tflite")
    x = np.ones((3, 6), "float32")
    expected = np.asarray(model(x), "float32")
    np.testing.assert_allclose(exported(x), expected, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("dtype", ["bool", "int8", "float16"])
def test_dtypes_of_inputs(dtype: str, tmp_path: Path) -> None:
    model = network(layers.Dense(2), dtype=dtype)
    exported = written(model, tmp_path / "m.tflite")
    x = np.ones((2, 4), dtype)
    expected = np.asarray(model(x), "float32")
    np.testing.assert_allclose(np.asarray(exported(x), "float32"), expected, rtol=0.01)


def test_loops_and_constants_are_written_out() -> None:
    inference = inference_of(NETWORKS["lstm_fixed_length"]()._trainer_parts.state)
    text = converting.stable_hlo(inference)
    assert "stablehlo.while" not in text and "custom_call" not in text
    assert text.count("stablehlo.dot_general") == 8 + 1 + 1  # each step, the inputs, Dense


def operations(path: Path) -> list[str]:
    from ai_edge_litert.interpreter import Interpreter

    details = Interpreter(str(path))._get_ops_details()
    return [detail["op_name"] for detail in details]


def test_files_have_few_operations_and_take_any_number_of_examples(tmp_path: Path) -> None:
    exported = written(NETWORKS["mnist_cnn"](), tmp_path / "m.tflite")
    assert operations(tmp_path / "m.tflite") == [
        *("CAST", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "CONV_2D", "MAX_POOL_2D"),
        *("RESHAPE", "FULLY_CONNECTED", "FULLY_CONNECTED", "SOFTMAX"),
    ]
    assert exported(np.zeros((7, 28, 28, 1), "uint8")).shape == (7, 10)


def test_a_size_like_the_number_of_examples_stays(tmp_path: Path) -> None:
    model = network(layers.Dense(2 * 251, "relu"), layers.Dense(257), shape=(251,))
    exported = written(model, tmp_path / "m.tflite")
    assert (exported.inputs[0].shape, exported.outputs[0].shape) == (("batch", 251), ("batch", 257))
    assert operations(tmp_path / "m.tflite") == ["FULLY_CONNECTED"] * 2


@pytest.mark.parametrize("first", ["rows", 3])
def test_the_signature_says_what_is_open(first: Any, tmp_path: Path) -> None:
    model = network(layers.Dense(3))
    exported = written(model, tmp_path / "m.tflite", input_signature=[(first, 4)])
    assert exported.inputs[0].shape == ("batch" if first == "rows" else 3, 4)
    assert operations(tmp_path / "m.tflite") == ["FULLY_CONNECTED"]


SIZES: list[tuple[dict[str, Any], float, float]] = [
    ({"quantize": "float16"}, 0.55, 1e-3),
    ({"quantize": "int8"}, 0.35, 0.03),
    ({"quantize": "int8", "representative_data": 64}, 0.35, 0.05),
]


@pytest.mark.parametrize(("options", "share", "tolerance"), SIZES)
def test_quantized_files_are_smaller_and_their_accuracy_is_told(
    options: dict[str, Any], share: float, tolerance: float, tmp_path: Path, capfd: Any
) -> None:
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.Flatten(), layers.Dense(64, "relu")]
    model = network(*parts, layers.Dense(5, "softmax"), shape=(12, 12, 1))
    x = np.random.default_rng(0).normal(size=(64, 12, 12, 1)).astype("float32")
    if "representative_data" in options:
        options = options | {"representative_data": x}
    written(model, tmp_path / "full.tflite")
    exported = written(model, tmp_path / "small.tflite", **options)
    sizes = [(tmp_path / f"{name}.tflite").stat().st_size for name in ("small", "full")]
    assert sizes[0] < share * sizes[1]
    assert exported.inputs[0].dtype == exported.outputs[0].dtype == "float32"
    np.testing.assert_allclose(exported(x), model.predict(x, verbose=0), atol=tolerance)
    told = capfd.readouterr().out.strip()
    data = "the representative data" if "representative_data" in options else "random inputs"
    assert told.startswith(
        f"{options['quantize']}: {sizes[0]:,} bytes instead of {sizes[1]:,}; outputs differ by up"
    )
    assert told.endswith(f"({data}).")


def test_wrong_options_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = network(layers.Dense(2))
    with pytest.raises(ValueError) as error:
        written(model, tmp_path / "m.tflite", quantize="int4")
    assert str(error.value) == (
        "LiteRT: 'net': `quantize`: expected None or 'float16' or 'int8', got 'int4'."
    )
    with pytest.raises(ValueError) as error:
        written(model, tmp_path / "m.tflite", quantize="int8", representative_data=np.ones(3))
    assert str(error.value) == (
        "LiteRT: 'net': `representative_data`: expected an array of examples for each input "
        "(input), got float64 of shape (3,)."
    )
    monkeypatch.setattr(converting, "NEEDED", ("litert_converter", "no_such_package"))
    with pytest.raises(ImportError) as missing:
        written(model, tmp_path / "m.tflite")
    assert str(missing.value) == ("LiteRT files need no-such-package: pip install 'jkeras[litert]'")


def test_damaged_files_are_no_models(tmp_path: Path) -> None:
    written(network(layers.Dense(2)), tmp_path / "m.tflite")
    data = (tmp_path / "m.tflite").read_bytes()
    for content in (b"", b"nothing", data[: len(data) // 2]):
        (tmp_path / "bad.tflite").write_bytes(content)
        with pytest.raises(ValueError, match=r"bad\.tflite: expected a LiteRT file"):
            jkeras.load_exported(tmp_path / "bad.tflite")
