"""Shapes and dtypes of a layer's outputs, without running it: `jax.eval_shape` of `init` and
`apply`, with two sizes for every axis of unknown size.

What differs between the two results depends on an unknown axis, and is None again. A weight that
differs cannot be made: the error says so where the layer is called.

An error says None for an unknown axis, too. `of_any_size` gets it by one more trace, of specs in
which JAX itself knows the axis as unknown (`jax.export.symbolic_shape`).
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import jax

from jkeras.core.contract import LayerContract
from jkeras.core.errors import Message, describe, message_of, value_error, with_message
from jkeras.core.seeds import is_tracing
from jkeras.core.symbols import Symbol, symbols_in
from jkeras.core.trees import is_words

if TYPE_CHECKING:
    from jkeras.core.keys import Key

# The batch is tried with a small size, which slices cut short, and one that many numbers divide, so
# that slices and parts of it are unknown; axes behind it with sizes that five halvings and a kernel
# fit into.
_SIZES = ((2, 64), (60, 96))
_MULTIPLES = ((_SIZES[0], 1), (_SIZES[1], 2), (_SIZES[1], 1))
"""Sizes of axes, with the multiple of a number that fits: twice it, if that fits as well."""
_MOST = 12
"""How many numbers are tried for an axis of unknown size."""
_RARE_SIZES = (4099, 4111)
"""Stand for the batch and other unknown axes in messages; see `of_any_size`."""
_KEY = jax.eval_shape(lambda: jax.random.key(0))


_shapes_only: ContextVar[bool] = ContextVar("shapes_only", default=False)


@contextlib.contextmanager
def shapes_only() -> Iterator[None]:
    """While it is entered, layers run for the shapes of weights and outputs alone, without the
    masks that the values will have.
    """
    token = _shapes_only.set(True)
    try:
        yield
    finally:
        _shapes_only.reset(token)


def is_shapes_only() -> bool:
    """Whether layers run for shapes alone."""
    return _shapes_only.get()


_guesses: ContextVar[bool] = ContextVar("guesses", default=False)


@contextlib.contextmanager
def guessing_values(active: bool = True) -> Iterator[None]:
    """Within this context a `call` that looks at values runs on ones where only shapes are needed:
    the model will run in Python, where values are known.
    """
    token = _guesses.set(active or _guesses.get())
    try:
        yield
    finally:
        _guesses.reset(token)


def outside_of_traces() -> contextlib.AbstractContextManager[None]:
    """Within this context arrays are computed also while a program is traced: values that outlive
    the trace. Outside of traces it changes nothing: there it would fold constants of programs that
    are traced inside, and compile each.
    """
    return jax.ensure_compile_time_eval() if is_tracing() else contextlib.nullcontext()


def is_guessing_values() -> bool:
    """Whether ones may stand for values that are not known."""
    return _guesses.get()


def traced_outputs(layer: LayerContract, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Symbols of the outputs of a layer, in the structure that its `apply` returns.

    Args:
      layer: the layer.
      args, options: the arguments of `apply`: symbols, structures of symbols, constants.

    Raises:
      TypeError, ValueError: the layer does not take such inputs; the message names the layer and
        the layers that made the symbols.
    """
    if any(is_words(symbol.dtype) for symbol in symbols_in((args, options))):
        args = _entrances(layer, args)
    try:
        (weights, first), (again, second) = _two_traces(layer, args, options)
        _check_weights(weights, again)
        if not jax.tree.leaves(first):
            raise ValueError(
                f"expected outputs, got {describe(first)}. Its function may lack a `return`."
            )
        like = next(iter(symbols_in((args, options))), Symbol(())).like  # the class of the outputs
        return jax.tree.map(lambda a, b: like(_common_shape(a, b), a.dtype), first, second)
    except _OF_LAYERS as error:
        message = of_any_size(error, lambda sizes: _traced(layer, args, options, sizes))
        called_on = edges(args, options)
        if message.who == layer.who:
            message = message.replace(called_on=called_on)
        else:
            message = Message(str(message), who=layer.who, called_on=called_on)
        raise with_message(error, message) from error
    except AttributeError as error:
        if type(error.obj) is not list:
            raise
        several = next((value for value in args if isinstance(value, list)), ())
        raise value_error(
            who=layer.who,
            called_on=edges(args, options),
            expected="one input",
            got=f"a list of {len(several)}",
            fix="Join them first, for example by Concatenate, or call the layer on each.",
        ) from error


