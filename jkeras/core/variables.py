"""Variables: weights that a class written in Keras's way holds as attributes.

    self.w = self.add_weight(shape=(4,), name="w")     # in `build`
    return inputs * self.w                             # in `call`

A variable holds no array that is trained. It is a name for one: while a pure function runs, a
`Frame` says which array the name stands for, and takes down what is assigned; so the function stays
a function of its arguments. Laws: frames nest, and the innermost one that knows a variable counts;
threads and tasks do not see each other's; outside of all frames a variable reads and writes what
its model has, or, where no model has it, its initial or assigned value.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.arrays import native
from jkeras.core.dtype_policy import floatx
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.global_arrays import on_host
from jkeras.core.host_random import key_of_seed
from jkeras.core.keys import Key
from jkeras.core.trees import dtype_of

if TYPE_CHECKING:
    from jax.typing import ArrayLike, DTypeLike

    from jkeras.core.typing import HoldsArray

T = TypeVar("T")


class Frame:
    """What the variables of one object stand for, while one of its functions runs.

    Attributes:
      owner: the object.
      values: the array of each variable.
      dtype: the dtype to compute in, or None.
      fixed: why trained weights cannot be assigned here, or "".
    """

    phase = ""

    def __init__(self, owner: Any, dtype: DTypeLike | None = None, fixed: str = "") -> None:
        self.owner, self.dtype, self.fixed = owner, dtype, fixed
        self.values: dict[Variable, Any] = {}

    def value_inside(self, variable: Variable) -> Any:
        """The array of a variable of an object inside the owner; None where it is not known."""
        del variable
        return None


_frames: ContextVar[tuple[Any, ...]] = ContextVar("frames", default=())


@contextlib.contextmanager
def within(frame: Frame) -> Iterator[None]:
    """Makes a frame the innermost one."""
    token = _frames.set((*_frames.get(), frame))
    try:
        yield
    finally:
        _frames.reset(token)


def innermost(kind: type = Frame) -> Any:
    """The innermost frame of a kind, or None."""
    return next(frames_of(kind), None)


def frames_of(kind: type) -> Iterator[Any]:
    """The frames of a kind, the innermost one first."""
    return (frame for frame in reversed(_frames.get()) if isinstance(frame, kind))


@contextlib.contextmanager
def lenient() -> Iterator[None]:
    """Lets a user's code promote dtypes and ranks, whatever JAX's own configuration says."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def _frame_of(variable: Variable) -> Frame | None:
    return next((f for f in reversed(_frames.get()) if variable in f.values), None)


def _inside(variable: Variable) -> tuple[Frame | None, Any]:
    """The innermost frame that knows a variable of an object inside, and its array there."""
    for frame in reversed(_frames.get()):
        value = frame.value_inside(variable)
        if value is not None:
            return frame, value
    return None, None


named_initializers: list[Callable[[str], Any]] = []
"""The function from a name to an initializer, which `object_api.register` puts here."""


