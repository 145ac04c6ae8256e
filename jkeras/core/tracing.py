"""Shapes and dtypes of a layer's outputs, without running it: `jax.eval_shape` of `init` and
`apply`, with two sizes for every axis of unknown size.

What differs between the two results depends on an unknown axis, and is None again. A weight that
differs cannot be made: the error says so where the layer is called.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import jax

from jkeras.core.errors import describe
from jkeras.core.symbols import Symbol, symbols_in

# Unknown axes behind the first are tried with sizes that five halvings and a kernel fit into.
_SIZES = ((2, 64), (3, 96))
ODD_SIZES = (10007, 10009)
"""Of the batch, and of other unknown axes: found again in a message, they say what is unknown."""
_KEY = jax.eval_shape(lambda: jax.random.key(0))


def traced_outputs(layer: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Symbols of the outputs of a layer, in the structure that its `apply` returns.

    Args:
      layer: the layer.
      args: what `apply` gets by position: symbols, structures of them, constants.
      options: what it gets by name.

    Raises:
      TypeError, ValueError: the layer does not take such inputs; the message names the layer and
        the layers that made the symbols.
    """
    try:
        (weights, first), (again, second) = (_traced(layer, args, options, n) for n in _SIZES)
        _check_weights(weights, again)
        _check_given(first)
        return jax.tree.map(functools.partial(_symbol, _pattern(args, options)), first, second)
    except (TypeError, ValueError, IndexError, ZeroDivisionError, NotImplementedError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        text = _told(error, layer, args, options)
        text = re.sub(rf"^{re.escape(layer.who)}(, called on [^:]*)?: ", "", text)
        raise kind(f"{layer.who}, called on {edges(args, options)}: {text}") from error
    except AttributeError as error:
        if "'list' object" not in str(error):
            raise
        several = next((value for value in args if isinstance(value, list)), ())
        raise ValueError(
            f"{layer.who}, called on {edges(args, options)}: expected one input, got a list of "
            f"{len(several)}. Join them first, for example by Concatenate, or call the layer on "
            "each."
        ) from error


def _told(error: Exception, layer: Any, args: Any, options: Any) -> str:
    """What an error says, with None in place of the sizes that were tried for unknown axes."""
    return of_any_size(error, lambda: _traced(layer, args, options, ODD_SIZES))


def of_any_size(error: Exception, again_fn: Callable[[], Any]) -> str:
    """What an error says, with None in place of sizes that were only tried.

    Args:
      error: what came of the trial.
      again_fn: tries again with `ODD_SIZES`, which nobody else has. Where it says the same of other
        numbers, those that are odd are unknown.
    """
    try:
        again_fn()
    except type(error) as again:
        first, second = (re.split(r"(\d+)", str(told)) for told in (error, again))
        if first[::2] != second[::2]:  # it says something else
            return str(error)
        odd = {str(size) for size in ODD_SIZES}
        pairs = zip(first, second, strict=True)
        return "".join("None" if other in odd else part for part, other in pairs)
    except Exception:  # another error than the one to be told
        return str(error)
    return str(error)


def _traced(layer: Any, args: Any, options: Any, sizes: tuple[int, int]) -> tuple[Any, Any]:
    """(params and state, outputs) of a layer as specs, for these sizes of unknown axes."""
    leaves, tree = jax.tree.flatten((args, options))
    at = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Symbol)]

    def run(key: Any, *values: Any) -> tuple[Any, Any]:
        own = list(leaves)
        for i, value in zip(at, values, strict=True):
            own[i] = value
        inputs, told = jax.tree.unflatten(tree, own)
        made = layer.init(key, *inputs)
        return made, layer.apply(*made, *inputs, **{"key": key, **told})[0]

    found: tuple[Any, Any] = jax.eval_shape(run, _KEY, *(spec(leaves[i], sizes) for i in at))
    return found


def spec(symbol: Any, sizes: tuple[int, int] = (1, 1)) -> jax.ShapeDtypeStruct:
    """A symbol's spec, with the first size for an unknown batch axis, the other for the rest."""
    shape = (sizes[i > 0] if n is None else n for i, n in enumerate(symbol.shape))
    return jax.ShapeDtypeStruct(tuple(shape), symbol.dtype)


def _check_given(outputs: Any) -> None:
    if not jax.tree.leaves(outputs):
        raise ValueError(
            f"expected outputs, got {describe(outputs)}. Its function may lack a `return`."
        )


def _check_weights(first: Any, second: Any) -> None:
    """Raises unless no weight's shape depends on an axis of unknown size."""
    pairs = zip(jax.tree_util.tree_leaves_with_path(first), jax.tree.leaves(second), strict=True)
    for (path, a), b in pairs:
        if a.shape != b.shape:
            name = jax.tree_util.keystr(path[1:], simple=True, separator="/")
            shape = tuple(m if m == n else None for m, n in zip(a.shape, b.shape, strict=True))
            raise ValueError(
                f"its weight {name} would have the shape {shape}, which depends on an axis of "
                "unknown size (None). Give that axis a size in Input."
            )


def _pattern(*arguments: Any) -> Symbol:
    """A symbol of the class that the outputs of these arguments have."""
    return next(iter(symbols_in(arguments)), Symbol(()))


def _symbol(pattern: Symbol, a: jax.ShapeDtypeStruct, b: jax.ShapeDtypeStruct) -> Symbol:
    shape = tuple(m if m == n else None for m, n in zip(a.shape, b.shape, strict=True))
    return pattern.like(shape, a.dtype)


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