def _entrances(layer: LayerContract, args: tuple[Any, ...]) -> Any:
    """What a layer that takes words is traced with: symbols of ids in the place of words.

    Raises:
      ValueError: it takes none.
    """
    if not getattr(layer, "takes_words", False):
        raise value_error(
            who=layer.who,
            called_on=edges(args),
            expected="numbers",
            got="strings, which no program can compute with",
            fix="Put a StringLookup, a TextVectorization or a Hashing in front, which make ids.",
        )
    return layer.entrances(args)  # type: ignore[attr-defined]


def _two_traces(
    layer: LayerContract, args: tuple[Any, ...], options: dict[str, Any]
) -> list[tuple[Any, Any]]:
    """(params and state, outputs) for two sizes of each unknown axis.

    Unknown axes of arguments that broadcast against known ones fit as ones alone. What is one in
    the outputs may then be of any size. Others fit with the sizes of `_further_sizes` alone.
    """
    try:
        return [_traced(layer, args, options, sizes) for sizes in _SIZES]
    except _OF_LAYERS as error:
        if getattr(layer, "broadcasts", False):
            with contextlib.suppress(*_OF_LAYERS):
                weights, outputs = _traced(layer, args, options, (1, 1))
                return [(weights, outputs), (weights, jax.tree.map(_ones_as_twos, outputs))]
        for pair in _further_sizes(layer, args, options):
            with contextlib.suppress(*_OF_LAYERS):
                return [_traced(layer, args, options, *sizes) for sizes in pair]
        raise error


def _further_sizes(layer: LayerContract, args: object, options: object) -> Iterator[Any]:
    """Pairs of what to try for unknown axes of a layer that says which sizes may fit.

    Large sizes, which fit where a number of entries is cut off, and small ones, where entries are
    filled up; one size for all, where they have to be equal; and the numbers that the layer is
    called with, for one of the axes behind the batch or for all of them.
    """
    numbers = getattr(layer, "fitting_sizes", None)
    if numbers is None:
        return
    yield ((240, 480),), ((720, 1440),)
    yield ((2, 4),), ((3, 6),)
    yield ((2, 2),), ((64, 64),)
    symbols = [leaf for leaf in jax.tree.leaves((args, options)) if isinstance(leaf, Symbol)]
    axes = [(i, k) for i, each in enumerate(symbols) for k, n in enumerate(each.shape) if n is None]
    behind = [(i, k) for i, k in axes if k]
    known = {n for each in symbols for n in each.shape if n is not None} | set(numbers)
    for chosen in [*([at] for at in behind), *([behind] if len(behind) > 1 else [])]:
        for n in sorted(known)[:_MOST]:
            first, *others = ((size, dict.fromkeys(chosen, m * n)) for size, m in _MULTIPLES)
            yield from ((first, other) for other in others)