class Variable:
    """A weight under a name: an array that may be assigned.

    Args:
      initializer: an array, a number, or what makes it: `(shape, dtype)`, or its name, "zeros".
      shape: needed for an initializer; that of the array otherwise.
      dtype: that of the array, or `floatx()`, when left out.
      trainable: whether an optimizer updates it.
      autocast: whether it is cast to the dtype that its layer computes in.
      aggregation: of no meaning here.
      name: how it is called.
      regularizer: from the array to a loss, or None.
      constraint: from the array to the one that takes its place after every update, or None.

    Raises:
      ValueError: an initializer without a shape; or made in `call` of a layer or model.

    Example:
      >>> count = Variable(0, dtype="int32", trainable=False)
      >>> _ = count.assign_add(2)
      >>> int(count), int(count + 1)
      (2, 3)

    Source: `keras.Variable`.
    """

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        name: str | None = None,
        *,
        regularizer: Any = None,
        constraint: Any = None,
    ) -> None:
        del aggregation
        frame = innermost()
        if frame is not None and frame.phase == "call":
            raise ValueError(
                "Variable: expected to be made in `__init__` or `build` of "
                f"{type(frame.owner).__name__}, got made in its `call`, where it would be new "
                "every time. Make it there, and assign it in `call`."
            )
        if isinstance(initializer, str):
            initializer = named_initializers[0](initializer)
        if _is_function(initializer) and shape is None:
            raise ValueError(
                "Variable: expected a `shape` with an initializer, got none. "
                "Write Variable(initializer, shape=(3, 4))."
            )
        self.name = "variable" if name is None else str(name)
        self.named = name is not None
        self.in_params, self.autocast = bool(trainable), autocast
        self._is_overwritten = False
        self.regularizer, self.constraint = regularizer, constraint
        self.initializer = initializer = native(initializer)
        self._find: Callable[[], Any] = _no_weight
        self.has_owner = False
        self._array: Any = None
        if _is_function(initializer):
            self.shape = tuple(int(n) for n in shape)
            self.dtype = dtype_of(dtype or floatx())
        else:
            array = np.asarray(initializer) if not hasattr(initializer, "dtype") else initializer
            self.dtype = dtype_of(dtype or array.dtype)
            self.shape = tuple(array.shape)

    def __getstate__(self) -> dict[str, Any]:
        """All but the way to the weight in a model, which a copy of its owner finds anew."""
        return vars(self) | {"_find": _no_weight, "has_owner": False}

    # -- the value

    def initial(self, key: Key) -> Any:
        """The first value.

        Args:
          key: the random key of an initializer that draws.
        """
        if not _is_function(self.initializer):
            return jnp.asarray(self.initializer, self.dtype)
        kwargs = {"key": key} if getattr(self.initializer, "takes_key", True) else {}
        value = jnp.asarray(self.initializer(self.shape, self.dtype, **kwargs), self.dtype)
        return jnp.broadcast_to(value, self.shape)

    @property
    def value(self) -> Any:
        """The array, in the dtype that its layer computes in."""
        frame = _frame_of(self)
        if frame is None:
            frame, value = _inside(self)
        else:
            value = frame.values[self]
        if frame is None:
            return self._outside()
        casts = frame.dtype is not None and self.autocast
        is_floating = jnp.issubdtype(self.dtype, jnp.floating)
        return value.astype(frame.dtype) if casts and is_floating else value

    def _outside(self) -> Any:
        """The value where no frame knows the variable."""
        weight = self._find()
        if weight is not None:
            return weight.value
        if self._array is None:
            with jax.ensure_compile_time_eval():  # it outlives a trace
                self._array = self.initial(key_of_seed(0))
        return self._array

    def restart(self) -> None:
        """Forgets what was assigned where no model has the variable: it begins anew."""
        self._array = None

    def find_by(self, function: Callable[[], Any]) -> None:
        """Sets the function that returns the view on the weight in the model that has it, or None;
        it is called outside of all frames.
        """
        self._find, self.has_owner = function, True

    @property
    def trainable(self) -> bool:
        """Whether training changes it; in a model, setting it freezes or unfreezes this weight."""
        weight = None if _frame_of(self) is not None else self._find()
        return self.in_params if weight is None else weight.trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        weight = self._find()
        if weight is None:
            self.in_params = bool(value)
        else:
            weight.trainable = value

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether a training step makes its gradient its next value, and no optimizer moves it."""
        return self._is_overwritten

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise WrongTypeError(
                f"{self!r}: `overwrite_with_gradient`: expected True or False, got "
                f"{describe(value)}."
            )
        self._is_overwritten = value

    @property
    def path(self) -> str:
        """The names of the layers around it in its model, and its name."""
        weight = self._find()
        return self.name if weight is None else weight.path

    def assign(self, value: ArrayLike | HoldsArray) -> Any:
        """Makes `value` the array, cast to its dtype; returns the array.

        Raises:
          TypeError: it is being traced, and no function that runs here can return it.
          ValueError: another shape; or a trained weight inside `call`.
        """
        value = jnp.asarray(_array(value), self.dtype)
        if value.shape != self.shape:
            if value.ndim:
                raise ValueError(
                    f"{self!r}: assign: expected shape {self.shape}, got {value.shape}."
                )
            value = jnp.broadcast_to(value, self.shape)
        frame = _frame_of(self)
        if frame is not None and frame.fixed and self.in_params:
            raise ValueError(f"{self!r}: {frame.fixed}")
        if frame is not None:
            frame.values[self] = value
        elif isinstance(value, jax.core.Tracer):
            raise WrongTypeError(
                f"{self!r}: a variable that is assigned inside a compiled program must belong to "
                "the layer or metric that runs there. Make it by self.add_weight(...)."
            )
        else:
            weight = self._find()
            if weight is None:
                self._array = value
            else:
                weight.assign(value)
        return value

    def assign_add(self, value: ArrayLike | HoldsArray) -> Any:
        """Adds `value` to the array."""
        return self.assign(self._plain() + _array(value))

    def assign_sub(self, value: ArrayLike | HoldsArray) -> Any:
        """Subtracts `value` from the array."""
        return self.assign(self._plain() - _array(value))

    def _plain(self) -> Any:
        """The array in its own dtype."""
        frame = _frame_of(self)
        return self._outside() if frame is None else frame.values[self]

    # -- as an array

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        return int(np.prod(self.shape, dtype=int))

    def numpy(self) -> np.ndarray:
        """A copy as a NumPy array."""
        return np.array(on_host(self.value))

    def __jax_array__(self) -> Any:
        return self.value

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        del copy
        return np.asarray(on_host(self.value), dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [_array(x) for x in inputs]
        if method == "__call__" and not kwargs and hasattr(jnp, ufunc.__name__):
            return getattr(jnp, ufunc.__name__)(*plain)  # of traced arrays, too
        return getattr(ufunc, method)(*map(np.asarray, plain), **kwargs)

    def __getattr__(self, name: str) -> Any:
        """The attributes of arrays (`T`, `astype`, `sum`, `at`), of the value."""
        if name.startswith("_") or not hasattr(jax.Array, name):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.")
        return getattr(self.value, name)

    def __getitem__(self, item: Any) -> Any:
        return self.value[jax.tree.map(_array, item)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __repr__(self) -> str:
        return f"<Variable {self.name!r} shape={self.shape}, dtype={self.dtype}>"

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> Any:
        return True if self is other else self.value == _array(other)

    def __ne__(self, other: object) -> Any:
        return False if self is other else self.value != _array(other)


def _binary(name: str) -> Any:
    return lambda self, other: getattr(self.value, name)(_array(other))


def _unary(name: str) -> Any:
    return lambda self: getattr(self.value, name)()


_BINARY = "add sub mul truediv floordiv mod pow matmul and or xor"
for _name in [f"__{side}{word}__" for word in _BINARY.split() for side in ("", "r")]:
    setattr(Variable, _name, _binary(_name))
for _name in ("__lt__", "__le__", "__gt__", "__ge__"):
    setattr(Variable, _name, _binary(_name))
for _name in ("__neg__", "__pos__", "__abs__", "__invert__"):
    setattr(Variable, _name, _unary(_name))


def _no_weight() -> None:
    """The view on a weight that is in no model."""


def _is_function(initializer: object) -> bool:
    """Whether it is a function that makes the array, and not the array itself."""
    return callable(initializer) and not hasattr(initializer, "shape")


def _array(value: object) -> Any:
    return value.value if isinstance(value, Variable) else value


def weight_shape(who: str, shape: object) -> tuple[int, ...]:
    """The shape of a new weight.

    Raises:
      TypeError: it is no tuple of integers.
      ValueError: a size in it is unknown.
    """
    shape = () if shape is None else shape
    listed = (shape,) if hasattr(shape, "__index__") else shape
    if not isinstance(listed, list | tuple):
        raise WrongTypeError(f"{who}: add_weight: `shape`: expected sizes, got {describe(shape)}.")
    if any(n is None for n in listed):
        raise ValueError(
            f"{who}: add_weight: `shape`: expected known sizes, got {tuple(listed)}. "
            "Give that axis a size in Input."
        )
    return tuple(int(n) for n in listed)


def name_first(add_weight: Callable[..., T]) -> Callable[..., T]:
    """Decorates an `add_weight`, so that the name may come first, as in Keras 2."""

    @functools.wraps(add_weight)
    def added(self: Any, *args: Any, **kwargs: Any) -> T:
        if args and isinstance(args[0], str) and "name" not in kwargs:
            return add_weight(self, *args[1:], **kwargs, name=args[0])
        return add_weight(self, *args, **kwargs)

    return added
