"""How a model and its batches are laid over devices: the same numbers, other places."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jkeras.core.errors import describe, type_error, value_error
from jkeras.distribution.devices import list_devices
from jkeras.distribution.layouts import DeviceMesh, LayoutMap, TensorLayout

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

    Source: `keras.distribution.Distribution`.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        self._device_mesh = device_mesh
        self._batch_dim_name = batch_dim_name or device_mesh.axis_names[0]
        self.auto_shard_dataset = auto_shard_dataset

    @property
    def num_processes(self) -> int:
        """The processes that compute together."""
        return jax.process_count()

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

    def check_weights(self, who: str, shapes: Mapping[str, Sequence[int]]) -> None:
        """Raises ValueError where a rule matches no weight, or a weight cannot be cut by its rule.

        Args:
          who: the model, for messages.
          shapes: of the weights, by their paths.
        """
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
      TypeError: `device_mesh` is none.

    Source: `keras.distribution.DataParallel`.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[Any] | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        mesh = _mesh_of(type(self).__name__, device_mesh, devices)
        super().__init__(mesh, mesh.axis_names[0])
        self.auto_shard_dataset = auto_shard_dataset

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

    Source: PyTorch's and JAX's FSDP, ZeRO stage 3 (Rajbhandari et al., arXiv:1910.02054).
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[Any] | None = None,
        auto_shard_dataset: bool = True,
        min_size: int = SMALL,
    ) -> None:
        super().__init__(device_mesh, devices, auto_shard_dataset)
        self.min_size = min_size

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
        return *super().key(), self.min_size


class ModelParallel(Distribution):
    """Weights are cut as a `LayoutMap` says, batches along one axis of the mesh.

    Args:
      layout_map: layouts by regular expressions over the paths of weights.
      batch_dim_name: the axis of the mesh that batches are cut along; its first when left out.
      auto_shard_dataset: as for `DataParallel`.
      device_mesh: the map's mesh; another one is an error.

    Raises:
      TypeError: `layout_map` is none.
      ValueError: it has no mesh, or the mesh no such axis.

    Source: `keras.distribution.ModelParallel`.
    """

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
        if mesh is None or (device_mesh is not None and device_mesh != mesh):
            raise value_error(
                who=who,
                argument="device_mesh",
                expected="the mesh of `layout_map`",
                got=f"{device_mesh}, and {mesh} there",
                fix="Write LayoutMap(device_mesh).",
            )
        name = batch_dim_name or mesh.axis_names[0]
        if name not in mesh.axis_names:
            raise value_error(
                who=who,
                argument="batch_dim_name",
                expected=f"an axis of the mesh, {list(mesh.axis_names)}",
                got=repr(name),
            )
        super().__init__(mesh, name)
        self.layout_map, self.auto_shard_dataset = layout_map, auto_shard_dataset

    def layout_of(self, path: str, shape: Sequence[int]) -> TensorLayout:
        """What the map says; whole where it says nothing."""
        return self.layout_map[path] or self._whole(shape)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """What the map says of this path."""
        return self.layout_map[path]

    def check_weights(self, who: str, shapes: Mapping[str, Sequence[int]]) -> None:
        """As for `Distribution`; an expression that matches no weight is an error, too."""
        super().check_weights(who, shapes)
        used = {id(self.layout_map[path]) for path in shapes}
        for pattern, layout in self.layout_map.items():
            if id(layout) not in used:
                near = difflib.get_close_matches(pattern, shapes, n=3, cutoff=0.3)
                raise value_error(
                    who=who,
                    argument="layout_map",
                    expected="expressions that match weights",
                    got=f"{pattern!r}, which matches none",
                    fix=f"The nearest paths are {near or list(shapes)[:3]}.",
                )

    def key(self) -> tuple[Any, ...]:
        layouts = tuple((pattern, layout.axes) for pattern, layout in self.layout_map.items())
        return *super().key(), self.auto_shard_dataset, layouts


_current: Distribution | None = None


def distribution() -> Distribution | None:
    """What `set_distribution` set; None for one device.

    Source: `keras.distribution.distribution`.
    """
    return _current


def set_distribution(value: Any) -> None:
    """Lays models over devices from now on, in this process; None ends it.

    `compile(distribution=…)` does so for one model.

    Raises:
      TypeError: it is no distribution.

    Source: `keras.distribution.set_distribution`.
    """
    global _current
    if value is not None and not isinstance(value, Distribution):
        expected = "a distribution such as DataParallel(), or None"
        raise type_error(who="set_distribution", expected=expected, got=describe(value))
    _current = value


def _mesh_of(who: str, device_mesh: Any, devices: Sequence[Any] | None) -> DeviceMesh:
    if device_mesh is None:
        found = list(list_devices() if devices is None else devices)
        return DeviceMesh((len(found),), [BATCH], found)
    if devices is not None:
        raise value_error(who=who, argument="devices", expected="a mesh or devices", got="both")
    if not isinstance(device_mesh, DeviceMesh):
        raise type_error(
            who=who, argument="device_mesh", expected="a DeviceMesh", got=describe(device_mesh)
        )
    return device_mesh
