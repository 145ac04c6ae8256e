"""Messages that a person can act on: who, expected, got, fix.

A message names the object, what it expected, what it got (value and type) and, where one line can
say it, the corrected call. What a layer raises, and what runs inside of layers, is a `ValueError`
or a `WrongTypeError` that keeps these parts (`value_error`, `type_error`): who calls a layer
changes a part (the name under which the user knows it, what it was called on), and cuts no text.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

from jkeras.core.tracebacks import filtered

T = TypeVar("T")
P = ParamSpec("P")


E = TypeVar("E", bound=Exception)


class NotReadyError(ValueError, AttributeError):
    """An object does not have this value yet: the model is not built, or not compiled.

    It is an AttributeError, so that `hasattr`, `getattr` with a default and
    `inspect.getmembers` work on every object, and a ValueError for whoever calls a method.
    """


class WrongTypeError(TypeError, ValueError):
    """An argument is of the wrong kind.

    It is a TypeError, as Python's users expect, and a ValueError, which Keras raises.
    """


class MissingFileError(FileNotFoundError, ValueError):
    """A file is not there.

    It is a FileNotFoundError, as Python's users expect, and a ValueError, which Keras raises.
    """


class UnknownNameError(ValueError, KeyError):
    """A name among the arguments is that of nothing.

    It is a ValueError, as for every argument, and a KeyError, which Keras raises for some dicts.
    """

    def __str__(self) -> str:
        return ValueError.__str__(self)


PLAIN_ERRORS = (TypeError, ValueError, WrongTypeError)
"""The classes of errors about arguments whose messages callers complete; subclasses pass as is."""


@dataclasses.dataclass(frozen=True)
class Message:
    """A message in parts: `who, called on called_on: `argument`: expected …, got …. fix`.

    Every part may be empty.

    Attributes:
      text: in the place of `expected` and `got` a message without such parts: that of JAX or of a
        user's code, or one that is written as a whole.
      who: the object as messages name it: `Dense 'dense_1'`.
      called_on: what it was called on: "inputs of shape (None, 4)".
      argument: the argument that is wrong.
      expected: what was expected; with `got`.
      got: what came.
      fix: what to do, in sentences.

    Example:
      >>> message = Message(who="Dense", expected="one input", got="two", fix="Join them.")
      >>> print(message)
      Dense: expected one input, got two. Join them.
      >>> print(message.replace(who="Dense 'd'", called_on="inputs of shape (None, 4)"))
      Dense 'd', called on inputs of shape (None, 4): expected one input, got two. Join them.
    """

    text: str = ""
    _: dataclasses.KW_ONLY
    who: str = ""
    called_on: str = ""
    argument: str = ""
    expected: object = ""
    got: object = ""
    fix: str = ""

    def __post_init__(self) -> None:
        for name in ("expected", "got"):
            object.__setattr__(self, name, str(getattr(self, name)))

    def __str__(self) -> str:
        place = f"{self.who}, called on {self.called_on}" if self.called_on else self.who
        argument = f"`{self.argument}`" if self.argument else ""
        body = f"expected {self.expected}, got {self.got}." if self.expected else self.text
        sentences = f"{body} {self.fix}" if self.fix else body
        return ": ".join([*filter(None, (place, argument)), sentences])

    def replace(self, **changes: Any) -> Message:
        """A message with some parts changed."""
        return dataclasses.replace(self, **changes)

    def parts(self) -> dict[str, str]:
        """The parts by name."""
        return dataclasses.asdict(self)


def tell(error: E, message: Message) -> E:
    """Puts a message into an error, which stays the same object with its traceback; returns it."""
    error.args = (str(message),)
    vars(error)["message"] = message
    return error


def _raised_as(kind: type[E], message: Callable[P, Message]) -> Callable[P, E]:
    def error(*args: P.args, **kwargs: P.kwargs) -> E:
        return tell(kind(), message(*args, **kwargs))

    return error


value_error = _raised_as(ValueError, Message)
"""A `ValueError` that keeps the parts of its message, for content or shapes that do not fit.

    raise value_error(who=self.who, expected="one input", got=len(inputs), fix="Join them.")
