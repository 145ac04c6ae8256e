"""What every layer, loss, metric, optimizer and initializer is: a frozen set of hyper-parameters.

A subclass of `Description` is a frozen dataclass without saying so: its annotated fields are its
arguments. It holds no array and does not change, so it prints, compares, hashes, and is static
under `jit`. Words that stand for objects (`activation="relu"`) are turned into the objects once, at
construction, by the field's converter, so equal meanings compare equal and a misspelling fails
there.

A description is written as a configuration, and read from one, by its fields. A field whose value
Keras spells otherwise has its rule beside it (`option(to_config=…)`).

A class with an `__init__` of its own is mutable, as in Keras: `super().__init__(...)`, then any
attributes. Its objects may change, and are equal only to themselves.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, dataclass_transform

from jkeras.core.errors import describe, quoted, unexpected_arguments
from jkeras.core.html_tables import arguments_html
from jkeras.core.pickling import packed, unpacked
from jkeras.core.policies import with_plain_dtypes
from jkeras.core.serialization import (
    LEFT_OUT,
    check_needed,
    checked_config,
    read,
    serialize_keras_object,
)

GIVEN = "_constructor_arguments"
"""The attribute in which an object of a mutable class keeps the arguments of its constructor."""

_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "autocast": (True,),
    "implementation": (0, 1, 2),
    "activity_regularizer": (None,),
    "quantization_config": (None,),
    "lora_rank": (None,),
    "lora_alpha": (None,),
    "gptq_unpacked_column_size": (None,),
    "sparse": (False,),
    "ragged": (False,),
    "optional": (False,),
    "use_cudnn": ("auto", True, None),
    "is_legacy_optimizer": (False,),
    "jit_compile": (True, False, None, "auto"),
}
"""Arguments that Keras writes and a class here may lack, with the values that change nothing."""


def option(
    default: object = dataclasses.MISSING,
    *,
    convert: Callable[[Any], Any],
    to_config: Callable[[Any], Any] | None = None,
    kw_only: bool = False,
    is_internal: bool = False,
) -> Any:
    """A field whose value passes through `convert` when the description is made.

    Args:
      default: the value that `convert` gets when the argument is left out; required if missing.
      convert: from what a user writes to what the field holds.
      to_config: from that to what a configuration holds, where Keras spells it in a way of its own.
      kw_only: whether the argument can only be given by name.
      is_internal: whether the library alone gives the argument, so that messages leave it out.
    """
    return dataclasses.field(
        default=default,
        kw_only=kw_only,
        metadata={"convert": convert, "to_config": to_config, "is_internal": is_internal},
    )


def one_of(*known: object) -> Callable[[Any], Any]:
    """A converter for `option` that accepts these values only.

    Example:
      >>> one_of("rows", "columns")("rows")
      'rows'
    """
    *most, last = map(repr, known)

    def convert(value: object) -> Any:
        if value not in known:
            raise ValueError(f"expected {', '.join(most)} or {last}, got {value!r}.")
        return value

    return convert


@dataclass_transform(
    frozen_default=True, eq_default=True, field_specifiers=(dataclasses.field, option)
)
class Description:
    """Base of everything that describes and never changes.

    Example:
      >>> class Shift(Description):
      ...     by: float = 1.0
      >>> Shift(2.0), Shift(), Shift() == Shift(1.0)
      (Shift(by=2.0), Shift(), True)
      >>> Shift(bye=2.0)  # doctest: +ELLIPSIS
      Traceback (most recent call last):
      jkeras.core.errors.WrongTypeError: Shift: unexpected argument `bye`. Did you mean 'by'?...
    """

    is_mutable: ClassVar[bool] = False
    """Whether objects of the class may change, because it has an `__init__` of its own."""

    aliases: ClassVar[Mapping[str, Callable[[Any], tuple[str, Any] | None]]] = {}
    """Other words for arguments, each with what gives the argument and its value, or None for a
    word that changes nothing here."""

    hidden_arguments: ClassVar[tuple[str, ...]] = ()
    """Arguments whose names show something else as attributes."""

    _own_init: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in cls.__mro__[1:]:
            _complete(base)
        if "__init__" in cls.__dict__:
            cls.is_mutable = cls._own_init = cls.__dict__.get("is_mutable", True)
        elif not cls._own_init:
            setattr(cls, "__init__", _LazyInit())  # noqa: B010  # mypy: a method

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if kwargs:
            known, takes_any = _arguments(cls)
            unknown = [name for name in kwargs if name not in known and name not in cls.aliases]
            if unknown and not takes_any:
                internal = {f.name for f in fields(cls) if f.metadata.get("is_internal")}
                shown = [name for name in known if name not in internal]
                error = unexpected_arguments(cls.__name__, unknown, shown)
                assert error is not None
                raise error
        new = super().__new__(cls)
        if cls.is_mutable:
            object.__setattr__(new, GIVEN, (args, kwargs))
        return new

    def __post_init__(self) -> None:
        for field in fields(type(self)):
            object.__setattr__(self, field.name, self._converted(field))
        self.check()

    def _converted(self, field: dataclasses.Field[Any]) -> Any:
        value = self.argument(field.name)
        convert = field.metadata.get("convert", _hashable)
        try:
            return convert(value)
        except (TypeError, ValueError) as error:
            raise quoted(error, who=type(self).__name__, argument=field.name) from None

    def check(self) -> None:
        """Raises when the fields do not make sense together. Subclasses override it."""

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        if self.is_mutable:
            new = copy.copy(self)
            vars(new).update(changes)
            return new
        hidden = {name: self.argument(name) for name in self.hidden_arguments}
        # mypy does not see that every subclass is a dataclass.
        return dataclasses.replace(self, **(hidden | changes))  # type: ignore[type-var]

    def get_config(self) -> dict[str, Any]:
        """The arguments by name, as Keras writes them: what `from_config` takes.

        A value is a number, a string, None, a list or dict of such, or, for an object, the dict
        that `jkeras.saving.serialize_keras_object` gives.
        """
        config = {}
        for field in _by_position(type(self)):
            if not field.init:
                continue
            write = field.metadata.get("to_config") or serialize_keras_object
            try:
                written = write(self.argument(field.name))
            except (TypeError, ValueError) as error:
                raise quoted(error, who=self.who, argument=field.name) from None
            if written is not LEFT_OUT:
                config[field.name] = written
        mutable = [base for base in type(self).__mro__ if getattr(base, "is_mutable", False)]
        if not self.is_mutable or any("get_config" in vars(base) for base in mutable):
            return config
        return config | given_config(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The description with these arguments, written by `get_config` here or in Keras.

        Raises:
          TypeError: it is no dict, or an argument in it is unknown or of the wrong kind.
          ValueError: an argument is missing, or has a value that is not supported here.
        """
        config = checked_config(cls, config)
        known, takes_any = _arguments(cls)
        values = {
            name: read(value)
            for name, value in with_plain_dtypes(config).items()
            if name in known or takes_any or not _changes_nothing(cls.__name__, name, value)
        }
        required = [
            field.name
            for field in fields(cls)
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        ]
        check_needed(cls, config, required, values)
        return cls(**values)

    @property
    def who(self) -> str:
        """How messages name this object: `Dense 'dense_1'`, or `Dense` while it has no name."""
        name = getattr(self, "name", None)
        return f"{type(self).__name__} {name!r}" if name else type(self).__name__

    # One pair for all classes: a pair generated for each would slow `import` down.
    def __eq__(self, other: object) -> bool:
        if self.is_mutable:
            return self is other
        if type(other) is not type(self):
            return NotImplemented
        return _values(self) == _values(other)

    def __hash__(self) -> int:
        return id(self) if self.is_mutable else hash((type(self), _values(self)))

    def __repr__(self) -> str:
        if self.is_mutable:
            return f"<{self.who}>"
        shown = [f"{name}={value}" for name, value in self._shown_arguments()]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _repr_html_(self) -> str:
        return arguments_html(self.who, self._shown_arguments())

    def _shown_arguments(self) -> list[tuple[str, str]]:
        """As text, what differs from the defaults, or what a mutable object was given."""
        if self.is_mutable:
            return [(name, _short(value)) for name, value in given_arguments(self).items()]
        return [
            (field.name, _short(value))
            for field in _by_position(type(self))
            if field.repr and not (value := self.argument(field.name)) == self.default_of(field)
        ]

    def __getstate__(self) -> dict[str, Any]:
        return packed(vars(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(unpacked(state))

    def argument(self, name: str) -> Any:
        """The value of an argument."""
        return vars(self)[name] if name in self.hidden_arguments else getattr(self, name)

    def default_of(self, field: dataclasses.Field[Any]) -> Any:
        """The value of a field that was left out, or MISSING."""
        if field.default is dataclasses.MISSING:
            return field.default
        return field.metadata.get("convert", _hashable)(field.default)

    def how_to_change(self, name: str, value: str) -> str:
        """The sentence that tells a person who tried to assign an attribute what to do instead."""
        if name not in [field.name for field in fields(type(self))]:
            if type(self).__module__.startswith("jkeras."):
                return f"It has no argument `{name}`."
            return (
                "Make it an argument: leave `__init__` out, and write it in the class body as "
                f"`{name}: type`, or `{name}: type = default`."
            )
        return f"Make a changed copy instead: x = x.replace({name}={value})."

    settable: ClassVar[Mapping[str, Callable[[Any, Any], None]]] = {}
    """The attributes that may be set though they are arguments, each with what sets it."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in type(self).settable:
            type(self).settable[name](self, value)
            return
        if self.is_mutable:
            object.__setattr__(self, name, value)
            return
        fix = self.how_to_change(name, _short(value))
        raise AttributeError(f"{self.who} is a frozen description: `{name}` cannot be set. {fix}")

    def __delattr__(self, name: str) -> None:
        if self.is_mutable:
            object.__delattr__(self, name)
            return
        raise AttributeError(f"{self.who} is a frozen description: `{name}` cannot be deleted.")


class _LazyInit:
    """Stands for the `__init__` of a description until the first use of its class.

    Making a dataclass takes half a millisecond, and a program that imports a hundred descriptions
    uses a dozen. So a class is completed when its `__init__` is first read, by a call or by a
    signature, when it is subclassed, or when its fields are read.
    """

    def __get__(self, instance: object, owner: type) -> Any:
        for cls in reversed(owner.__mro__):
            _complete(cls)
        return getattr(owner if instance is None else instance, "__init__")  # noqa: B009


def _complete(cls: type) -> None:
    """Makes a description class the frozen dataclass that it stands for, once."""
    if isinstance(cls.__dict__.get("__init__"), _LazyInit):
        delattr(cls, "__init__")
        # A dataclass refuses assignment without saying what to do instead; these two say it.
        two = {"__setattr__": Description.__setattr__, "__delattr__": Description.__delattr__}
        own = {name: cls.__dict__[name] for name in two if name in cls.__dict__}
        for name in own:
            delattr(cls, name)
        dataclasses.dataclass(frozen=True, repr=False, eq=False, match_args=False)(cls)
        for name, method in (two | own).items():
            setattr(cls, name, method)
        if cls.aliases:  # type: ignore[attr-defined]  # of every description
            setattr(cls, "__init__", _with_aliases(cls.__init__))  # type: ignore[misc]  # noqa: B010


def _with_aliases(init: Callable[..., None]) -> Callable[..., None]:
    """An `__init__` that knows the aliases of its class, where no field has such a name."""

    @functools.wraps(init)
    def __init__(self: Description, *args: Any, **kwargs: Any) -> None:
        for alias in self.aliases.keys() & kwargs.keys():
            if alias not in inspect.signature(init).parameters:
                meant = self.aliases[alias](kwargs.pop(alias))
                if meant is not None:
                    kwargs.setdefault(*meant)
        init(self, *args, **kwargs)

    return __init__


def inherit_init(cls: type) -> None:
    """Lets a class without arguments of its own have the `__init__` of the class above."""
    if isinstance(cls.__dict__.get("__init__"), _LazyInit) and not cls.__annotations__:
        delattr(cls, "__init__")


def make_mutable(cls: type[Description]) -> None:
    """Lets objects of a class without arguments of its own change; its `__init__` is that above."""
    if isinstance(cls.__dict__.get("__init__"), _LazyInit) and not cls.__annotations__:
        inherit_init(cls)
        cls.is_mutable = True


def fields(cls: type) -> tuple[dataclasses.Field[Any], ...]:
    """The dataclass fields of a description class, in the order of its arguments."""
    for base in reversed(cls.__mro__):
        _complete(base)
    return dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()


def _by_position(cls: type) -> list[dataclasses.Field[Any]]:
    """The fields, those that are given by name alone at the end."""
    return sorted(fields(cls), key=lambda field: bool(field.kw_only))


def _values(description: Description) -> tuple[Any, ...]:
    return tuple(description.argument(field.name) for field in fields(type(description)))


def _hashable(value: object) -> Any:
    """Lists become tuples, so that `kernel_size=[3, 3]` and `(3, 3)` are the same description."""
    if isinstance(value, list):
        return tuple(_hashable(item) for item in value)
    return value


def _short(value: object) -> str:
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_short(item)}" for key, item in value.items()) + "}"
    return repr(value)


# -- configurations


def _arguments(kind: type) -> tuple[list[str], bool]:
    """The names of a class's arguments, and whether it takes any others."""
    parameters = inspect.signature(kind.__init__).parameters  # type: ignore[misc]
    kinds = {parameter.kind for parameter in parameters.values()}
    return list(parameters)[1:], inspect.Parameter.VAR_KEYWORD in kinds


def _changes_nothing(who: str, name: str, value: object) -> bool:
    """Whether an argument of Keras that a class lacks may be left out without a loss.

    Raises:
      ValueError: it has another value, which is not supported.
    """
    if name == "build_config":
        return True
    if name not in _NEUTRAL:
        return False
    if not any(value is plain or value == plain for plain in _NEUTRAL[name]):
        raise ValueError(
            f"{who}.from_config: `{name}`: expected {_NEUTRAL[name][0]!r}, because jkeras has "
            f"no such argument, got {describe(value)}."
        )
    return True


def given_config(obj: object) -> dict[str, Any]:
    """The arguments that an object of a mutable class was constructed with, in a configuration.

    Raises:
      TypeError: one of them has no configuration.
    """
    return {name: serialize_keras_object(value) for name, value in given_arguments(obj).items()}


def given_arguments(obj: object) -> dict[str, Any]:
    """The arguments that an object of a mutable class was constructed with, by name."""
    args, kwargs = vars(obj)[GIVEN]
    signature = inspect.signature(type(obj).__init__)
    bound = dict(signature.bind(obj, *args, **kwargs).arguments)
    named: dict[str, Any] = {}
    for name, parameter in list(signature.parameters.items())[1:]:
        if name in bound and parameter.kind is parameter.VAR_KEYWORD:
            named |= bound[name]
        elif name in bound:
            named[name] = bound[name]
    return named
