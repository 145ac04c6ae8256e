"""A module of another library as a layer: what all of them have in common.

Laws: the user's module never changes; `params` is what the library trains, `state` all
else that it carries from batch to batch; random numbers come from `key` alone; what the library
itself says to wrong inputs is kept, with a note that names the layer.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, NoReturn

import jax
import jax.numpy as jnp

from jkeras.core import trees
from jkeras.core.errors import WrongTypeError, nearest, type_error, value_error
from jkeras.core.keys import Key
from jkeras.core.layer import Array, Layer, Params, State, option
from jkeras.core.pickling import Packed
from jkeras.models.adapters.windows import with_our_windows

if TYPE_CHECKING:
    from jkeras.core.trees import Tree
    from jkeras.core.typing import Masks

_TRAINING = ("training", "train", "is_training")
_STATISTICS = "use_running_average"
_EVALUATION = ("deterministic", "inference", "enable_dropout")
_ROWS = ("ignored", "masked", "seen")
_LIBRARIES = ("flax", "haiku", "equinox")


def _word_or_none(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise WrongTypeError(f"expected an argument's name, got {value!r}.")
    return value


def _rows_or_none(value: object) -> str | None:
    if value is not None and value not in _ROWS:
        hint = nearest(value, _ROWS) if isinstance(value, str) else ""
        raise ValueError(f"expected 'ignored', 'masked', 'seen' or None, got {value!r}.{hint}")
    return value


def _flag_or_none(value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise WrongTypeError(f"expected True, False or None, got {value!r}.")
    return value


class ModuleSource:
    """A module that holds its first values, or its factory, as a field of a description.

    A description compares and hashes, arrays do not: a source is equal to itself alone.

    Attributes:
      value: the module or the factory.
      parts: the structure of the module, without values.
      make: the function that makes the source of the value, for a copy in another process.
    """

    __slots__ = ("make", "parts", "value")

    def __init__(self, value: Any, parts: Any, make: Callable[[Any], ModuleSource]) -> None:
        self.value, self.parts, self.make = value, parts, make

    def __deepcopy__(self, memo: dict[int, Any]) -> ModuleSource:
        return self  # neither part ever changes

    def __reduce__(self) -> tuple[Any, ...]:
        return self.make, (self.value,)


class ModuleCall(NamedTuple):
    """One call of a module.

    Attributes:
      inputs: arrays; the floating ones in the layer's dtype, if it has one.
      key: the random key, or None.
      training: whether the module is trained.
      kwargs: `rows` and `mask`, where the module takes them.
    """

    inputs: tuple[Any, ...]
    key: Key | None
    training: bool
    kwargs: dict[str, Any]


class Foreign(Layer):
    """Base of the adapters. A subclass has a field `module`, `init` and `run`.

    Args:
      padded_rows: what filler rows at the end of the last batch do to the others ("ignored",
        "masked": the module takes `rows=`, or "seen"). Left out, it is what the module's class says
        in an attribute of that name, else what is known of the library.
      training_argument: the module's own name for the flag that is True while training, where it is
        none of training, train and is_training.
      supports_masking: whether the mask of the inputs is that of the outputs. Left out, it is what
        the module's class says in an attribute of that name, else not.

    A module that takes `mask` by name gets the mask of its inputs there (for Equinox, under vmap,
    that of one example); one of the library's own does not, since its `mask` is another thing.
    """

    library: ClassVar[str] = ""

    state_advice: ClassVar[str] = ""
    """What to do about a module that returns a state of another structure."""

    padded_rows: Any = option(None, convert=_rows_or_none, kw_only=True)
    training_argument: str | None = option(None, convert=_word_or_none, kw_only=True)
    supports_masking: Any = option(None, convert=_flag_or_none, kw_only=True)  # type: ignore[misc]

    def check(self) -> None:
        if not any("__call__" in vars(base) for base in self.kind.__mro__):
            raise type_error(
                f"expected a module with a method `__call__`, and {self.kind.__name__} has none.",
                who=self.who,
            )
        if self.padded_rows is None:
            object.__setattr__(self, "padded_rows", self.known_rows())
        if self.supports_masking is None:
            declared = getattr(self.kind, "supports_masking", False)
            object.__setattr__(self, "supports_masking", bool(declared))
        needed = {"training_argument": self.training_argument}
        needed |= {"padded_rows": "rows" if self.padded_rows == "masked" else None}
        for argument, name in needed.items():
            if name is not None and name not in self.parameters():
                listed = ", ".join(self.parameters()) or "none"
                raise value_error(
                    f"`{argument}`: expected a module that takes `{name}`, and it does "
                    f"not.{nearest(name, self.parameters())} Its arguments: {listed}.",
                    who=self.who,
                )

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
        rows: Array | None = None,
        mask: Masks = None,
    ) -> tuple[Any, State]:
        """As every layer's `apply`. The new state has the structure and dtypes of the old one.

        Raises:
          ValueError: the module returns a state of another structure, which no loop can carry.
        """
        kwargs: dict[str, Any] = {"rows": rows} if self.padded_rows == "masked" else {}
        kwargs |= {"mask": mask} if mask is not None and self.makes_masks else {}
        call = ModuleCall(self.cast_inputs(inputs), key, training, kwargs)
        if training:
            outputs, new = with_our_windows(lambda p, s: self.run(p, s, call), params, state)
        else:
            outputs, new = self.run(params, state, call)
        if new is state:
            return outputs, state
        structure: Any = jax.tree.structure(new)
        if structure != jax.tree.structure(state):
            before, after = (", ".join(trees.named_leaves(tree)) for tree in (state, new))
            raise value_error(
                who=self.who,
                expected=f"a state of the same structure after each call ({before or 'nothing'})",
                got=after or "nothing",
                fix=self.state_advice,
            )
        # Weak types become strong: a loop could not carry them.
        strong = jax.tree.map(lambda a, b: jax.lax.convert_element_type(a, b.dtype), new, state)
        return outputs, strong

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"module": Packed(vars(self)["module"])}

    def run(self, params: Params, state: State, call: ModuleCall) -> tuple[Any, State]:
        """The outputs of the module with these values, and its new state."""
        raise NotImplementedError(f"{type(self).__name__}: expected a method `run`.")

    def known_rows(self) -> str:
        """The default of `padded_rows`: the class's own, else "seen"."""
        return getattr(self.kind, "padded_rows", "seen")

    @property
    def kind(self) -> Any:
        """The class of the module."""
        raise NotImplementedError(f"{type(self).__name__}: an adapter knows its module's class.")

    @property
    def brings_values(self) -> bool:
        """Whether the first values are those that the module has, trained perhaps, not random."""
        source = getattr(self, "module", None)
        return isinstance(source, ModuleSource) and not is_factory(source.value)

    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The arguments of the module's own call."""
        return parameters_of(self.kind.__call__)

    def restored(self, params: Params, state: State) -> Any:
        """The values in the library's own form: what its users call, save or pass on.

        Args:
          params: the layer's part of a model's `params`.
          state: its part of the model's `state`.
        """
        raise NotImplementedError(f"{type(self).__name__}: an adapter can give its values back.")

    def get_config(self) -> NoReturn:
        """No configuration can hold another library's module.

        Raises:
          ValueError: always; the message shows what to do.
        """
        raise value_error(
            f"a module of {self.library} has no configuration. Keep its code, and its values in "
            "a weight file: save_weights('model.msgpack').",
            who=self.who,
        )

    @property
    def who(self) -> str:
        return f"{self.shown_as} {self.name!r}" if self.name else self.shown_as

    @property
    def shown_as(self) -> str:
        """Its class in summaries, and what its name is made of."""
        return str(self.kind.__name__)

    def __repr__(self) -> str:
        return f"<{self.library}: {self.who}>"

    def flags(self, training: bool, known: Mapping[str, Any] | None = None) -> dict[str, bool]:
        """The keyword arguments that say whether the module is trained.

        A frozen layer (`trainable=False`) normalizes by its moving statistics: where one flag
        serves for both normalization and dropout, it has the value of an evaluation.

        Args:
          training: the flag.
          known: the names to choose from; those of the module's arguments when left out.
        """
        known = self.parameters() if known is None else known
        flags = {name: not training for name in _EVALUATION if name in known}
        if "enable_dropout" in flags:
            flags["enable_dropout"] = training
        if _STATISTICS in known:
            flags[_STATISTICS] = not (training and self.trainable)
        named = () if self.training_argument is None else (self.training_argument,)
        return flags | {n: training and self.trainable for n in (*_TRAINING, *named) if n in known}

    @property
    def makes_masks(self) -> bool:  # type: ignore[override]  # it depends on the module
        """Whether the module takes masks, so that no warning is due where a mask ends."""
        own = self.parameters().get("mask")
        if own is None or self.kind.__module__.split(".")[0] in _LIBRARIES:
            return False
        return own.kind is own.KEYWORD_ONLY or own.default is not own.empty

    def mask_arguments(self, masks: tuple[Any, ...]) -> dict[str, Any]:
        if not self.makes_masks:
            return {}
        return {"mask": masks[0] if len(masks) == 1 else masks}

    def compute_mask(self, inputs: Tree, mask: Masks = None) -> Any:
        return mask if self.supports_masking else None

    def cast_inputs(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """The inputs as arrays; floating ones cast to the dtype of the layer, if it has one."""
        arrays = jax.tree.map(jnp.asarray, inputs)
        if self.dtype is None:
            return arrays
        return jax.tree.map(
            lambda x: self.cast(x) if jnp.issubdtype(x.dtype, jnp.floating) else x, arrays
        )

    @contextlib.contextmanager
    def noting_errors(self, inputs: tuple[Any, ...]) -> Iterator[None]:
        """Adds a note to the module's errors: the layer's name and the shapes of its inputs."""
        try:
            yield
        except Exception as error:  # of any class: a module may raise what it likes
            shapes = [f"{leaf.dtype}{list(leaf.shape)}" for leaf in jax.tree.leaves(inputs)]
            error.add_note(
                f"{self.who}: raised by the {self.library} module itself, called on "
                f"{', '.join(shapes) or 'nothing'}."
            )
            raise


def is_factory(value: object) -> bool:
    """Whether this is a class, or `functools.partial` of one, and no module."""
    return isinstance(value.func if isinstance(value, functools.partial) else value, type)


def class_of(value: object) -> Any:
    """The class of a module, or the class that a factory calls."""
    if isinstance(value, functools.partial):
        return class_of(value.func)
    return value if isinstance(value, type) else type(value)


def zeros_of(inputs: trees.Tree) -> Any:
    """Zeros in place of specs: what a library makes its weights for."""
    return jax.tree.map(lambda x: jnp.zeros(x.shape, trees.dtype_of(x.dtype)), inputs)


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a function by name, without `self`; none where it does not tell."""
    try:
        parameters = dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}
    parameters.pop("self", None)
    return parameters