"""
type_error = _raised_as(WrongTypeError, Message)
"""A `WrongTypeError` that keeps the parts of its message, for a value of the wrong kind."""


def message_of(error: Exception) -> Message:
    """The message of an error: in parts where it has them; else `who` and `called_on` apart.

    A user's layer raises a plain `ValueError(f"{self.who}: ...")`, so its text is all there is, and
    this is the one place where a name is read from text: `Name: ...` or `Name 'name': ...`.

    Example:
      >>> message_of(ValueError("Mine 'mine': expected two axes.")).who
      "Mine 'mine'"
      >>> message_of(ValueError("Incompatible shapes: (2,), (3,)")).who
      ''
    """
    known = vars(error).get("message")
    if isinstance(known, Message):
        return known
    head, colon, text = str(error).partition(": ")
    who, _, called_on = head.partition(", called on ")
    kind, _, name = who.partition(" ")
    is_name = not name or (len(name) > 1 and name[0] == name[-1] == "'")
    if not colon or not kind.isidentifier() or not kind[0].isupper() or not is_name:
        return Message(str(error))
    return Message(text, who=who, called_on=called_on)


def with_message(error: Exception, message: Message) -> ValueError:
    """A new error with this message: a WrongTypeError where `error` is a TypeError, else a
    ValueError.
    """
    return tell(WrongTypeError() if isinstance(error, TypeError) else ValueError(), message)


def quoted(error: Exception, **parts: str) -> ValueError:
    """A new error: what another one says, behind further parts.

    Args:
      error: any.
      **parts: `who`, `called_on` and `argument`, as for `Message`.

    Example:
      >>> quoted(TypeError("no such shape"), who="Dense", called_on="no array")
      WrongTypeError('Dense, called on no array: no such shape')
    """
    return with_message(error, Message(str(error), **parts))


def said_by(error: Exception, who: str, *, known_as: Collection[str], **parts: str) -> ValueError:
    """A new error, in which `who` says what an error says.

    Args:
      error: what was raised.
      who: as the user knows the object.
      known_as: as the object knows itself, or what it calls. Where these speak, `who` takes the
        place of their name; what others say is quoted.
      **parts: further parts that change.
    """
    message = message_of(error)
    if message.who not in known_as:
        return quoted(error, who=who, **parts)
    return with_message(error, message.replace(who=who, **parts))


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns `" Did you mean 'relu'?"`, or an empty string when no known name is close.

    Example:
      >>> nearest("rleu", ["relu", "tanh"])
      " Did you mean 'relu'?"
    """
    folded = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.6)
    # Letters change places more often than they are left out: "adma" is "adam", not "adamax"; and
    # a word is part of a longer one more often than of another: "linear" is "bilinear".
    contained = len(name) > 3
    matches.sort(
        key=lambda match: (
            not (contained and name.lower() in match),
            abs(len(match) - len(name)) > 1,
        )
    )
    return f" Did you mean {folded[matches[0]]!r}?" if matches else ""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ValueError:
    """An error for a misspelt name: the nearest known one first, then all of them.

    Example:
      >>> print(unknown_name("activation", "rleu", ["tanh", "relu"]))
      unknown activation 'rleu'. Did you mean 'relu'? Known: relu, tanh.
    """
    names = sorted(known)
    return ValueError(f"unknown {kind} {name!r}.{nearest(name, names)} Known: {', '.join(names)}.")


def look_up(kind: str, name: str, table: Mapping[str, T]) -> T:
    """The entry of `table` under `name`.

    Raises:
      ValueError: `name` is not in the table; the message suggests the nearest name.
    """
    try:
        return table[name]
    except KeyError:
        raise unknown_name(kind, name, table) from None


FORMER = {
    "lr": "learning_rate",
    "nb_epoch": "epochs",
    "init": "kernel_initializer",
    "p": "rate",
    "cv": "folds",
    "by_name": "skip_mismatch",
}
"""Names that arguments had in earlier versions of Keras, or have in scikit-learn."""

