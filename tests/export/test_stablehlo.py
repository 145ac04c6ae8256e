"""StableHLO files: every network of the table, plain JAX as a reader, damaged and foreign files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import jkeras
from jkeras import layers
from jkeras.export import stablehlo
from jkeras.trainer.files.exporting import inference_of
from tests.export.networks import FEW, NETWORKS


def written(model: Any, path: Path, **options: Any) -> jkeras.export.ExportedModel:
    model.export(path, "stablehlo", verbose=False, **options)
    return jkeras.load_exported(path)


def dense(**options: Any) -> Any:
    return jkeras.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(2)], **options)


@pytest.mark.parametrize("name", FEW)
def test_a_few_networks(name: str, tmp_path: Path) -> None:
    model = NETWORKS[name]()
    exported = written(model, tmp_path / "model.stablehlo")  # compared with the model there
    assert exported.inputs[0].shape[0] == "batch"
    assert exported.platforms == ("cpu", "cuda", "tpu")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network(name: str, tmp_path: Path) -> None:
    written(NETWORKS[name](), tmp_path / "model.stablehlo")


def test_each_platform_has_its_formulation_and_the_weights_are_there_once(tmp_path: Path) -> None:
    model = jkeras.Sequential([layers.Input((9, 9, 2)), layers.Conv2D(7, 3, dilation_rate=2)])
    convolutions, kernels = {}, set()
    for platforms in (["cpu"], ["cuda"], ["cpu", "cuda", "tpu"]):
        written(model, tmp_path / "model", platforms=platforms, verify=platforms != ["cuda"])
        data = (tmp_path / "model").read_bytes()
        text = export.deserialize(bytearray(data)).mlir_module()
        convolutions[len(platforms), platforms[0]] = "stablehlo.convolution(" in text
        kernels.add(len(re.findall(r"stablehlo.constant.*tensor<3x3x2x7xf32>", text)))
    assert convolutions == {(1, "cpu"): False, (1, "cuda"): True, (3, "cpu"): True}
    assert kernels == {1}


def test_a_network_with_one_formulation_is_written_once() -> None:
    platforms = ("cpu", "cuda", "tpu")
    counts = [
        len(stablehlo._formulations(inference_of(NETWORKS[name]()._trainer_parts.state), platforms))
        for name in ("dense", "conv2d")
    ]
    assert counts == [1, 2]


def test_the_file_says_what_wrote_it(tmp_path: Path) -> None:
    about = written(dense(name="two"), tmp_path / "model").about
    assert about["name"] == "two"
    assert about["jax"] == jax.__version__
    assert about["calling_convention_version"] > 8
    assert "6 months" in about["compatibility"]
    assert about["inputs"] == [{"name": "input", "shape": ["batch", 4], "dtype": "float32"}]


def test_calls_by_position_by_name_and_in_batches(tmp_path: Path) -> None:
    model = NETWORKS["dicts_in_and_out"]()
    exported = written(model, tmp_path / "model")
    random = np.random.default_rng(0)
    x = {
        "image": random.normal(size=(7, 8, 8, 1)).astype("float32"),
        "table": random.normal(size=(7, 5)),  # float64, as NumPy makes it
    }
    expected = model.predict({n: a.astype("float32") for n, a in x.items()}, verbose=0)
    results = [exported(x), exported(**x), exported(x["image"], x["table"]), exported.predict(x, 3)]
    for result in [*results, exported.predict([x["image"], x["table"]])]:
        assert list(result) == ["age", "kind"]
        for name in expected:
            np.testing.assert_allclose(result[name], expected[name], rtol=1e-4, atol=1e-6)


def test_a_file_of_plain_jax_opens(tmp_path: Path) -> None:
    spec = jax.ShapeDtypeStruct(export.symbolic_shape("b, 2"), jnp.float32)
    data = export.export(jax.jit(lambda x, y: {"sum": x + y}))(spec, spec).serialize()
    (tmp_path / "theirs").write_bytes(data)
    exported = jkeras.load_exported(tmp_path / "theirs")
    assert repr(exported) == (
        "<ExportedModel 'theirs': 0: float32(b, 2), 1: float32(b, 2) -> sum: float32(b, 2)>"
    )
    np.testing.assert_array_equal(exported([[1, 2]], [[3, 4]]), [[4, 6]])


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float16", "bfloat16"])
def test_models_of_16_bits(policy: str, tmp_path: Path) -> None:
    parts = [layers.Dense(8, dtype=policy), layers.LayerNormalization(), layers.Dense(2)]
    model = jkeras.Sequential([layers.Input((6,)), *parts])
    exported = written(model, tmp_path / "model")
    x = np.ones((3, 6), "float32")
    expected = np.asarray(model(x), "float32")
    np.testing.assert_allclose(exported(x).astype("float32"), expected, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int32", "bfloat16", "float16"])
def test_dtypes_of_inputs(dtype: str, tmp_path: Path) -> None:
    model = jkeras.Sequential([layers.Input((4,), dtype=dtype), layers.Dense(2)])
    exported = written(model, tmp_path / "model")
    assert exported.inputs[0].dtype == dtype
    x = np.ones((2, 4), jnp.dtype(dtype))
    np.testing.assert_allclose(
        np.asarray(exported(x), "float32"), np.asarray(model(x), "float32"), rtol=0.01
    )


def damaged(data: bytes, **changes: Any) -> bytes:
    """The file with other words in what it says of itself."""
    end = len(data) - 16
    length = int.from_bytes(data[end : end + 8], "little")
    about = json.loads(data[end - length : end]) | changes
    text = json.dumps(about).encode()
    return data[: end - length] + text + len(text).to_bytes(8, "little") + data[-8:]


def test_a_damaged_file_is_an_error_wherever_it_ends(tmp_path: Path) -> None:
    written(dense(), tmp_path / "model")
    data = (tmp_path / "model").read_bytes()
    module = stablehlo._parted(data, "")[0]
    for end in range(0, len(module), 97):
        (tmp_path / "cut").write_bytes(data[:end])
        with pytest.raises(ValueError, match=r"a damaged file or another kind"):
            jkeras.load_exported(tmp_path / "cut")
    (tmp_path / "cut").write_bytes(data[:-30] + data[-16:])
    with pytest.raises(ValueError, match=r"a damaged file"):
        jkeras.load_exported(tmp_path / "cut")


def test_other_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        jkeras.load_exported(tmp_path)
    assert str(error.value) == f"load_exported: expected a file at {str(tmp_path)!r}, got a folder."
    dense().save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=r"one that `model.save` wrote. jkeras.models.load_model"):
        jkeras.load_exported(tmp_path / "model.keras")
    written(dense(), tmp_path / "model")
    newer = damaged((tmp_path / "model").read_bytes(), format=2, jax="9.0")
    (tmp_path / "newer").write_bytes(newer)
    with pytest.raises(ValueError) as raised:
        jkeras.load_exported(tmp_path / "newer")
    assert str(raised.value) == (
        f"load_exported: {str(tmp_path / 'newer')!r}: expected a file that jax {jax.__version__} "
        "can read, got one of a newer version (jax 9.0). Update jax and jkeras, or export the "
        "model with this version."
    )


def test_a_program_of_another_version_that_fails_says_so(tmp_path: Path) -> None:
    written(dense(), tmp_path / "model")
    data = damaged((tmp_path / "model").read_bytes(), jax="0.1")
    at = data.index(b"StableHLO_v")
    (tmp_path / "older").write_bytes(data[:at] + bytes(300) + data[at + 300 :])
    exported = jkeras.load_exported(tmp_path / "older")
    with pytest.raises(Exception) as error:
        exported(np.ones((2, 4)))
    assert "jax 0.1 wrote it, here is" in error.value.__notes__[-1]


X = np.ones((2, 4), "float32")
WRONG_CALLS: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "rank": (
        lambda m: m(X[0]),
        ValueError,
        "ExportedModel 'model': `input`: expected an array of shape (batch, 4), got (4,).",
    ),
    "size": (
        lambda m: m(X[:, :3]),
        ValueError,
        "ExportedModel 'model': `input`: expected an array of shape (batch, 4), got (2, 3). Here "
        "batch is 2.",
    ),
    "dtype": (
        lambda m: m(X.astype("complex64")),
        TypeError,
        "ExportedModel 'model': `input`: expected float32, got complex64. Convert it: "
        "input.astype('float32').",
    ),
    "name": (
        lambda m: m(imput=X),
        ValueError,
        "ExportedModel 'model': expected 1 input (input), got 'imput'. Did you mean 'input'?",
    ),
    "none": (
        lambda m: m(),
        ValueError,
        "ExportedModel 'model': expected 1 input (input), got none.",
    ),
    "two": (
        lambda m: m(X, X),
        ValueError,
        "ExportedModel 'model': expected 1 input (input), got 2.",
    ),
}


@pytest.mark.parametrize("case", WRONG_CALLS)
def test_wrong_calls(case: str, tmp_path: Path) -> None:
    call, kind, message = WRONG_CALLS[case]
    exported = written(dense(), tmp_path / "model", verify=False)
    with pytest.raises(kind) as error:
        call(exported)
    assert str(error.value) == message


def test_integers_must_fit(tmp_path: Path) -> None:
    model = jkeras.Sequential([layers.Input((2,), dtype="uint8"), layers.Dense(1)])
    exported = written(model, tmp_path / "model", verify=False)
    np.testing.assert_array_equal(exported(np.array([[3, 255]])), exported(np.uint8([[3, 255]])))
    with pytest.raises(TypeError, match=r"expected uint8, got int64"):
        exported(np.array([[3, 256]]))
    with pytest.raises(TypeError, match=r"expected uint8, got float64"):
        exported(np.array([[3.0, 2.0]]))


def test_lists_of_numbers_are_one_input(tmp_path: Path) -> None:
    exported = written(dense(), tmp_path / "model", verify=False)
    numbers = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
    expected = exported(np.array(numbers))
    for outputs in (exported(numbers), exported.predict(numbers), exported.predict([X + 0])):
        assert outputs.shape[1:] == (2,)
    np.testing.assert_allclose(exported.predict(numbers), expected)


def test_a_fixed_batch(tmp_path: Path) -> None:
    exported = written(dense(), tmp_path / "model", input_signature=[(2, 4)])
    assert exported.predict(np.ones((6, 4))).shape == (6, 2)
    with pytest.raises(ValueError) as error:
        exported.predict(np.ones((5, 4)))
    assert str(error.value) == (
        "ExportedModel 'model': expected a multiple of 2 examples in batches of 2, as in the file, "
        "got 5 examples, batch_size=None. Export with an open first axis: "
        "input_signature=[(None, ...)]."
    )


def test_large_programs_stay_out_of_the_cache_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = "jax_persistent_cache_min_compile_time_secs"
    before, seen = getattr(jax.config, setting), []
    compiled = jax.jit

    def watched(function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            seen.append(getattr(jax.config, setting))
            return compiled(function)(*args, **kwargs)

        return call

    dense().export(tmp_path / "model", "stablehlo", verbose=False, verify=False)
    monkeypatch.setattr(jax, "jit", watched)
    for large in (0, 2**24):
        monkeypatch.setattr(stablehlo, "_LARGE", large)
        jkeras.load_exported(tmp_path / "model")(X)
    assert seen == [float("inf"), before]
    assert getattr(jax.config, setting) == before


def test_64_bits_are_named(tmp_path: Path) -> None:
    with jax.enable_x64(True):
        model = jkeras.Sequential([layers.Input((4,), dtype="float64"), layers.Dense(2)])
        exported = written(model, tmp_path / "model")
        assert exported(X).dtype == "float64"
    with pytest.raises(ValueError, match=r"expected JAX to have float64, as the program, got its"):
        exported(X)


def test_no_examples_are_an_error(tmp_path: Path) -> None:
    exported = written(dense(), tmp_path / "model", verify=False)
    with pytest.raises(ValueError, match=r"expected inputs of one length above 0, got 0"):
        exported.predict(np.zeros((0, 4)))


def test_platforms_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`platform`: expected 'cpu' or 'cuda' or .*, got 'gpu'"):
        dense().export(tmp_path / "model", "stablehlo", platforms=["gpu"])
    with pytest.raises(ValueError) as error:
        dense().export(tmp_path / "model", "stablehlo", platforms=["tpu"])
    assert str(error.value) == (
        "export: `platforms`: expected this process's (cpu) among them, to verify the file, got "
        "tpu. Add it, or export with verify=False."
    )
    exported = written(dense(), tmp_path / "model", platforms=["tpu", "rocm"], verify=False)
    with pytest.raises(ValueError, match=r"expected a program for cpu, .* got one for tpu, rocm"):
        exported(X)


def test_code_that_needs_a_size_is_named(tmp_path: Path) -> None:
    class Odd(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * 2 if x.shape[1] > 6 else x

    model = jkeras.Sequential([layers.Input((None,)), Odd()], name="odd")
    with pytest.raises(
        ValueError, match=r"StableHLO: 'odd': expected a model that any size of"
    ) as e:
        model.export(tmp_path / "model", "stablehlo")
    assert "input_signature=[(None, 64, 3)]" in str(e.value)
    assert not (tmp_path / "model").exists()
    written(model, tmp_path / "model", input_signature=[(None, 8)])
