"""The classes of errors that the package raises for the plain ones."""

from jkeras.core.errors import MissingFileError, WrongTypeError

RAISED: dict[type[Exception], type[Exception]] = {
    TypeError: WrongTypeError,
    FileNotFoundError: MissingFileError,
}


def kind_raised(kind: type[Exception]) -> type[Exception]:
    """`WrongTypeError` for a TypeError, which the package raises for every wrong kind;
    `MissingFileError` for a FileNotFoundError.
    """
    return RAISED.get(kind, kind)