FORMER_METHODS = {
    "predict_classes": "predict(x).argmax(axis=-1)",
    "predict_proba": "predict(x)",
    "fit_generator": "fit(generator)",
    "evaluate_generator": "evaluate(generator)",
    "predict_generator": "predict(generator)",
}
"""Methods that models had in earlier versions of Keras, and what does the same."""


def unexpected_arguments(
    owner: str, names: Iterable[str], known: Iterable[str]
) -> WrongTypeError | None:
    """An error for the first argument in `names` that `known` lacks, or None.

    Example:
      >>> print(unexpected_arguments("Dense", ["unit"], ["units", "name"]))
      Dense: unexpected argument `unit`. Did you mean 'units'? Arguments: units, name.
    """
    known = list(known)
    for name in names:
        if name not in known:
            listed, former = ", ".join(known), FORMER.get(name)
            closest = nearest(former if former in known else name, known)
            return type_error(
                f"unexpected argument `{name}`.{closest} Arguments: {listed}.",
                who=owner,
            )
    return None


def named_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """Decorates a public method so that a misspelt argument is answered with the nearest one, one
    that is missing or has to have its name with the call to write, and errors have short
    tracebacks.

    Example:
      >>> @named_arguments
      ... def fit(x, epochs=1):
      ...     return epochs
      >>> fit(0, epoch=3)  # doctest: +ELLIPSIS
      Traceback (most recent call last):
      jkeras.core.errors.WrongTypeError: fit: unexpected argument `epoch`. Did you mean 'epochs'?...
    """
    signature = inspect.signature(function)
    known = [name for name in signature.parameters if name != "self"]
    takes_more = any(each.kind is each.VAR_KEYWORD for each in signature.parameters.values())
    owner = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        __tracebackhide__ = True
        who = type(args[0]).__name__ if owner.startswith("_") else owner
        error = None if takes_more else unexpected_arguments(who, kwargs, known)
        if error is not None:
            raise error
        try:
            return function(*args, **kwargs)
        except Exception as raised:
            if isinstance(raised, TypeError):
                error = _refused_call(who, signature, args, kwargs)
            if error is None:
                raise filtered(raised)  # noqa: B904  # the same error
        raise error

    return checked


def _refused_call(
    who: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> WrongTypeError | None:
    """An error for a call that Python refuses: an argument is missing, given twice, or lacks its
    name; None for a call that it takes.
    """
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        pass
    else:
        return None
    parameters = [each for name, each in signature.parameters.items() if name != "self"]
    by_place = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
    by_name = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    wanted = {*by_place, *by_name}
    needed = [p.name for p in parameters if p.name in wanted and p.default is p.empty]
    takes_more = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    count = len(args) - ("self" in signature.parameters)

    def written(names: Iterable[str]) -> str:
        return f"Write {who}({', '.join(f'{n}=...' if n in by_name else n for n in names)})."

    if count > len(by_place) and not takes_more:
        names = "its name" if len(by_place) == 1 else "their names"
        most = f"at most {len(by_place)}" if by_place else "no arguments"
        return type_error(
            who=who,
            expected=f"{most} without {names}",
            got=count,
            fix=written([*by_place, *by_name[: count - len(by_place)]]),
        )
    given = by_place[:count]
    for name in given:
        if name in kwargs:
            got = "one without its name and one with it"
            return type_error(who=who, argument=name, expected="one value", got=got)
    missing = next(name for name in needed if name not in given and name not in kwargs)
    return type_error(
        who=who, argument=missing, expected="a value", got="none", fix=written(needed)
    )


def describe(value: object) -> str:
    """A short account of a value for an error message: shape and dtype of arrays, else the repr.

    Example:
      >>> import numpy as np
      >>> describe(np.zeros((2, 3), np.float32)), describe("x"), describe([1, 2])
      ('an array of shape (2, 3) and dtype float32', "'x' (str)", '[1, 2] (list)')
    """
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        return f"an array of shape {tuple(shape)} and dtype {dtype}"
    text = repr(value)
    if len(text) > 60:
        text = text[:57] + "..."
    return f"{text} ({type(value).__name__})"
