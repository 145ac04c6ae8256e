"""Weight files: what is written comes back, and nothing else passes for it."""

import pickle
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import msgpack
import numpy as np
import pytest
from flax import serialization

import jkeras
from jkeras.core import folders
from jkeras.layers import BatchNormalization, Dense, Input
from jkeras.saving import load, save

TREE = {
    "params": {
        "dense": {"kernel": jnp.arange(6.0).reshape(2, 3), "bias": jnp.ones(3, jnp.bfloat16)}
    },
    "state": {"bn": {"mean": np.zeros((), np.float32)}, "count": jnp.int32(7)},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that holds `TREE`."""
    save(tmp_path / "w.msgpack", TREE)
    return tmp_path / "w.msgpack"


def same(a: Any, b: Any) -> bool:
    """Whether two trees have the same structure, dtypes and values."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return jax.tree.structure(a) == jax.tree.structure(b) and all(
        x.dtype == y.dtype and x.shape == y.shape and bool((x == y).all()) for x, y in pairs
    )


def forged(path: Path, content: object) -> Path:
    """Writes other content in the format of a weights file."""
    path.write_bytes(serialization.msgpack_serialize(content))
    return path


@pytest.mark.parametrize(
    "tree",
    [
        TREE,
        {"params": [(jnp.ones((2, 1)), jnp.zeros(1)), ()], "state": None},
        {"params": np.ones(2)},
    ],
    ids=["dicts", "lists", "array"],
)
def test_a_tree_comes_back_as_it_was(tmp_path: Path, tree: Any) -> None:
    save(str(tmp_path / "w.msgpack"), tree)
    assert same(load(tmp_path / "w.msgpack", tree), tree)
    assert [file.name for file in tmp_path.iterdir()] == ["w.msgpack"]


def test_a_folder_is_made_and_an_existing_file_replaced_only_when_allowed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "w.msgpack"
    save(path, {"a": np.ones(2)})
    with pytest.raises(FileExistsError) as caught:
        save(path, {"a": np.zeros(2)}, overwrite=False)
    assert str(caught.value) == f"{path} exists. Choose another name, or pass overwrite=True."
    assert load(path, {"a": np.ones(2)})["a"].tolist() == [1, 1]
    save(path, {"a": np.zeros(2)})
    assert load(path, {"a": np.ones(2)})["a"].tolist() == [0, 0]


def changed(part: str, **entries: Any) -> dict[str, Any]:
    """`TREE` with entries of `part` replaced; None removes one."""
    new = {**TREE[part], **entries}
    return {**TREE, part: {name: tree for name, tree in new.items() if tree is not None}}


@pytest.mark.parametrize(
    ("like", "message"),
    [
        (changed("state", bn=None), "the file has a weight state/bn/mean, and the model does not."),
        (
            changed("params", head={"bias": np.ones(1)}),
            "the model has a weight params/head/bias, and the file does not.",
        ),
        (
            changed("state", count=np.zeros(2, np.int32)),
            "expected state/count of shape (2,) and dtype int32, got () and int32.",
        ),
        (
            changed("state", count=np.float32(0)),
            "expected state/count of shape () and dtype float32, got () and int32.",
        ),
    ],
    ids=["left_over", "missing", "shape", "dtype"],
)
def test_the_first_weight_that_differs_is_named(path: Path, like: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        load(path, like)
    assert str(caught.value) == f"{path}: {message}"


def refused(path: Path) -> str:
    """The message with which a file is refused, without its path."""
    with pytest.raises(ValueError) as caught:
        load(path, TREE)
    assert caught.value.__cause__ is not None
    return str(caught.value).removeprefix(f"{path}: ")


DAMAGED = "expected weights saved by jkeras, and it is damaged."


def test_a_file_that_was_cut_off_anywhere_is_damaged(tmp_path: Path) -> None:
    tree = {"params": {f"dense_{i}": {"kernel": np.ones((8, 8), np.float32)} for i in range(4)}}
    path = tmp_path / "w.msgpack"
    save(path, tree)
    whole = path.read_bytes()
    assert len(whole) > 1000
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        assert refused(path) == DAMAGED, length
    path.write_bytes(whole + b"\0")
    assert refused(path) == DAMAGED


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        {"weights": {}},
        {"format": "another", "weights": {}},
        {"format": "jkeras-weights-1"},
        {"format": "jkeras-weights-1", "weights": [1]},
        {"format": "jkeras-weights-1", "weights": {"params/dense/bias": 3}},
        {"format": "jkeras-weights-1", "weights": {"params": {"dense": np.ones(2)}}},
    ],
)
def test_other_content_is_refused(tmp_path: Path, content: object) -> None:
    assert refused(forged(tmp_path / "w.msgpack", content)) == DAMAGED


class Bomb:
    """Says so when it is unpickled."""

    exploded = False

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        return Bomb.explode, ()

    @staticmethod
    def explode() -> None:
        Bomb.exploded = True


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    code = pickle.dumps(Bomb())
    path = tmp_path / "w.msgpack"
    path.write_bytes(code)
    assert refused(path) == DAMAGED
    objects = msgpack.packb(((1,), "object", code))
    for kind in (1, 2, 3):  # flax's extension types: array, complex number, NumPy scalar
        bomb = {"format": "jkeras-weights-1", "weights": {"a": msgpack.ExtType(kind, objects)}}
        path.write_bytes(msgpack.packb(bomb))
        assert refused(path) == DAMAGED
    assert not Bomb.exploded


def test_a_failed_save_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    before = path.read_bytes()
    monkeypatch.setattr(folders.os, "replace", full)
    with pytest.raises(OSError, match="No space left on device"):
        save(path, {"a": np.ones(3)})
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["w.msgpack"]


def test_a_model_goes_through_a_file_and_a_refused_one_changes_nothing(tmp_path: Path) -> None:
    def model(seed: int, units: int = 2) -> jkeras.Sequential:
        return jkeras.Sequential([Input((3,)), Dense(units), BatchNormalization()], seed=seed)

    first, second, other = model(0), model(1), model(2, units=4)
    first.save_weights(tmp_path / "w.msgpack")
    assert not np.array_equal(first.get_weights()[0], second.get_weights()[0])
    second.load_weights(tmp_path / "w.msgpack")
    for mine, theirs in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    before = other.get_weights()
    with pytest.raises(ValueError) as caught:
        other.load_weights(tmp_path / "w.msgpack")
    assert str(caught.value) == (
        f"{tmp_path / 'w.msgpack'}: expected params/batch_normalization/beta of shape (4,) and "
        "dtype float32, got (2,) and float32."
    )
    for mine, theirs in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)
