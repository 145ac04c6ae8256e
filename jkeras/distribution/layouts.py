"""Meshes of devices, and how arrays are cut over them: thin descriptions of `jax.sharding`."""

from __future__ import annotations

import difflib
import functools
import math
import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, Sharding

from jkeras.core.errors import describe, named_arguments, type_error, value_error
from jkeras.core.global_arrays import put
from jkeras.core.symbols import Symbol
from jkeras.distribution.devices import device_of, list_devices, name_of

if TYPE_CHECKING:
    from jax.typing import ArrayLike

OUTPUT = "output"
"""The last word of the path of a layer's outputs: `"dense_1/output"`."""


class DeviceMesh:
    """Devices in a grid with named axes.

    Args:
      shape: devices along each axis, such as `(8,)` or `(2, 4)`.
      axis_names: a name for each axis, such as `["batch", "model"]`.
      devices: names such as `"gpu:0"`, or devices of JAX; all of this kind of machine when left
        out.

    Attributes:
      devices: the names, an array of the mesh's shape.

    Raises:
      ValueError: the numbers do not go together, or a device is not there.

    Source: `keras.distribution.DeviceMesh`; `jax.sharding.Mesh`, with axes of type Auto.
    """

    @named_arguments
    def __init__(
        self, shape: Sequence[int], axis_names: Sequence[str], devices: Sequence[Any] | None = None
    ) -> None:
        who = "DeviceMesh"
        shape, axis_names = _sizes(who, shape), _names(who, axis_names)
        if len(shape) != len(axis_names):
            raise value_error(
                who=who,
                argument="axis_names",
                expected=f"a name for each axis of shape {shape}",
                got=list(axis_names),
            )
        if len(set(axis_names)) != len(axis_names):
            expected = "names that differ"
            raise value_error(
                who=who, argument="axis_names", expected=expected, got=list(axis_names)
            )
        given = np.array(list_devices() if devices is None else devices, dtype=object)
        count = math.prod(shape)
        if given.size != count:
            fix = ""
            if devices is None and given.size > count:
                fix = f"Pass some of them: devices=list_devices()[:{count}]."
            elif devices is None:
                fix = "On the CPU, jax.config.update('jax_num_cpu_devices', n) makes n of them."
            raise value_error(
                who=who,
                argument="shape",
                expected=f"a shape of {given.size} devices",
                got=f"{shape}, which are {count}",
                fix=fix,
            )
        found = [device_of(who, device) for device in given.reshape(-1)]
        if len(set(found)) != len(found):
            twice = sorted({name_of(device) for device in found if found.count(device) > 1})
            expected = "each device once"
            raise value_error(
                who=who, argument="devices", expected=expected, got=f"{twice} more than once"
            )
        self._shape, self._axis_names = shape, axis_names
        self._names = tuple(name_of(device) for device in found)

    @property
    def shape(self) -> tuple[int, ...]:
        """Devices along each axis."""
        return self._shape

    @property
    def axis_names(self) -> tuple[str, ...]:
        """The names of the axes."""
        return self._axis_names

    @property
    def devices(self) -> np.ndarray:
        """The devices' names, in the mesh's shape."""
        return np.array(self._names).reshape(self._shape)

    @functools.cached_property
    def backend_mesh(self) -> Mesh:
        """The mesh of JAX."""
        devices = [device_of("DeviceMesh", name) for name in self._names]
        grid = np.array(devices, dtype=object).reshape(self._shape)
        kinds = (AxisType.Auto,) * len(self._shape)
        return Mesh(grid, self._axis_names, axis_types=kinds)

    @functools.cached_property
    def processes(self) -> tuple[int, ...]:
        """The numbers of the processes that have these devices."""
        return tuple(sorted({device.process_index for device in self.backend_mesh.devices.flat}))

    def size_of(self, axis: str | None) -> int:
        """Devices along an axis; 1 for None."""
        return 1 if axis is None else self._shape[self._axis_names.index(axis)]

    def key(self) -> tuple[Any, ...]:
        return self._shape, self._axis_names, self._names

    def __getstate__(self) -> dict[str, Any]:
        """The devices as names: a pickle may be read where there are others, which is an error when
        the mesh is used.
        """
        of_now = ("backend_mesh", "processes")
        return {name: value for name, value in vars(self).items() if name not in of_now}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DeviceMesh) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self._shape}, axis_names={list(self._axis_names)}>"


def _sizes(who: str, shape: object) -> tuple[int, ...]:
    """Devices along each axis, as given to a mesh."""
    listed = shape if isinstance(shape, Sequence | np.ndarray) else None
    if listed is None or any(isinstance(n, bool) or not hasattr(n, "__index__") for n in listed):
        expected = "a tuple of numbers, such as (2, 4)"
        raise type_error(who=who, argument="shape", expected=expected, got=describe(shape))
    sizes = tuple(map(int, listed))
    if not sizes or min(sizes) < 1:
        expected = "at least one device along each axis"
        raise value_error(who=who, argument="shape", expected=expected, got=sizes)
    return sizes


