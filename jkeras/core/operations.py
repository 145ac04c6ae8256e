"""A call of a pure function, as a layer: what operators and `jkeras.ops` leave in a graph.

The arguments of the call are kept as a `Template`: their structure with holes where the symbols
were. A layer's inputs fill the holes. Templates are hashable and compare by value, so a graph with
operations in it is a description like any other.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax

from jkeras.core.arrays import as_jax
from jkeras.core.calling import call
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.fixed_values import fixed, thawed
from jkeras.core.keys import Key
from jkeras.core.layer import InSlices, Layer, PaddedRows, Params, State
from jkeras.core.symbols import Symbol
from jkeras.core.variables import lenient


@dataclasses.dataclass(frozen=True)
class Hole:
    """The place of the input of this number."""

    number: int


@dataclasses.dataclass(frozen=True)
class Static:
    """A constant. 1, 1.0 and True differ."""

    value: Any
    kind: type


@dataclasses.dataclass(frozen=True)
class Template:
    """A structure of arguments with holes.

    Attributes:
      tree: the structure.
      leaves: a `Hole` or a `Static` for each of its leaves.
    """

    tree: Any
    leaves: tuple[Hole | Static, ...]

    def filled(self, values: Sequence[Any] | dict[int, Any], **other: Any) -> Any:
        """The structure with `values[i]` in hole i, and `constants=`, if given, for the constants.

        Example:
          >>> template(({"a": 1}, 2))[0].filled([])
          ({'a': 1}, 2)
        """
        leaves = [
            values[leaf.number]
            if isinstance(leaf, Hole)
            else other.get("constants", thawed(leaf.value))
            for leaf in self.leaves
        ]
        return jax.tree.unflatten(self.tree, leaves)

    def renumbered(self, numbers: Sequence[int]) -> Template:
        """The template with `numbers[i]` in place of hole i."""
        leaves = [
            Hole(numbers[leaf.number]) if isinstance(leaf, Hole) else leaf for leaf in self.leaves
        ]
        return Template(self.tree, tuple(leaves))

    @property
    def holes(self) -> list[int]:
        """The numbers of the inputs, in the order of their places."""
        return [leaf.number for leaf in self.leaves if isinstance(leaf, Hole)]


def template(arguments: object) -> tuple[Template, list[Symbol]]:
    """Arguments as a template and the symbols that were in them, each at its hole's number.

    Raises:
      TypeError: an argument is neither a symbol nor a constant that can be compared.
    """
    leaves, tree = jax.tree.flatten(arguments)
    symbols = list({id(leaf): leaf for leaf in leaves if isinstance(leaf, Symbol)}.values())
    numbers = {id(symbol): number for number, symbol in enumerate(symbols)}
    kept = (
        Hole(numbers[id(leaf)]) if isinstance(leaf, Symbol) else Static(_frozen(leaf), type(leaf))
        for leaf in leaves
    )
    return Template(tree, tuple(kept)), symbols


def _frozen(value: object) -> Any:
    if isinstance(value, slice):
        parts = (value.start, value.stop, value.step)
        if any(isinstance(part, Symbol) for part in parts):
            raise WrongTypeError(
                "a slice with a symbol as its bound has no shape. Slice by numbers."
            )
    value = fixed(value)
    try:
        hash(value)
    except TypeError:
        raise WrongTypeError(
            f"expected arrays, numbers, words or symbols in a call on symbols, got "
            f"{describe(value)}."
        ) from None
    return value


_ELEMENTWISE = frozenset(
    "Add Subtract Multiply TrueDivide FloorDivide Mod Power Negative Absolute Less LessEqual "
    "Greater GreaterEqual NotEqual LogicalAnd LogicalOr LogicalXor LogicalNot".split()
)
"""The operators that compute entry by entry."""


_BROADCASTING = _ELEMENTWISE | frozenset(
    "Allclose Arctan2 BitwiseAnd BitwiseOr BitwiseXor BitwiseLeftShift BitwiseRightShift Cross "
    "LeftShift RightShift Divide DivideNoNan Equal Fmax Fmin Fmod Gcd Heaviside Hypot Isclose Lcm "
    "Ldexp Linspace Logspace Logaddexp Logaddexp2 Geomspace Matmul Maximum Minimum Nextafter "
    "Where".split()
)
"""The functions whose arguments broadcast against one another."""


_OF_SQUARES = frozenset(
    "Cholesky CholeskyInverse Det Eig Eigh Inv Logdet Slogdet Solve SolveTriangular".split()
)
"""The functions of square matrices, in which no axis is of unknown size beside a known one."""


_OF_SHAPES = re.compile(
    "incompatible shapes|same shape|cannot reshape array|permutation|Cannot concatenate arrays"
)
"""What JAX says, in a TypeError, of shapes that do not fit together: content, and not a kind."""


class Operation(Layer):
    """A pure function called on the inputs and on constants.

    Args:
      function: maps arrays to arrays.
      arguments: `(args, kwargs)` with holes for the inputs.
      kind: what summaries call it, such as "Add"; made of the function's name when left out.

    Example:
      >>> import jax.numpy as jnp
      >>> arguments, _ = template(((Symbol((None, 2)), 3.0), {}))
      >>> Operation(jnp.multiply, arguments, "Multiply").apply({}, {}, jnp.ones(2))[0].tolist()
      [3.0, 3.0]
    """

    follows_policy: ClassVar[bool] = False

    function: Callable[..., Any]
    arguments: Template
    kind: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        name = getattr(self.function, "__name__", type(self.function).__name__)
        kind = self.kind or "".join(word.title() for word in name.split("_"))
        object.__setattr__(self, "kind", kind)

    @property
    def padded_rows(self) -> PaddedRows:  # here it depends on the function
        """Arithmetic leaves examples apart; other functions may mix them."""
        return "ignored" if self.kind in _ELEMENTWISE else "seen"

    @property
    def in_slices(self) -> InSlices:  # type: ignore[override]  # here it depends on the function
        """The same."""
        return "same" if self.kind in _ELEMENTWISE else "never"

    @property
    def broadcasts(self) -> bool:
        """Whether an axis of unknown size may have the size of another argument's, or be one."""
        return self.kind in _BROADCASTING

    @property
    def fitting_sizes(self) -> tuple[int, ...] | None:
        """Numbers among the arguments, which an axis of unknown size may have to fit."""
        if self.kind in _OF_SQUARES:
            return None
        values = [leaf.value for leaf in self.arguments.leaves if isinstance(leaf, Static)]
        sizes = [size for value in values for size in getattr(thawed(value), "shape", ())]
        return tuple(n for n in (*values, *sizes) if type(n) is int and n > 1)

    @property
    def who(self) -> str:
        """`Add 'add_1'`, or `Add` while it has no name."""
        return f"{self.shown_as} {self.name!r}" if self.name else self.shown_as

    @property
    def shown_as(self) -> str:
        """Its class in summaries, and what its name is made of."""
        return self.kind

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Any, State]:
        args, kwargs = self.arguments.filled([as_jax(x) for x in inputs])
        try:
            with lenient():
                return self.function(*args, **kwargs), state
        except TypeError as error:
            if _OF_SHAPES.search(str(error)):
                raise ValueError(str(error)) from error
            raise


def record(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, kind: str = ""
) -> Any:
    """The symbols of the outputs of a pure function of arrays, as a layer of the graph.

    Args:
      function: maps arrays to arrays, and keeps nothing. Its name becomes the layer's.
      args, kwargs: its arguments: symbols, structures of symbols, and constants.
      kind: the layer's class in a summary; from the function's name when left out.

    Raises:
      TypeError, ValueError: the function does not take these shapes; the message names the layers
        that made the symbols.

    Example:
      >>> from jkeras import Input
      >>> import jax.numpy as jnp
      >>> record(jnp.concatenate, ([Input((2,)), Input((3,))],), {"axis": -1}).shape
      (None, 5)
    """
    arguments, symbols = template((args, kwargs))
    return call(Operation(function, arguments, kind), tuple(symbols), {}, (args, kwargs))