def _ones_as_twos(spec: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(tuple(2 if n == 1 else n for n in spec.shape), spec.dtype)


_OF_LAYERS = (TypeError, ValueError, IndexError, ZeroDivisionError, NotImplementedError)
"""The errors that a layer, JAX or a user's code raises where inputs do not fit."""


@functools.cache
def unknown_sizes() -> tuple[Any, Any]:
    """The batch and another unknown size, as JAX traces them: so large that a kernel fits."""
    from jax import export  # a module that only errors need

    names = ("_batch", "_size")
    batch, size = export.symbolic_shape(
        ", ".join(names), constraints=[f"{name} >= 4096" for name in names]
    )
    return batch, size


def of_any_size(error: Exception, again_fn: Callable[[tuple[Any, Any]], Any]) -> Message:
    """The message of an error, with None in place of sizes that were only tried.

    JAX's messages, and those of a user's code, have no parts for shapes. So the layer is traced
    once more with `unknown_sizes`, whose names a message shows. Some errors do not occur as long as
    a size is unknown (a reshape may fit), and a size that is computed from an unknown one has no
    number; in these cases rare numbers stand for the unknown sizes.

    Args:
      error: the error of the first trace.
      again_fn: traces again, with these sizes of the batch and of other unknown axes.
    """
    message = message_of(error)
    for sizes in (unknown_sizes(), _RARE_SIZES):
        try:
            again_fn(sizes)
        except _OF_LAYERS as raised:
            again, unknown = message_of(raised).parts(), [str(size) for size in sizes]
            parts = {n: _of_any_size(p, again[n], unknown) for n, p in message.parts().items()}
            if None not in parts.values():
                return message.replace(**parts)
        except Exception:  # an error of another kind than the one to report
            continue
    return message


def _of_any_size(text: str, again: str, unknown: list[str]) -> str | None:
    """A text with None where the other one has an unknown size, and as it is where both have
    numbers; None where the two say different things.
    """
    first, second = _words(text), _words(again)
    pairs = zip(first, second, strict=False)
    same = len(first) == len(second) and all(
        a == b or b in unknown or (a.isdigit() and b.isdigit()) for a, b in pairs
    )
    pairs = zip(first, second, strict=False)
    return "".join("None" if a != b and b in unknown else a for a, b in pairs) if same else None


def _words(text: str) -> list[str]:
    """Names and numbers, and what stands between them."""
    runs = itertools.groupby(text, lambda letter: letter.isalnum() or letter == "_")
    return ["".join(run) for _, run in runs]


def _traced(
    layer: LayerContract,
    args: object,
    options: object,
    sizes: tuple[Any, Any],
    fixed: dict[tuple[int, int], int] | None = None,
) -> tuple[Any, Any]:
    """(params and state, outputs) of a layer as specs, for these sizes of unknown axes.

    In `fixed` stand other sizes for the axes k of the symbols i.
    """
    leaves, tree = jax.tree.flatten((args, options))
    at = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Symbol)]

    def run(key: Key, *values: Any) -> tuple[Any, Any]:
        filled = list(leaves)
        for i, value in zip(at, values, strict=True):
            filled[i] = value
        inputs, kwargs = jax.tree.unflatten(tree, filled)
        weights = layer.init(key, *inputs)
        return weights, layer.apply(*weights, *inputs, **{"key": key, **kwargs})[0]

    with shapes_only(), guessing_values():
        inputs = (spec(leaves[i], sizes, n, fixed) for n, i in enumerate(at))
        specs: tuple[Any, Any] = jax.eval_shape(run, _KEY, *inputs)
    return specs


def spec(
    symbol: Symbol,
    sizes: tuple[Any, Any] = (1, 1),
    number: int = 0,
    fixed: dict[tuple[int, int], int] | None = None,
) -> jax.ShapeDtypeStruct:
    """A symbol's spec, with the first size for an unknown batch axis, the other for the rest.

    In `fixed` stand other sizes for the axes k of the symbol of this number.
    """
    shape = (
        (fixed or {}).get((number, k), sizes[k > 0]) if n is None else n
        for k, n in enumerate(symbol.shape)
    )
    return jax.ShapeDtypeStruct(tuple(shape), symbol.dtype)


def _check_weights(first: object, second: object) -> None:
    """Raises unless no weight's shape depends on an axis of unknown size."""
    pairs = zip(jax.tree_util.tree_leaves_with_path(first), jax.tree.leaves(second), strict=True)
    for (path, a), b in pairs:
        if a.shape != b.shape:
            name = jax.tree_util.keystr(path[1:], simple=True, separator="/")
            raise ValueError(
                f"its weight {name} would have the shape {_common_shape(a, b)}, which depends on "
                "an axis of unknown size (None). Give that axis a size in Input."
            )


def _common_shape(a: jax.ShapeDtypeStruct, b: jax.ShapeDtypeStruct) -> tuple[int | None, ...]:
    """The shape of two specs, None for an axis in which they differ."""
    return tuple(m if m == n else None for m, n in zip(a.shape, b.shape, strict=True))


def edges(*arguments: Any) -> str:
    """Which symbols there are among arguments, and which layers made them."""
    symbols = list({id(symbol): symbol for symbol in symbols_in(arguments)}.values())
    shown = [f"{origin(symbol)} {symbol.shape}" for symbol in symbols]
    shapes = [getattr(leaf, "shape", ()) for leaf in jax.tree.leaves(arguments)]
    return ", ".join(shown) or f"a constant of shape {shapes[0] if shapes else ()}"


def origin(symbol: Symbol) -> str:
    """What a symbol is, in words: the input of a name, or the outputs of a layer."""
    name = f" {symbol.name!r}" if symbol.name else ""
    if symbol.node is None:
        return f"symbol{name}"
    return f"Input{name}" if is_input(symbol) else f"the outputs of {symbol.node.layer.who}"


def is_input(symbol: Symbol) -> bool:
    """Whether a symbol comes from `Input`."""
    return symbol.node is not None and hasattr(symbol.node.layer, "batch_shape")