def _names(who: str, axis_names: Any) -> tuple[str, ...]:
    """The names of a mesh's axes, as given to it."""
    is_list = isinstance(axis_names, Sequence | np.ndarray) and not isinstance(axis_names, str)
    if not is_list or not all(isinstance(name, str) for name in axis_names):
        expected = "a list of names, such as ['batch', 'model']"
        raise type_error(
            who=who, argument="axis_names", expected=expected, got=describe(axis_names)
        )
    return tuple(map(str, axis_names))


class TensorLayout:
    """Along which axes of a mesh the dimensions of an array are cut.

    Args:
      axes: for each dimension the name of an axis of the mesh, or None where it is whole.
      device_mesh: the mesh; a `LayoutMap` gives its own to a layout without one.

    Raises:
      ValueError: an axis is not one of the mesh, or stands for two dimensions.

    Source: `keras.distribution.TensorLayout`; `jax.sharding.NamedSharding`.
    """

    @named_arguments
    def __init__(self, axes: object, device_mesh: DeviceMesh | None = None) -> None:
        if isinstance(axes, str) or not isinstance(axes, Sequence):
            expected = "a tuple with a name or None for each dimension"
            raise type_error(
                who="TensorLayout", argument="axes", expected=expected, got=describe(axes)
            )
        self._axes, self._device_mesh = tuple(axes), device_mesh
        self._check()

    @property
    def axes(self) -> tuple[str | None, ...]:
        """For each dimension the name of an axis of the mesh, or None."""
        return self._axes

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh; it can be set once."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, device_mesh: DeviceMesh) -> None:
        if self._device_mesh is not None:
            raise value_error(
                who="TensorLayout",
                argument="device_mesh",
                expected="a layout without a mesh, to give it one",
                got=f"one with {self._device_mesh}",
                fix="Make another layout: TensorLayout(layout.axes, mesh).",
            )
        self._device_mesh = device_mesh
        self._check()

    @property
    def backend_layout(self) -> NamedSharding:
        """The sharding of JAX.

        Raises:
          ValueError: the layout has no mesh.
        """
        if self._device_mesh is None:
            raise value_error(
                who="TensorLayout",
                argument="device_mesh",
                expected="a mesh",
                got="none",
                fix="Write TensorLayout(axes, device_mesh=mesh).",
            )
        axes = list(self._axes)
        while axes and axes[-1] is None:  # as XLA gives it back, which JAX compares by
            axes.pop()
        return NamedSharding(self._device_mesh.backend_mesh, PartitionSpec(*axes))

    def check_fits(self, who: str, shape: Sequence[int | None]) -> None:
        """Raises ValueError unless an array of this shape can be cut so."""
        assert self._device_mesh is not None, "layouts that are used have a mesh"
        if len(self._axes) > len(shape):
            raise value_error(
                who=who,
                argument="axes",
                expected=f"at most {len(shape)} axes for shape {tuple(shape)}",
                got=self._axes,
            )
        for number, (axis, size) in enumerate(zip(self._axes, shape, strict=False)):
            parts = self._device_mesh.size_of(axis)
            if size is not None and size % parts:
                raise value_error(
                    who=who,
                    argument="axes",
                    expected=f"dimension {number} to be a multiple of the {parts} devices along "
                    f"{axis!r}",
                    got=f"{size} of shape {tuple(shape)}",
                    fix=f"Leave it whole with None there, or make the layer "
                    f"{-(-size // parts) * parts} wide.",
                )

    def _check(self) -> None:
        named = [axis for axis in self._axes if axis is not None]
        for axis in named:
            if not isinstance(axis, str):
                expected = "names of axes, or None"
                raise type_error(
                    who="TensorLayout", argument="axes", expected=expected, got=describe(axis)
                )
            known = None if self._device_mesh is None else self._device_mesh.axis_names
            if known is not None and axis not in known:
                near = difflib.get_close_matches(axis, known, n=1)
                raise value_error(
                    who="TensorLayout",
                    argument="axes",
                    expected=f"axes of the mesh, {list(known)}",
                    got=repr(axis),
                    fix=f"Did you mean {near[0]!r}?" if near else "",
                )
        if len(set(named)) != len(named):
            raise value_error(
                who="TensorLayout",
                argument="axes",
                expected="each axis of the mesh once",
                got=self._axes,
            )

    def key(self) -> tuple[Any, ...]:
        return self._axes, self._device_mesh

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorLayout) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self._axes)

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self._axes}, device_mesh={self._device_mesh}>"


