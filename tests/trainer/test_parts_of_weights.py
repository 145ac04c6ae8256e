"""Weights in several files, and without those of some layers."""

import json
from pathlib import Path

import numpy as np
import pytest

import jkeras
from jkeras import layers

X = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)


def model() -> jkeras.Sequential:
    inner = jkeras.Sequential([layers.Input((4,)), layers.Dense(4, name="a")], name="inner")
    made = jkeras.Sequential([layers.Input((3,)), layers.Dense(4), inner, layers.Dense(1)])
    made.compile("adam", "mse")
    return made


@pytest.mark.parametrize("kilobytes", [None, 1, 0.02])
def test_weights_in_several_files(kilobytes: float | None, tmp_path: Path) -> None:
    first, second = model(), model()
    first.fit(X, X[:, :1], verbose=0)
    path, most = tmp_path / "m.weights.json", kilobytes and kilobytes / 2**20
    first.save_weights(path, max_shard_size=most)
    content = json.loads(path.read_text())
    files = sorted(p.name for p in tmp_path.iterdir() if p != path)
    assert (len(files) == 1) == (kilobytes != 0.02) and files[0] == "m_00000.weights.h5"
    assert content["weight_map"]["/layers/dense/vars"] in ("m_00000.weights.h5", files[:2])
    assert content["metadata"]["total_size"] > 0
    assert second.load_weights(path).complete
    for expected, got in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)
    assert second.optimizer.iterations == 1


def test_a_map_names_files_beside_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.json"
    for name in ("../m.weights.h5", 3, ".."):
        path.write_text(json.dumps({"weight_map": {"/vars": name}}))
        with pytest.raises(ValueError, match="expected names of files beside it"):
            model().load_weights(path)
    path.write_text("{}")
    with pytest.raises(ValueError, match="expected a map of weights"):
        model().load_weights(path)
    path.write_text(json.dumps({"weight_map": {"/vars": "none.weights.h5"}}))
    with pytest.raises(FileNotFoundError):
        model().load_weights(path)
    with pytest.raises(ValueError, match=r"Use 'm\.weights\.json'"):
        model().save_weights(tmp_path / "m.weights.h5", max_shard_size=1)


@pytest.mark.parametrize("when", ["save", "load"])
@pytest.mark.parametrize("ending", [".weights.h5", ".weights.json"])
def test_layers_are_left_out(when: str, ending: str, tmp_path: Path) -> None:
    first, second, path = model(), model(), tmp_path / f"m{ending}"
    kept = [weight.numpy() for weight in second.layers[1].weights]
    options = [{"objects_to_skip": [m.layers[1]]} for m in (first, second)]
    first.save_weights(path, **options[0] if when == "save" else {})
    if when == "save":
        with pytest.raises(ValueError, match="does not"):
            second.load_weights(path)
    assert jkeras.saving.load_weights(second, path, **options[1]).complete
    for old, weight in zip(kept, second.layers[1].weights, strict=True):
        np.testing.assert_array_equal(weight, old)
    for layer in (0, 2):
        np.testing.assert_array_equal(second.layers[layer].kernel, first.layers[layer].kernel)


def test_what_goes_with_other_files_is_refused(tmp_path: Path) -> None:
    made = model()
    for options in ({"objects_to_skip": made.layers}, {"max_shard_size": 1.0}):
        with pytest.raises(ValueError, match="It goes with Keras's files of weights"):
            made.save_weights(tmp_path / "m.safetensors", **options)
    with pytest.raises(TypeError, match="expected layers and models, got 'dense'"):
        made.save_weights(tmp_path / "m.weights.h5", objects_to_skip=["dense"])
