"""How a model and its batches are laid over devices: the same numbers, other places."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from jkeras.core.errors import describe, named_arguments, type_error, value_error
from jkeras.core.process_watch import number_of_this_process
from jkeras.core.processes import Team, team_of
from jkeras.distribution.datasets import PartOfBatches
from jkeras.distribution.devices import list_devices
from jkeras.distribution.layouts import OUTPUT, DeviceMesh, LayoutMap, TensorLayout

BATCH = "batch"
"""The name of the axis that batches are cut along, where the user names none."""
SMALL = 1024
"""Elements of a weight that `FullyShardedDataParallel` leaves whole: gathering it would cost more
than keeping it."""


class Weight(NamedTuple):
    """What a distribution is asked about.

    Attributes:
      path: such as `"dense_1/kernel"`.
      shape: of the array.
    """

    path: str
    shape: tuple[int, ...]


class Distribution:
    """The base of the strategies: which layout a weight, and a batch, has. A class of one's own
    defines `layout_of`, or `get_variable_layout` as in Keras.

    Args:
      device_mesh: the devices.
      batch_dim_name: the axis of the mesh that batches are cut along; its first when left out.
      auto_shard_dataset: as for `DataParallel`.

    Raises:
      TypeError: `device_mesh` is none, or `auto_shard_dataset` is no bool.
      ValueError: the mesh has no such axis.

    Source: `keras.distribution.Distribution`.
    """

    @named_arguments
    def __init__(
        self,
        device_mesh: DeviceMesh,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        who = type(self).__name__
        _check_mesh(who, device_mesh)
        if batch_dim_name is not None and batch_dim_name not in device_mesh.axis_names:
            raise value_error(
                who=who,
                argument="batch_dim_name",
                expected=f"an axis of the mesh, {list(device_mesh.axis_names)}",
                got=repr(batch_dim_name),
            )
        self._device_mesh = device_mesh
        self._batch_dim_name = batch_dim_name or device_mesh.axis_names[0]
        self.auto_shard_dataset = _flag(who, "auto_shard_dataset", auto_shard_dataset)

    gathers: ClassVar[bool] = False
    """Whether weights that lie in parts are gathered where a layer uses them."""

    @property
    def gathers_again(self) -> bool:
        """Whether the backward pass gathers them a second time."""
        return False

    @property
    def has_output_rules(self) -> bool:
        """Whether `get_tensor_layout` says something of outputs."""
        return type(self).get_tensor_layout is not Distribution.get_tensor_layout

    @property
    def num_processes(self) -> int:
        """The processes that compute together."""
        return max(len(self.team.members), 1)

    @property
    def team(self) -> Team:
        """The processes that have the devices."""
        return team_of(self._device_mesh.processes)

    @property
    def device_mesh(self) -> DeviceMesh:
        """The devices."""
        return self._device_mesh

    @property
    def batch_dim_name(self) -> str:
        """The axis of the mesh that batches are cut along."""
        return self._batch_dim_name

    @property
    def num_model_replicas(self) -> int:
        """The parts of a batch: devices along its axis."""
        return self._device_mesh.size_of(self._batch_dim_name)

    @property
    def data_shard_id(self) -> int:
        """Which part of each batch this process reads, from 0: processes that share the devices of
        one part of a batch read the same one.
        """
        team = self.team
        number = team.members.index(number_of_this_process()) if team.several else 0
        return number // max(1, self.num_processes // self.num_model_replicas)

    def distribute_dataset(self, dataset: Any) -> Any:
        """The part of a data set of whole batches that this process reads; the data set itself for
        one process, and with `auto_shard_dataset=False`.

        Raises:
          TypeError, ValueError: it is no iterable of batches; in passing, one does not divide.

        Source: `keras.distribution.Distribution.distribute_dataset`, for any iterable.
        """
        parts = min(self.num_processes, self.num_model_replicas)
        if parts == 1 or not self.auto_shard_dataset:
            return dataset
        return PartOfBatches(dataset, self.data_shard_id, parts)

    def get_data_layout(self, data_shape: Sequence[int | None]) -> TensorLayout:
        """The layout of inputs and targets: cut along their first dimension."""
        rest = (None,) * (len(data_shape) - 1)
        return TensorLayout((self._batch_dim_name, *rest), self._device_mesh)

    def layout_of(self, path: str, shape: Sequence[int]) -> TensorLayout:
        """The layout of a weight, and of what the optimizer keeps for it.

        Args:
          path: such as `"dense_1/kernel"`.
          shape: the weight's.
        """
        if type(self).get_variable_layout is Distribution.get_variable_layout:
            raise NotImplementedError(f"{type(self).__name__}: define `get_variable_layout`.")
        return self.get_variable_layout(Weight(path, tuple(shape)))

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout of a variable, by its path and shape."""
        return self.layout_of(variable.path, variable.shape)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout of a layer's outputs; None where nothing says it."""
        del path
        return None

    def check_weights(
        self, who: str, shapes: Mapping[str, Sequence[int]], outputs: Iterable[str] = ()
    ) -> None:
        """Raises ValueError where a rule matches nothing, or a weight cannot be cut by its rule.

        Args:
          who: the model, for messages.
          shapes: of the weights, by their paths.
          outputs: the paths of the layers' outputs, such as `"dense/output"`.
        """
        del outputs
        for path, shape in shapes.items():
            self.layout_of(path, shape).check_fits(f"{who}: {path}", shape)

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Within this context models are laid out so."""
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)

    def _whole(self, shape: Sequence[int]) -> TensorLayout:
        return TensorLayout((None,) * len(shape), self._device_mesh)

    def key(self) -> tuple[Any, ...]:
        return type(self), self._device_mesh, self._batch_dim_name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Distribution) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self._device_mesh}>"


class DataParallel(Distribution):
    """Every device has all weights and a part of each batch; gradients are summed over devices.

    Args:
      device_mesh: a mesh; the batch is cut along its first axis.
      devices: the devices, where no mesh is given; all of them when left out.
      auto_shard_dataset: whether every process takes its part of the data that all of them read;
        False where each reads data of its own.

    Raises:
      TypeError: `device_mesh` is none, or `auto_shard_dataset` is no bool.

    Source: `keras.distribution.DataParallel`.
    """

    @named_arguments
    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[Any] | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        mesh = _mesh_of(type(self).__name__, device_mesh, devices)
        super().__init__(mesh, mesh.axis_names[0], auto_shard_dataset)

    def layout_of(self, path: str, shape: Sequence[int]) -> TensorLayout:
        """Whole, on every device."""
        return self._whole(shape)

    def key(self) -> tuple[Any, ...]:
        return *super().key(), self.auto_shard_dataset


class FullyShardedDataParallel(DataParallel):
    """Every device has a part of the weights, of the optimizer's state, and of each batch: weights
    are gathered where a layer needs them, and gradients summed into parts. Of each weight the
    largest dimension that divides by the devices is cut; small ones, and those that do not divide,
    are whole.

    Args:
      device_mesh, devices, auto_shard_dataset: as for `DataParallel`.
      min_size: weights of fewer elements are whole.
      reshard_after_forward: whether gathered weights are dropped after the forward pass, and
        gathered a second time on the way back. False keeps them: less is sent, and every device
        holds all weights for a time.

    Source: PyTorch's and JAX's FSDP, ZeRO stage 3 (Rajbhandari et al., arXiv:1910.02054).
    """

    @named_arguments
    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[Any] | None = None,
        auto_shard_dataset: bool = True,
        min_size: int = SMALL,
        reshard_after_forward: bool = True,
    ) -> None:
        super().__init__(device_mesh, devices, auto_shard_dataset)
        who = type(self).__name__
        if isinstance(min_size, bool) or not hasattr(min_size, "__index__"):
            expected = "a number of elements"
            raise type_error(
                who=who, argument="min_size", expected=expected, got=describe(min_size)
            )
        self.min_size = min_size
        self.reshard_after_forward = _flag(who, "reshard_after_forward", reshard_after_forward)

    gathers: ClassVar[bool] = True

    @property
    def gathers_again(self) -> bool:
        """As `reshard_after_forward` says."""
        return self.reshard_after_forward

    def layout_of(self, path: str, shape: Sequence[int]) -> TensorLayout:
        """Cut along the largest dimension that divides by the devices."""
        parts = self.num_model_replicas
        fitting = [n for n, size in enumerate(shape) if size % parts == 0 and size]
        if int(np.prod(shape)) < self.min_size or not fitting:
            return self._whole(shape)
        cut = max(fitting, key=lambda n: shape[n])
        axes = [self._batch_dim_name if n == cut else None for n in range(len(shape))]
        return TensorLayout(axes, self._device_mesh)

    def key(self) -> tuple[Any, ...]:
        return *super().key(), self.min_size, self.reshard_after_forward


class ModelParallel(Distribution):
    """Weights are cut as a `LayoutMap` says, batches along one axis of the mesh.

    Args:
      layout_map: layouts by regular expressions over the paths of weights.
      batch_dim_name: the axis of the mesh that batches are cut along; its first when left out.
      auto_shard_dataset: as for `DataParallel`.
      device_mesh: the map's mesh; another one is an error.

    Raises:
      TypeError: `layout_map` is none, or `auto_shard_dataset` is no bool.
      ValueError: it has no mesh, or the mesh no such axis.

    Source: `keras.distribution.ModelParallel`.
    """

    @named_arguments
    def __init__(
        self,
        *,
        layout_map: LayoutMap,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        device_mesh: DeviceMesh | None = None,
    ) -> None:
        who = "ModelParallel"
        if not isinstance(layout_map, LayoutMap):
            raise type_error(
                who=who, argument="layout_map", expected="a LayoutMap", got=describe(layout_map)
            )
        mesh = layout_map.device_mesh
        if mesh is None:
            raise value_error(
                who=who,
                argument="layout_map",
                expected="a LayoutMap with a mesh",
                got="one without",
                fix="Write LayoutMap(device_mesh).",
            )
        if device_mesh is not None and device_mesh != mesh:
            raise value_error(
                who=who,
                argument="device_mesh",
                expected="the mesh of `layout_map`",
                got=f"{device_mesh}, and {mesh} there",
                fix="Write LayoutMap(device_mesh).",
            )
        super().__init__(mesh, batch_dim_name, auto_shard_dataset)
        self.layout_map = layout_map

    def layout_of(self, path: str, shape: Sequence[int]) -> TensorLayout:
        """What the map says; whole where it says nothing."""
        return self.layout_map[path] or self._whole(shape)

    @property
    def has_output_rules(self) -> bool:
        """Whether an expression names outputs."""
        return any(OUTPUT in pattern for pattern in self.layout_map)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """What the map says of this path; of outputs, such as `"dense/output"`, what an expression
        says that names them: `".*dense.*"` is one for weights.
        """
        if path.rpartition("/")[2] == OUTPUT:
            return self.layout_map.of_outputs(path)
        return self.layout_map[path]

    def check_weights(
        self, who: str, shapes: Mapping[str, Sequence[int]], outputs: Iterable[str] = ()
    ) -> None:
        """As for `Distribution`; an expression that matches no weight and no output is an error,
        too.
        """
        super().check_weights(who, shapes)
        outputs = list(outputs)
        used = {id(self.layout_map[path]) for path in shapes}
        used |= {id(self.layout_map.of_outputs(path)) for path in outputs}
        for pattern, layout in self.layout_map.items():
            if id(layout) not in used:
                known = outputs if OUTPUT in pattern.rpartition("/")[2] else list(shapes)
                raise value_error(
                    who=who,
                    argument="layout_map",
                    expected="expressions that match weights, or outputs of layers",
                    got=f"{pattern!r}, which matches none",
                    fix=_nearest_paths(pattern, known),
                )

    def key(self) -> tuple[Any, ...]:
        layouts = tuple((pattern, layout.axes) for pattern, layout in self.layout_map.items())
        return *super().key(), self.auto_shard_dataset, layouts


_current: Distribution | None = None


@named_arguments
def distribution() -> Distribution | None:
    """What `set_distribution` set; None for one device.

    Source: `keras.distribution.distribution`.
    """
    return _current


@named_arguments
def set_distribution(value: Distribution | None) -> None:
    """Lays models over devices from now on, in this process; None ends it.

    `compile(distribution=…)` does so for one model.

    Raises:
      TypeError: it is no distribution.

    Source: `keras.distribution.set_distribution`.
    """
    global _current
    if value is not None:
        check_distribution("set_distribution", "value", value)
    _current = value


def check_distribution(who: str, argument: str, value: object) -> None:
    """Raises TypeError for anything but a distribution."""
    if not isinstance(value, Distribution):
        got, fix = describe(value), ""
        if isinstance(value, type) and issubclass(value, Distribution):
            got, fix = f"the class {value.__name__}", f"Make one: {value.__name__}(...)."
        expected = "a distribution, such as DataParallel()"
        raise type_error(who=who, argument=argument, expected=expected, got=got, fix=fix)


def _nearest_paths(pattern: str, known: list[str]) -> str:
    """What to do with an expression that matches none of the paths."""
    inside = [path for path in known if re.search(pattern, path)]
    if inside:
        return f"An expression has to match a whole path, such as {inside[0]!r}: '.*{pattern}.*'."
    near = difflib.get_close_matches(pattern, known, n=3, cutoff=0.3)
    return f"The nearest paths are {near or known[:3]}: write one of them, or delete the rule."


def _flag(who: str, argument: str, value: object) -> bool:
    """`value`, which must be True or False: a word in its place would count as True."""
    if not isinstance(value, bool):
        got = describe(value)
        raise type_error(who=who, argument=argument, expected="True or False", got=got)
    return value


def _mesh_of(who: str, device_mesh: Any, devices: Sequence[Any] | None) -> DeviceMesh:
    if device_mesh is None:
        if isinstance(devices, str) or not (devices is None or isinstance(devices, Iterable)):
            expected = "a list of devices such as ['cpu:0', 'cpu:1']"
            raise type_error(who=who, argument="devices", expected=expected, got=describe(devices))
        found = list(list_devices() if devices is None else devices)
        return DeviceMesh((len(found),), [BATCH], found)
    if devices is not None:
        raise value_error(who=who, argument="devices", expected="a mesh or devices", got="both")
    _check_mesh(who, device_mesh)
    mesh: DeviceMesh = device_mesh
    return mesh


def _check_mesh(who: str, device_mesh: object) -> None:
    if not isinstance(device_mesh, DeviceMesh):
        is_count = isinstance(device_mesh, int)
        raise type_error(
            who=who,
            argument="device_mesh",
            expected="a DeviceMesh",
            got=describe(device_mesh),
            fix=f"Write {who}(devices=list_devices()[:{device_mesh}])." if is_count else "",
        )
