"""Weight files: what is written comes back, and nothing else passes for it."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jkeras.core import folders
from jkeras.layers import BatchNormalization, Dense, LayerNormalization
from jkeras.models import Chain
from jkeras.saving import load, save
from jkeras.saving.checkpoint_file import write_checkpoint
from jkeras.saving.weights import checked_ending, read

TREE = {
    "params": {
        "dense": {"kernel": jnp.arange(6.0).reshape(2, 3), "bias": jnp.ones(3, jnp.bfloat16)}
    },
    "state": {"bn": {"mean": np.zeros((), np.float32)}, "count": jnp.int32(7)},
}
NAMES = ["w.msgpack", "w.safetensors"]


@pytest.fixture(params=NAMES)
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A file that holds `TREE`, in each format."""
    save(tmp_path / request.param, TREE)
    return tmp_path / request.param


def same(a: Any, b: Any) -> bool:
    """Whether two trees have the same structure, dtypes and values."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return jax.tree.structure(a) == jax.tree.structure(b) and all(
        x.dtype == y.dtype and x.shape == y.shape and bool((x == y).all()) for x, y in pairs
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_tree_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    for tree in [
        TREE,
        {"params": [(jnp.ones((2, 1)), jnp.zeros(1)), ()], "state": None},
        {"params": np.ones((2, 0))},
        {"key": jax.random.key(3), "n": np.int8(2)},
    ]:
        save(str(tmp_path / name), tree)
        assert same(load(tmp_path / name, tree), tree)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_names_in_a_file_are_paths(path: Path) -> None:
    assert sorted(read(path)) == [
        "params/dense/bias",
        "params/dense/kernel",
        "state/bn/mean",
        "state/count",
    ]


def test_of_a_run_s_checkpoint_the_weights_are_read(tmp_path: Path) -> None:
    path = tmp_path / "latest.safetensors"
    values = {"params/a": np.ones(2), "state/b": np.ones(1), "opt_state/0": np.ones(2)}
    write_checkpoint(path, {"epoch": 3, "values": values, "key": np.ones(2)})
    assert sorted(read(path)) == ["params/a", "state/b"]
    write_checkpoint(path, {"a": np.ones(2)})
    assert list(read(path)) == ["a"]


def test_a_folder_is_made_and_an_existing_file_replaced_only_when_allowed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "w.msgpack"
    save(path, {"a": np.ones(2)})
    with pytest.raises(FileExistsError) as caught:
        save(path, {"a": np.zeros(2)}, overwrite=False)
    assert str(caught.value) == f"{path} exists. Choose another name, or pass overwrite=True."
    assert load(path, {"a": np.ones(2)})["a"].tolist() == [1, 1]
    save(path, {"a": np.zeros(2)})
    assert load(path, {"a": np.ones(2)})["a"].tolist() == [0, 0]


def test_paths_that_read_alike_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    with pytest.raises(ValueError) as caught:
        save(path, {"a/b": np.ones(1), "a": {"b": np.ones(1)}})
    assert str(caught.value) == f"{path}: expected a tree in which every path reads differently."


def changed(part: str, **entries: Any) -> dict[str, Any]:
    """`TREE` with entries of `part` replaced; None removes one."""
    new = {**TREE[part], **entries}
    return {**TREE, part: {name: tree for name, tree in new.items() if tree is not None}}


@pytest.mark.parametrize(
    ("like", "message"),
    [
        (
            changed("state", bn=None),
            "the file has a weight state/bn/mean, and the model does not. In all: 3 fit, 1 not in "
            "the model.",
        ),
        (
            changed("params", head={"bias": np.ones(1)}),
            "the model has a weight params/head/bias, and the file does not. In all: 4 fit, 1 not "
            "in the file.",
        ),
        (
            changed("state", count=np.zeros(2, np.int32)),
            "expected state/count of shape (2,) and dtype int32, got () and int32. In all: 3 fit, "
            "1 different.",
        ),
        (
            changed("state", count=np.float32(0)),
            "expected state/count of shape () and dtype float32, got () and int32. In all: 3 fit, "
            "1 different.",
        ),
    ],
    ids=["left_over", "missing", "shape", "dtype"],
)
def test_the_first_weight_that_differs_is_named(path: Path, like: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        load(path, like)
    assert str(caught.value) == f"{path}: {message}"


def test_one_floating_dtype_takes_another_s_place(path: Path) -> None:
    like = changed("params", dense=jax.tree.map(np.float16, TREE["params"]["dense"]))
    found = load(path, like)["params"]["dense"]
    assert (found["bias"].dtype, found["kernel"].dtype) == (np.float16, np.float16)
    assert found["kernel"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_file_that_was_cut_off_or_goes_on_is_damaged(path: Path) -> None:
    whole = path.read_bytes()
    for data in [*(whole[:length] for length in range(0, len(whole), 23)), whole + b"\0"]:
        path.write_bytes(data)
        with pytest.raises(ValueError, match=rf"^{path}: expected .*(damaged|, but )"):
            load(path, TREE)


def test_a_failed_save_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    before = path.read_bytes()
    monkeypatch.setattr(folders.os, "replace", full)
    with pytest.raises(OSError, match="No space left on device"):
        save(path, {"a": np.ones(3)})
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "model.safetensor",
            "weights file 'model.safetensor': expected a name that ends with '.safetensors' or "
            "'.msgpack'. Use 'model.safetensors'.",
        ),
        (
            "model.msgpak",
            "weights file 'model.msgpak': expected a name that ends with '.safetensors' or "
            "'.msgpack'. Use 'model.msgpack'.",
        ),
        (
            "model",
            "weights file 'model': expected a name that ends with '.safetensors' or '.msgpack'. "
            "Use 'model.safetensors'.",
        ),
        (
            "",
            "weights file '': expected a name that ends with '.safetensors' or '.msgpack'.",
        ),
    ],
)
def test_another_ending_is_answered_with_a_name(name: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        checked_ending(name)
    assert str(caught.value) == message


def test_what_is_no_path_and_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError) as kind:
        read(3)  # type: ignore[arg-type]
    assert str(kind.value) == "weights file: expected a path, got 3 (int)."
    for name in NAMES:
        with pytest.raises(FileNotFoundError) as missing:
            read(tmp_path / name)
        assert str(missing.value) == f"{tmp_path / name}: there is no such file."


LAYERS = (
    Dense(3, dtype="float32"),
    BatchNormalization(),
    LayerNormalization(),
    Chain([Dense(3, use_bias=False), BatchNormalization()]),
)
DTYPES = ["float32", "bfloat16", "float16", "uint8", "int32", "bool"]


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(LAYERS), max_size=4), st.data())
def test_any_model_comes_back(
    tmp_path_factory: pytest.TempPathFactory, layers: list[Any], data: Any
) -> None:
    x = jax.ShapeDtypeStruct((1, 3), jnp.float32)
    specs = jax.eval_shape(Chain([*layers, Dense(2)]).init, jax.random.key(0), x)

    def filled(spec: Any) -> Any:
        dtype = jnp.dtype(data.draw(st.sampled_from(DTYPES)))
        return np.random.default_rng(0).uniform(0, 9, spec.shape).astype(dtype)

    tree = jax.tree.map(filled, specs)
    for name in NAMES:
        path = tmp_path_factory.getbasetemp() / f"any-{name}"
        save(path, tree)
        assert same(load(path, tree), tree)
