"""The class that an error of a kind has, which tests of messages compare."""

from jkeras.core.errors import WrongTypeError


def kind_raised(kind: type[Exception]) -> type[Exception]:
    """`WrongTypeError` for a TypeError, which the package raises for every wrong kind."""
    return WrongTypeError if kind is TypeError else kind
