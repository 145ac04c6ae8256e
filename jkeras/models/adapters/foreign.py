"""A module of another library as a layer: what all of them have in common.

Laws: the module that was given is never changed; `params` is what the library trains, `state` all
else that it carries from batch to batch; random numbers come from `key` alone; what the library
itself says to wrong inputs is kept, with a note that names the layer.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NoReturn

import jax
import jax.numpy as jnp

from jkeras.core import trees
from jkeras.core.errors import nearest, type_error, value_error
from jkeras.core.layer import Array, Layer, option

_TRAINING = ("training", "train", "is_training")
_STATISTICS = "use_running_average"
_EVALUATION = ("deterministic", "inference", "enable_dropout")
_ROWS = ("ignored", "masked", "seen")
_LIBRARIES = ("flax", "haiku", "equinox")


def _word_or_none(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"expected an argument's name, got {value!r}.")
    return value


def _rows_or_none(value: Any) -> str | None:
    if value is not None and value not in _ROWS:
        hint = nearest(value, _ROWS) if isinstance(value, str) else ""
        raise ValueError(f"expected 'ignored', 'masked', 'seen' or None, got {value!r}.{hint}")
    return value


def _flag_or_none(value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"expected True, False or None, got {value!r}.")
    return value


class Foreign(Layer):
    """Base of the adapters. A subclass has a field `module`, `init` and `apply`.

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

    padded_rows: Any = option(None, convert=_rows_or_none, kw_only=True)  # type: ignore[misc]
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
            said = getattr(self.kind, "supports_masking", False)
            object.__setattr__(self, "supports_masking", bool(said))
        wanted = {"training_argument": self.training_argument}
        wanted |= {"padded_rows": "rows" if self.padded_rows == "masked" else None}
        for argument, name in wanted.items():
            if name is not None and name not in self.parameters():
                listed = ", ".join(self.parameters()) or "none"
                raise value_error(
                    f"`{argument}`: expected a module that takes `{name}`, and it does "
                    f"not.{nearest(name, self.parameters())} Its arguments: {listed}.",
                    who=self.who,
                )

    def known_rows(self) -> str:
        """The default of `padded_rows`: the class's own, else "seen"."""
        return getattr(self.kind, "padded_rows", "seen")

    @property
    def kind(self) -> Any:
        """The class of the module."""
        raise NotImplementedError(f"{type(self).__name__}: an adapter knows its module's class.")

    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The arguments of the module's own call."""
        return parameters_of(self.kind.__call__)

    def restored(self, params: Any, state: Any) -> Any:
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
        found = {name: not training for name in _EVALUATION if name in known}
        if "enable_dropout" in found:
            found["enable_dropout"] = training
        if _STATISTICS in known:
            found[_STATISTICS] = not (training and self.trainable)
        own = () if self.training_argument is None else (self.training_argument,)
        return found | {n: training and self.trainable for n in (*_TRAINING, *own) if n in known}

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

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return mask if self.supports_masking else None

    def call_kwargs(self, training: bool, rows: Array | None, mask: trees.Tree) -> dict[str, Any]:
        """The module's keyword arguments: the flags, and rows and mask where it takes them."""
        return self.flags(training) | self.data_kwargs(rows, mask)

    def data_kwargs(self, rows: Array | None, mask: trees.Tree) -> dict[str, Any]:
        """Keyword arguments for the real rows and the mask, where the module takes them."""
        kwargs = {"rows": rows} if self.padded_rows == "masked" else {}
        return kwargs | ({"mask": mask} if mask is not None and self.makes_masks else {})

    def cast_inputs(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """The inputs as arrays; floating ones cast to the dtype of the layer, if it has one."""
        arrays = jax.tree.map(jnp.asarray, inputs)
        if self.dtype is None:
            return arrays
        return jax.tree.map(lambda x: self.cast(x) if _is_floating(x) else x, arrays)

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

    def check_alike(self, new: trees.Tree, old: trees.Tree, fix: str) -> None:
        """Raises unless a new state has the structure of the old one.

        Raises:
          ValueError: training could not carry it.
        """
        found: Any = jax.tree.structure(new)
        if found != jax.tree.structure(old):
            before, after = (", ".join(trees.named_leaves(tree)) for tree in (old, new))
            raise value_error(
                who=self.who,
                expected=f"a state of the same structure after each call ({before or 'nothing'})",
                got=after or "nothing",
                fix=f"{fix}",
            )


def _is_floating(x: Any) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.floating))


def zeros_of(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Zeros in place of specs: what a library makes its weights for."""
    return jax.tree.map(lambda x: jnp.zeros(x.shape, trees.dtype_of(x.dtype)), inputs)


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a function by name, without `self`; none where it does not tell."""
    try:
        found = dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}
    found.pop("self", None)
    return found


def strong(new: trees.Tree, old: trees.Tree) -> trees.Tree:
    """`new` in the dtypes of `old`, without weak types, which a loop could not carry."""
    return jax.tree.map(lambda a, b: jax.lax.convert_element_type(a, b.dtype), new, old)