class LayoutMap(MutableMapping[str, Any]):
    """Layouts by regular expressions over the paths of weights, such as `"dense_1/kernel"`.

    An expression has to match the whole path. A weight that none matches lies whole on every
    device. One that ends in `output`, such as `"dense_1/output"`, is for what a layer gives.

    Args:
      device_mesh: the mesh of layouts that have none of their own.

    Example:
      >>> layouts = LayoutMap(DeviceMesh((1,), ["model"], devices=list_devices()[:1]))
      >>> layouts[".*dense.*kernel"] = (None, "model")
      >>> layouts["dense_1/kernel"].axes
      (None, 'model')
      >>> layouts["dense_1/bias"] is None
      True

    Source: `keras.distribution.LayoutMap`.
    """

    @named_arguments
    def __init__(self, device_mesh: DeviceMesh | None = None) -> None:
        if device_mesh is not None and not isinstance(device_mesh, DeviceMesh):
            raise type_error(
                who="LayoutMap",
                argument="device_mesh",
                expected="a DeviceMesh",
                got=describe(device_mesh),
            )
        self._device_mesh = device_mesh
        self._layouts: dict[str, TensorLayout] = {}

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh of layouts that have none of their own."""
        return self._device_mesh

    def __getitem__(self, key: str) -> TensorLayout | None:
        """The layout for a path; None where no expression matches.

        Raises:
          ValueError: several expressions match.
        """
        return self._one_of(key, list(self._layouts))

    def of_outputs(self, path: str) -> TensorLayout | None:
        """The layout for a layer's outputs, by expressions that name them: those which no longer
        match with another last word.
        """
        other = f"{path.rpartition('/')[0]}/weight"
        names = [p for p in self._layouts if OUTPUT in p and not re.fullmatch(p, other)]
        return self._one_of(path, names)

    def _one_of(self, key: str, patterns: list[str]) -> TensorLayout | None:
        if key in self._layouts:
            return self._layouts[key]
        found = [pattern for pattern in patterns if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise value_error(
                who="LayoutMap",
                expected=f"one expression that matches {key!r}",
                got=f"{len(found)}: {found}",
                fix="Make them narrower, so that each weight has one layout.",
            )
        return self._layouts[found[0]] if found else None

    def __setitem__(self, key: str, layout: Any) -> None:
        """Adds a layout, or a tuple of its axes.

        Raises:
          TypeError: it is no layout.
          ValueError: the expression is there already, or is none.
        """
        if key in self._layouts:
            raise value_error(
                who="LayoutMap",
                expected="an expression that is not there yet",
                got=f"{key!r}, which has {self._layouts[key].axes}",
                fix=f"Delete it first: del layout_map[{key!r}].",
            )
        try:
            re.compile(key)
        except (re.error, TypeError) as error:
            raise value_error(
                who="LayoutMap",
                expected="a regular expression",
                got=repr(key),
                fix=f"It cannot be read: {error}.",
            ) from None
        layout = TensorLayout(layout) if isinstance(layout, tuple | list) else layout
        if not isinstance(layout, TensorLayout):
            expected = "a TensorLayout, or a tuple of axes"
            raise type_error(who="LayoutMap", expected=expected, got=describe(layout))
        if layout.device_mesh is None and self._device_mesh is not None:
            layout.device_mesh = self._device_mesh
        if self._device_mesh is not None and layout.device_mesh != self._device_mesh:
            raise value_error(
                who="LayoutMap",
                expected=f"layouts on the mesh of the map, {self._device_mesh}",
                got=f"{layout.device_mesh} for {key!r}",
            )
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)

    def __repr__(self) -> str:
        rows = {key: layout.axes for key, layout in self._layouts.items()}
        return f"<LayoutMap {rows}, device_mesh={self._device_mesh}>"


@named_arguments
def distribute_tensor(tensor: ArrayLike | Symbol, layout: object) -> Any:
    """An array in another layout; inside of a compiled function, a constraint on it.

    Args:
      tensor: an array; a symbol of a functional model comes back as it is.
      layout: a `TensorLayout`, or a sharding of JAX.

    Raises:
      ValueError: the array cannot be cut so.

    Source: `keras.distribution.distribute_tensor`.
    """
    if isinstance(tensor, Symbol):
        return tensor
    if isinstance(layout, TensorLayout):
        sharding: Any = layout.backend_layout
        layout.check_fits("distribute_tensor", np.shape(tensor))
    elif isinstance(layout, Sharding):
        sharding = layout
    else:
        raise type_error(
            who="distribute_tensor",
            argument="layout",
            expected="a TensorLayout with a mesh, or a sharding of JAX",
            got=describe(layout),
        )
    if isinstance(tensor, jax.core.Tracer):
        return jax.lax.with_sharding_constraint(tensor, sharding)
    return put(tensor, sharding)
