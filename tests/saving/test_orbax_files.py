"""Folders in Orbax's format: what is read is what was written, or an error that says what is wrong.

Trees of others are written by Orbax itself.
"""

import json
import math
import pathlib
import shutil
import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest

import jkeras
from jkeras.saving import orbax_files
from jkeras.saving.orbax_manager import Manager
from tests.saving.equality import same

VALUE = {
    "values": {
        "params/dense/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
        "params/dense/bias": np.asarray(jnp.ones(3, jnp.bfloat16)),
        "state/empty": np.zeros((0, 3), np.int8),
        "step": np.int32(3),
    },
    "run": {"best": (math.inf, None), "losses": [1, 0.1, math.nan], "on": True, "name": "é"},
    "key": jax.random.key(3),
}
ONE = {"kernel": np.arange(300, dtype=np.float32), "losses": [0.5, 0.25]}
FLAX = {
    "params": {"Dense_0": {"kernel": np.ones((2, 3), np.float32), "bias": np.zeros(3, np.float32)}},
    "batch_stats": {"mean": np.full(3, 0.5, np.float32)},
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with checkpoints of ours for the steps 1 and 2."""
    folder = tmp_path_factory.mktemp("orbax") / "run"
    with Manager(folder, max_to_keep=None, background=False) as manager:
        manager.save(1, {"values": {}, "older": True})
        manager.save(2, VALUE)
    return folder


@pytest.fixture
def copied(written: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of it, to damage."""
    return pathlib.Path(shutil.copytree(written, tmp_path / "run"))


def test_what_is_read_is_what_was_written(written: pathlib.Path) -> None:
    assert same(orbax_files.read_step(written / "2"), VALUE)
    assert same(orbax_files.restore_latest(written), VALUE)
    assert same(orbax_files.restore_latest(written / "1"), {"values": {}, "older": True})
    assert orbax_files.steps_in(written) == [1, 2]


def test_orbax_reads_the_arrays(written: pathlib.Path) -> None:
    found = ocp.PyTreeCheckpointHandler().metadata(ocp.test_utils.epath.Path(written / "2/arrays"))
    assert {name: leaf.shape for name, leaf in found.tree.items()} == {
        "key": (2,),
        "values/params/dense/bias": (3,),
        "values/params/dense/kernel": (2, 3),
        "values/step": (),
    }


def test_the_weights_of_a_checkpoint_are_a_tree(written: pathlib.Path) -> None:
    tree = orbax_files.load_tree(written)
    assert jax.tree.map(np.shape, tree) == {
        "params": {"dense": {"bias": (3,), "kernel": (2, 3)}},
        "state": {"empty": (0, 3)},
    }


def test_a_value_that_no_file_can_hold_is_refused_before_anything_is_written(
    tmp_path: pathlib.Path,
) -> None:
    with Manager(tmp_path) as manager:
        with pytest.raises(TypeError, match=r"^nested value at 'values/0': expected None"):
            manager.save(0, {"values": [object()]})
        assert manager.steps() == []


# -- damage


def damage(path: pathlib.Path, how: str) -> None:
    """Changes one file, or removes it."""
    data = bytearray(path.read_bytes())
    if how == "removed":
        path.unlink()
    elif how == "cut off":
        path.write_bytes(data[: len(data) // 2])
    elif how == "emptied":
        path.write_bytes(b"")
    else:
        place = {"first": 0, "middle": len(data) // 2, "last": len(data) - 1}[how]
        data[place : place + 1] = [data[place] ^ 0x10] if data else []
        path.write_bytes(data)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A checkpoint with one array: of several damaged ones Orbax leaves reads behind, and with them
    warnings for whatever test is running then.
    """
    folder = tmp_path_factory.mktemp("orbax")
    with Manager(folder, background=False) as manager:
        manager.save(1, ONE)
    return folder / "1"


@pytest.mark.parametrize("how", ["removed", "cut off", "emptied", "first", "middle", "last"])
def test_no_damage_passes_for_the_value(single: pathlib.Path, how: str) -> None:
    """Each file of a checkpoint, one after the other."""
    step, refused = single, 0
    for path in sorted(p for p in step.rglob("*") if p.is_file()):
        data = path.read_bytes()
        damage(path, how)
        try:
            assert same(orbax_files.read_step(step), ONE), path
        except ValueError as error:
            refused += 1
            assert str(error).startswith(str(step)), path
        finally:
            path.write_bytes(data)
    assert refused >= 2


def edited(step: pathlib.Path, **changes: Any) -> None:
    """Changes entries of the JSON of a checkpoint, checksum included."""
    file = step / "value" / "metadata"
    about = json.loads(file.read_text())
    text = json.dumps(json.loads(about["content"]) | changes)
    file.write_text(json.dumps(about | {"content": text, "crc32": zlib.crc32(text.encode())}))


NOT_EMPTY = ": expected a in value to be an array without elements."
DAMAGED = [
    ({"crc32": None}, ": expected an entry 'crc32' in value, got none."),
    ({"empty": {"a": [[2], "int8"]}}, NOT_EMPTY),
    ({"empty": {"a": [[0, -1], "int8"]}}, NOT_EMPTY),
    ({"empty": {"a": [[0], "O"]}}, NOT_EMPTY),
    ({"crc32": {"key": 1}}, ": expected the array key as written, got other bytes."),
    (
        {"value": {"dict": {}}},
        ": expected a whole checkpoint: nested value: expected a place for every array, 'key' has "
        "none.",
    ),
]


@pytest.mark.parametrize(("changes", "message"), DAMAGED)
def test_lies_are_told(copied: pathlib.Path, changes: dict[str, Any], message: str) -> None:
    edited(copied / "2", **changes)
    with pytest.raises(ValueError) as caught:
        orbax_files.read_step(copied / "2")
    assert str(caught.value) == f"{copied / '2'}{message}"


def test_the_one_before_a_damaged_one_is_taken_with_a_warning(copied: pathlib.Path) -> None:
    (copied / "2" / "value" / "metadata").write_text('{"format": "other"}')
    with pytest.warns(UserWarning) as caught:
        assert orbax_files.restore_latest(copied)["older"] is True
    assert [str(warning.message) for warning in caught] == [
        f"{copied / '2'}: expected its entry 'value' whole, and it is damaged: expected the format "
        "'jkeras-orbax-1', got 'other'. The checkpoint before it, 1, is taken instead."
    ]
    shutil.rmtree(copied / "1")
    with pytest.raises(ValueError, match=r"got 'other'\.$"):
        orbax_files.restore_latest(copied)


def test_folders_without_checkpoints(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    for read in (orbax_files.restore_latest, orbax_files.load_tree, orbax_files.read_step):
        with pytest.raises(FileNotFoundError) as missing:
            read(tmp_path / "none")
        assert str(missing.value) == f"{tmp_path / 'none'}: there is no such folder."
    with pytest.raises(ValueError) as caught:
        orbax_files.restore_latest(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: expected checkpoints in folders such as {tmp_path / '0'}, got none."
    )
    with pytest.raises(ValueError) as caught:
        orbax_files.load_tree(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: expected an Orbax tree, with a file _METADATA, got none."
    )


# -- trees of others


def by_standard(path: pathlib.Path, tree: Any) -> pathlib.Path:
    with ocp.StandardCheckpointer() as writer:
        writer.save(path, tree)
    return path


def by_zarr(path: pathlib.Path, tree: Any) -> pathlib.Path:
    with ocp.PyTreeCheckpointer(use_ocdbt=False) as writer:
        writer.save(path, tree)
    return path


def by_manager(path: pathlib.Path, tree: Any) -> pathlib.Path:
    with ocp.CheckpointManager(path) as manager:
        manager.save(3, args=ocp.args.StandardSave(jax.tree.map(np.zeros_like, tree)))
        manager.save(12, args=ocp.args.StandardSave(tree))
    return path


@pytest.mark.parametrize("write", [by_standard, by_zarr, by_manager])
def test_a_tree_of_another_library(tmp_path: pathlib.Path, write: Any) -> None:
    found = orbax_files.load_tree(write(tmp_path / "tree", FLAX))
    jax.tree.map(np.testing.assert_array_equal, found, FLAX)


def test_lists_scalars_variables_and_what_is_no_array(tmp_path: pathlib.Path) -> None:
    tree = {"l": [1.5, {"value": np.ones(2)}, None], "step": 3, "name": "word"}
    found = orbax_files.load_tree(by_zarr(tmp_path / "tree", tree))
    assert jax.tree.map(np.shape, found) == {"l": {"0": (), "1": (2,)}, "step": ()}
    assert found["step"] == 3 and found["l"]["0"] == 1.5


def test_the_variables_of_keras_are_params_and_state(tmp_path: pathlib.Path) -> None:
    tree = {"trainable_variables": {"a": np.ones(2)}, "non_trainable_variables": {"b": np.ones(3)}}
    with ocp.CheckpointManager(tmp_path, item_names=("model_config", "pytree")) as manager:
        save = ocp.args.PyTreeSave
        manager.save(0, args=ocp.args.Composite(pytree=save(tree), model_config=save({"c": "{}"})))
    found = orbax_files.load_tree(tmp_path)
    assert jax.tree.map(np.shape, found) == {"params": {"a": (2,)}, "state": {"b": (3,)}}


def test_of_several_trees_one_has_to_be_chosen(tmp_path: pathlib.Path) -> None:
    for name in ("params", "averages"):
        by_standard(tmp_path / name, FLAX)
    with pytest.raises(ValueError) as caught:
        orbax_files.load_tree(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: expected one Orbax tree, got 2. Choose one: {str(tmp_path / 'averages')!r}."
    )


def test_arrays_larger_than_the_files_are_refused(tmp_path: pathlib.Path) -> None:
    """A terabyte that is not there."""
    path = by_zarr(tmp_path / "tree", {"kernel": np.ones(4, np.float32)})
    header = path / "kernel" / ".zarray"
    header.write_text(json.dumps(json.loads(header.read_text()) | {"shape": [1 << 38]}))
    held = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    with pytest.raises(ValueError) as caught:
        orbax_files.load_tree(path)
    assert str(caught.value) == (
        f"{path}: expected arrays that its files ({held} bytes) can hold, got entries of "
        f"{1 << 40} bytes."
    )


def test_an_adapted_flax_module_takes_its_weights(tmp_path: pathlib.Path) -> None:
    import flax.linen as nn

    module = nn.Sequential([nn.Dense(3), nn.BatchNorm(use_running_average=True)])
    trainer = jkeras.Trainer(module, seed=0)
    trainer.build((None, 4))
    variables = {"params": trainer.params, **trainer.state}
    variables = jax.tree.map(lambda leaf: np.asarray(leaf) + np.float32(0.25), variables)
    by_standard(tmp_path / "tree", variables)
    assert trainer.load_weights(tmp_path / "tree").complete
    got = {"params": trainer.params, **trainer.state}
    jax.tree.map(np.testing.assert_array_equal, got, variables)
