"""Wrong uses of devices, meshes, layouts and strategies, and what the messages say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import pytest

import jkeras
from jkeras import distribution as spread
from jkeras import layers
from jkeras.distribution.datasets import PartOfBatches
from tests.distribution.check_use import Cut, batches, compiled, data, mesh, with_layout

WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "a batch that does not divide": (
        lambda: compiled("data").fit(*data(), batch_size=30, verbose=0),
        r"fit: `batch_size`: expected a multiple of the 8 devices along 'batch', got 30\. "
        r"Write batch_size=24 or 32\.",
    ),
    "a batch smaller than the devices": (
        lambda: compiled("data").fit(*data(), batch_size=4, verbose=0),
        r"expected a multiple of the 8 devices along 'batch', got 4\. Write batch_size=8\.",
    ),
    "a rule that matches nothing": (
        lambda: compiled(with_layout("dens/kernel", (None, "model"))).fit(*data(), verbose=0),
        r"'dens/kernel', which matches none\. The nearest paths are \['dense/kernel'",
    ),
    "a weight that does not divide": (
        lambda: compiled(with_layout("dense_1/kernel", (None, "model"))).fit(*data(), verbose=0),
        r"dense_1/kernel: `axes`: expected dimension 1 to be a multiple of the 4 devices along "
        r"'model', got 1 of shape \(16, 1\)",
    ),
    "more axes than dimensions": (
        lambda: compiled(with_layout("dense/bias", (None, "model"))).fit(*data(), verbose=0),
        r"dense/bias: `axes`: expected at most 1 axes for shape \(16,\)",
    ),
    "an unknown axis": (
        lambda: with_layout("dense/kernel", (None, "modle")),
        r"TensorLayout: `axes`: expected axes of the mesh, .*got 'modle'\. Did you mean 'model'\?",
    ),
    "an axis twice": (
        lambda: with_layout("dense/kernel", ("model", "model")),
        r"expected each axis of the mesh once",
    ),
    "two rules for one weight": (
        lambda: overlapping(),
        r"expected one expression that matches 'dense/kernel', got 2",
    ),
    "a mesh larger than the devices": (
        lambda: spread.DeviceMesh((4, 4), ["batch", "model"]),
        r"DeviceMesh: `shape`: expected a shape of 8 devices, got \(4, 4\), which are 16\. .*"
        r"jax_num_cpu_devices",
    ),
    "a mesh smaller than the devices": (
        lambda: spread.DeviceMesh((4,), ["batch"]),
        r"which are 4\. Pass some of them: devices=list_devices\(\)\[:4\]",
    ),
    "names for other axes": (
        lambda: spread.DeviceMesh((2, 4), ["batch"]),
        r"expected a name for each axis of shape \(2, 4\)",
    ),
    "a name twice": (
        lambda: spread.DeviceMesh((2, 4), ["batch", "batch"]),
        r"expected names that differ",
    ),
    "a device that is not there": (
        lambda: spread.DataParallel(devices=["cpu:0", "cpu:8"]),
        r"expected devices of cpu:0, .*got 'cpu:8'",
    ),
    "a kind of device that is not there": (
        lambda: spread.list_devices("gpu"),
        r"list_devices: `device_type`: expected a kind of device that is there: 'cpu', got 'gpu'",
    ),
    "a layout map without its name": (
        lambda: spread.ModelParallel(spread.LayoutMap(mesh())),  # type: ignore[misc,call-arg]
        r"ModelParallel: expected no arguments without their names, got 1\. Write "
        r"ModelParallel\(layout_map=\.\.\.\)\.",
    ),
    "a layout map without a mesh": (
        lambda: spread.ModelParallel(layout_map=spread.LayoutMap()),
        r"`layout_map`: expected a LayoutMap with a mesh, got one without\. Write LayoutMap\(",
    ),
    "no layout": (
        lambda: spread.distribute_tensor(jnp.ones(8)),  # type: ignore[call-arg]
        r"distribute_tensor: `layout`: expected a value, got none\. Write distribute_tensor\(",
    ),
    "a misspelt kind of device": (
        lambda: spread.list_devices(devicetype="cpu"),  # type: ignore[call-arg]
        r"list_devices: unexpected argument `devicetype`\. Did you mean 'device_type'\?",
    ),
    "an unknown axis of batches": (
        lambda: Cut(mesh(), "btach"),
        r"Cut: `batch_dim_name`: expected an axis of the mesh, \['batch', 'model'\], got 'btach'",
    ),
    "a mesh and devices": (
        lambda: spread.DataParallel(mesh(), devices=["cpu:0"]),
        r"expected a mesh or devices, got both",
    ),
    "no map": (
        lambda: spread.ModelParallel(layout_map={}),  # type: ignore[arg-type]
        r"`layout_map`: expected a LayoutMap, got",
    ),
    "an axis of the batch that is none": (
        lambda: spread.ModelParallel(layout_map=spread.LayoutMap(mesh()), batch_dim_name="data"),
        r"expected an axis of the mesh, \['batch', 'model'\], got 'data'",
    ),
    "another word": (
        lambda: compiled("fdsp"),
        r"compile: `distribution`: expected .*got 'fdsp'\. Did you mean 'fsdp'\?",
    ),
    "no distribution": (
        lambda: spread.set_distribution("data"),  # type: ignore[arg-type]
        r"set_distribution: `value`: expected a distribution, such as DataParallel\(\), got 'data'",
    ),
    "an array that does not divide": (
        lambda: spread.distribute_tensor(jnp.zeros(6), spread.TensorLayout(("model",), mesh())),
        r"distribute_tensor: `axes`: expected dimension 0 to be a multiple of the 4 devices",
    ),
    "a layout without a mesh": (
        lambda: spread.TensorLayout((None,)).backend_layout,
        r"TensorLayout: `device_mesh`: expected a mesh, got none",
    ),
    "an expression that is none": (
        lambda: with_layout("dense[/kernel", (None,)),
        r"LayoutMap: expected a regular expression, got 'dense\[/kernel'",
    ),
    "an output that does not divide": (
        lambda: compiled(with_layout("dense_1/output", ("batch", "model"))).fit(*data(), verbose=0),
        r"dense_1/output: `axes`: expected dimension 1 to be a multiple of the 4 devices",
    ),
    "an output of no layer": (
        lambda: compiled(with_layout("dens/output", ("batch",))).fit(*data(), verbose=0),
        r"'dens/output', which matches none\. The nearest paths are \['dense/output'",
    ),
    "a shape that is a number": (
        lambda: spread.DeviceMesh(8, ["batch"]),  # type: ignore[arg-type]
        r"DeviceMesh: `shape`: expected a tuple of numbers, such as \(2, 4\), got 8",
    ),
    "a shape with nothing along an axis": (
        lambda: spread.DeviceMesh((8, 0), ["batch", "model"]),
        r"DeviceMesh: `shape`: expected at least one device along each axis, got \(8, 0\)",
    ),
    "a shape with a hole": (
        lambda: spread.DeviceMesh((-2, -4), ["batch", "model"]),
        r"expected at least one device along each axis",
    ),
    "a name in the place of names": (
        lambda: spread.DeviceMesh((8,), "batch"),
        r"DeviceMesh: `axis_names`: expected a list of names, .*got 'batch'",
    ),
    "names that are numbers": (
        lambda: spread.DeviceMesh((8,), [0]),  # type: ignore[list-item]
        r"`axis_names`: expected a list of names",
    ),
    "a word in the place of a flag": (
        lambda: spread.DataParallel(auto_shard_dataset="no"),  # type: ignore[arg-type]
        r"DataParallel: `auto_shard_dataset`: expected True or False, got 'no' \(str\)\.",
    ),
    "a word in the place of a flag of a map": (
        lambda: spread.ModelParallel(
            layout_map=spread.LayoutMap(mesh()),
            auto_shard_dataset="no",  # type: ignore[arg-type]
        ),
        r"ModelParallel: `auto_shard_dataset`: expected True or False, got 'no' \(str\)\.",
    ),
    "a number in the place of a flag": (
        lambda: Cut(mesh(), "batch", 0),  # type: ignore[arg-type]
        r"Cut: `auto_shard_dataset`: expected True or False, got 0 \(int\)\.",
    ),
    "a word for whether weights are kept": (
        lambda: spread.FullyShardedDataParallel(reshard_after_forward="no"),  # type: ignore[arg-type]
        r"FullyShardedDataParallel: `reshard_after_forward`: expected True or False, got 'no'",
    ),
    "a device twice": (
        lambda: spread.DataParallel(devices=["cpu:0", "cpu:0"]),
        r"DeviceMesh: `devices`: expected each device once, got \['cpu:0'\] more than once",
    ),
    "no devices": (
        lambda: spread.DataParallel(devices=[]),
        r"expected at least one device along each axis",
    ),
    "a device in the place of devices": (
        lambda: spread.DataParallel(devices="cpu:0"),
        r"DataParallel: `devices`: expected a list of devices such as .*got 'cpu:0'",
    ),
    "devices in the place of a mesh": (
        lambda: spread.DataParallel(["cpu:0"]),  # type: ignore[arg-type]
        r"DataParallel: `device_mesh`: expected a DeviceMesh, got",
    ),
    "a mesh of JAX": (
        lambda: spread.FullyShardedDataParallel(mesh().backend_mesh),  # type: ignore[arg-type]
        r"FullyShardedDataParallel: `device_mesh`: expected a DeviceMesh, got",
    ),
    "a map on a mesh of JAX": (
        lambda: spread.LayoutMap(mesh().backend_mesh),  # type: ignore[arg-type]
        r"LayoutMap: `device_mesh`: expected a DeviceMesh, got",
    ),
    "a layout on another mesh": (
        lambda: with_layout(
            "dense/kernel", spread.TensorLayout(("x",), spread.DeviceMesh((8,), ["x"]))
        ),
        r"LayoutMap: expected layouts on the mesh of the map, .*got .*'x'.* for 'dense/kernel'",
    ),
    "a name in the place of axes": (
        lambda: spread.TensorLayout("model"),
        r"TensorLayout: `axes`: expected a tuple with a name or None for each dimension",
    ),
    "axes in the place of a layout": (
        lambda: spread.distribute_tensor(jnp.zeros(8), ("batch",)),
        r"distribute_tensor: `layout`: expected a TensorLayout with a mesh, or a sharding of JAX",
    ),
    "a word in the place of a size": (
        lambda: spread.FullyShardedDataParallel(min_size="big"),  # type: ignore[arg-type]
        r"FullyShardedDataParallel: `min_size`: expected a number of elements, got 'big'",
    ),
    "a kind of device that is no word": (
        lambda: spread.list_devices(0),  # type: ignore[arg-type]
        r"list_devices: `device_type`: expected a word such as 'cpu', got 0",
    ),
    "a word of other libraries": (
        lambda: compiled("DDP"),
        r"compile: `distribution`: expected .*got 'DDP'\. Write 'data'\.",
    ),
    "a strategy that needs rules": (
        lambda: compiled("model_parallel"),
        r"got 'model_parallel'\. Cutting weights needs rules: ModelParallel\(layout_map=layouts\)",
    ),
    "a mesh in the place of a strategy": (
        lambda: compiled(mesh()),
        r"got <DeviceMesh .*\. Write DataParallel\(mesh\)\.",
    ),
    "a map in the place of a strategy": (
        lambda: compiled(spread.LayoutMap(mesh())),
        r"Write ModelParallel\(layout_map=layouts\)\.",
    ),
    "a rule for a part of a path": (
        lambda: compiled(with_layout("kernel", (None, "model"))).fit(*data(), verbose=0),
        r"'kernel', which matches none\. An expression has to match a whole path, such as "
        r"'dense/kernel': '\.\*kernel\.\*'\.",
    ),
    "a rule for a weight that the layer does without": (
        lambda: compiled(with_layout("dense/gamma", ("model",))).fit(*data(), verbose=0),
        r"The nearest paths are \[.*\]: write one of them, or delete the rule\.",
    ),
    "a device of a kind that is not there": (
        lambda: spread.DataParallel(devices=["gpu:0"]),
        r"DeviceMesh: `devices`: expected devices of cpu:0, .*got 'gpu:0'",
    ),
    "a number in the place of a mesh": (
        lambda: spread.DataParallel(8),  # type: ignore[arg-type]
        r"got 8 \(int\)\. Write DataParallel\(devices=list_devices\(\)\[:8\]\)\.",
    ),
    "a misspelt argument": (
        lambda: spread.DeviceMesh((8,), names=["batch"]),  # type: ignore[call-arg]
        r"DeviceMesh: unexpected argument `names`\. .*Arguments: shape, axis_names, devices\.",
    ),
    "a class for the process": (
        lambda: spread.set_distribution(spread.DataParallel),
        r"got the class DataParallel\. Make one: DataParallel\(\.\.\.\)\.",
    ),
    "a word for a step": (
        lambda: spread.train_step_over("data", lambda state, batch: (state, batch)),  # type: ignore[arg-type]
        r"train_step_over: `distribution`: expected a distribution, .*got 'data'",
    ),
    "a step that is none": (
        lambda: spread.step_over(spread.DataParallel(), 3),  # type: ignore[arg-type]
        r"step_over: `step`: expected a function of a step, got 3",
    ),
    "an array in the place of a state": (
        lambda: spread.laid_out(jnp.zeros(8), spread.DataParallel()),
        r"laid_out: `train_state`: expected a TrainState, .*laid out by distribute_tensor\.",
    ),
    "addresses in a list": (
        lambda: spread.initialize(["127.0.0.1:1234"], 2, 0),  # type: ignore[arg-type]
        r"initialize: `job_addresses`: expected a host and a port, .*got \['127.0.0.1:1234'\]",
    ),
    "a class": (
        lambda: compiled(spread.DataParallel),
        r"got the class DataParallel\. Make one: DataParallel\(\.\.\.\)",
    ),
    "a word that a trainer does not know": (
        lambda: jkeras.Trainer(layers.Dense(1), distribution="fdsp"),
        r"Trainer: `distribution`: expected .*got 'fdsp'\. Did you mean 'fsdp'\?",
    ),
    "a batch of the validation that does not divide": (
        lambda: compiled("data").fit(
            *data(), batch_size=32, validation_data=data(), validation_batch_size=30, verbose=0
        ),
        r"expected a multiple of the 8 devices along 'batch', got 30",
    ),
    "a data set that is none": (
        lambda: PartOfBatches(3, 0, 2),  # type: ignore[arg-type]
        r"distribute_dataset: expected an iterable of batches, got 3",
    ),
    "a data set whose batches do not divide": (
        lambda: list(PartOfBatches(batches(), 0, 5)),
        r"distribute_dataset: expected batches of a multiple of 5 rows, .*got one of 24",
    ),
}


def overlapping() -> Any:
    layouts = spread.LayoutMap(mesh())
    layouts["dense/.*"], layouts[".*kernel"] = (None,), (None, "model")
    return compiled(spread.ModelParallel(layout_map=layouts)).fit(*data(), verbose=0)


@pytest.mark.parametrize("case", WRONG)
def test_wrong_uses_are_named(case: str) -> None:
    use, message = WRONG[case]
    with pytest.raises((TypeError, ValueError), match=message):
        use()


def test_initialize_comes_first() -> None:
    jnp.zeros(1)
    message = r"initialize: expected to be called before anything else uses JAX, .*Call it first"
    with pytest.raises(RuntimeError, match=message):
        spread.initialize("127.0.0.1:1234", 2, 0)
