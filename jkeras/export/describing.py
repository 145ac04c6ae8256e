"""A network with its weights as an `Inference`: names for inputs, outputs and open axes.

    net = Chain([Dense(8), Dense(2)])
    params, state = net.init(key, jax.ShapeDtypeStruct((1, 4), "float32"))
    export(inference_of(net, params, state, (None, 4)), "model.stablehlo")

Open axes of several inputs are independent if the network can be traced so, and equal else: two
sequences that are added have one length. Axes that a network halves and joins with what it has not
halved, as a U-Net does, are multiples of a power of two.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Jaxpr

from jkeras.core.contract import LayerContract
from jkeras.core.errors import describe, type_error, value_error
from jkeras.core.trees import Tree, dtype_of, path_names
from jkeras.export.inference import BATCH, DOES_NOT_FIT, Inference, TensorSpec
from jkeras.layers.input import InputLayer
from jkeras.models.chain import Chain
from jkeras.models.graph import Graph

FACTORS = (2, 4, 8, 16, 32)
"""What sizes of open axes may have to be multiples of."""

UNEVEN = 37
"""A size that fits into all but such axes."""


@dataclasses.dataclass(frozen=True)
class OpenSpec:
    """A shape, with None or a name for an axis of any size, and a dtype; no node of a pytree."""

    shape: tuple[int | str | None, ...]
    dtype: Any = None


class CarriesState(Exception):
    """A model's outputs depend on the calls before; the argument is the place of the state."""


def inference_of(
    net: LayerContract, params: Tree, state: Tree, *specs: Any, name: str = "model"
) -> Inference:
    """A network outside of training as a pure function of named arrays.

    Args:
      net: anything with `apply(params, state, *inputs, key=, training=)`.
      params, state: the values of its weights.
      *specs: for each input a shape, with None or a name for an axis of any size, or what has a
        shape and a dtype; a dict or list of these where an input has a structure; None leaves out
        an optional input.
      name: of the model.

    Raises:
      TypeError: a spec is of another kind.
      TypeError, ValueError: the network cannot take such inputs; a call changes what the next one
        gives, as that of a stateful recurrent layer does.

    Example:
      >>> from jkeras.layers import Dense
      >>> net = Dense(2, name="dense")
      >>> params, state = net.init(jax.random.key(0), jax.ShapeDtypeStruct((1, 3), jnp.float32))
      >>> inference_of(net, params, state, (None, 3)).outputs
      (TensorSpec(name='output', shape=('batch', 2), dtype='float32', limit=None),)
    """
    tree = tuple(open_spec(spec) for spec in specs)
    leaves, structure = jax.tree.flatten(tree)
    every = jax.tree.leaves(tree, is_leaf=lambda leaf: leaf is None)
    present = [spec is not None for spec in every]
    complete = jax.tree.map(bool, tree, is_leaf=lambda leaf: leaf is None)
    names = list(compress(_names_of(net, complete, "input_names", "input"), present))
    limits = list(compress(_limits(net, len(every)), present)) + [None] * len(leaves)

    def made(shared: bool, factor: int = 1) -> Inference:
        shapes = [_shape(n, s.shape, shared, factor) for n, s in zip(names, leaves, strict=True)]
        dtypes = [dtype_of(spec.dtype or jnp.float32).name for spec in leaves]
        inputs = tuple(map(TensorSpec, names, shapes, dtypes, limits))  # as many as names
        return Inference(name, net, params, state, inputs, (), structure)

    sharing = (False, True) if len(leaves) > 1 else (False,)
    try:
        inference = _with_outputs(
            [made(shared) for shared in sharing],
            [made(shared, factor) for factor in FACTORS for shared in sharing],
        )
    except CarriesState as error:
        raise value_error(
            who=f"export: {name!r}",
            expected="a model whose calls do not depend on each other",
            got=f"one that carries {str(error)!r} from call to call",
            fix="Make a recurrent layer with stateful=False; its states can be inputs and outputs "
            "of the model: initial_state= and return_state=.",
        ) from None
    if not (inference.inputs and inference.outputs):
        counts = f"inputs: {len(inference.inputs)}, outputs: {len(inference.outputs)}"
        fix = "A Trainer of functions gives outputs by `predict_step`."
        raise value_error(
            who=f"export: {name!r}", expected="a model with inputs and outputs", got=counts, fix=fix
        )
    return inference


def _with_outputs(choices: Sequence[Inference], multiples: Sequence[Inference]) -> Inference:
    """The first of some inferences that can be traced, with its outputs.

    First with symbols for open axes, which stand for any size; then for sizes from the least that
    fits; where uneven sizes do not fit, for multiples; at last with numbers.
    """
    errors: list[Exception] = []

    def attempts() -> Iterator[tuple[Inference, bool]]:
        yield from ((inference, True) for inference in choices)
        if not choices[0].open_axes:
            return
        fitting = [inference for inference in choices if _takes(inference, UNEVEN)]
        for inference in fitting:
            yield dataclasses.replace(inference, least=_least(inference)), True
        for inference in () if fitting else multiples:
            yield inference, True
            yield dataclasses.replace(inference, least=_least(inference)), True
        yield from ((inference, False) for inference in choices)

    for inference, symbolic in attempts():
        try:
            return dataclasses.replace(inference, outputs=outputs_of(inference, symbolic))
        except DOES_NOT_FIT as error:
            errors.append(error)
    raise errors[0]


def _takes(inference: Inference, size: int, axes: Sequence[str] | None = None) -> bool:
    """Whether a model takes inputs whose open axes, or some of them, have a size."""
    sizes = dict.fromkeys(inference.open_axes, UNEVEN)
    sizes |= dict.fromkeys(axes or inference.open_axes, size)
    try:
        with warnings.catch_warnings(action="ignore"):  # of sizes that only are tried
            inference.traced(sizes)
    except DOES_NOT_FIT:
        return False
    return True


def _least(inference: Inference) -> dict[str, int]:
    """The smallest sizes of the axes behind the batch that a model takes, where 1 is too small."""
    least = {}
    for axis in inference.open_axes:
        low, high = 0, UNEVEN  # the first is too small, the second is not
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if _takes(inference, middle, [axis]) else (middle, high)
        if high > 1:
            least[axis] = high
    return least


def open_spec(value: object) -> Any:
    """A spec from a shape, from what has a shape and a dtype, or from dicts and lists of these. The
    first axis of an array is open.

    Example:
      >>> open_spec((None, "length", 3))
      OpenSpec(shape=(None, 'length', 3), dtype=None)
    """
    if value is None:
        return None
    if isinstance(value, dict):
        return {name: open_spec(part) for name, part in value.items()}
    if isinstance(value, list | tuple) and all(isinstance(n, int | str | None) for n in value):
        return OpenSpec(tuple(value))
    if isinstance(value, list | tuple):
        return [open_spec(part) for part in value]
    shape = getattr(value, "batch_shape", None) or getattr(value, "shape", None)
    if shape is None:
        raise type_error(
            who="export",
            argument="input_signature",
            expected="for each input a shape with the batch axis, a spec, an Input or an array",
            got=describe(value),
            fix="For example: input_signature=[(None, 28, 28, 1)].",
        )
    if hasattr(value, "__array__"):
        shape = (None, *shape[1:])
    return OpenSpec(tuple(shape), getattr(value, "dtype", None))


def outputs_of(inference: Inference, symbolic: bool = True) -> tuple[TensorSpec, ...]:
    """What a model gives, under names that no input has.

    Args:
      inference: the model with its inputs.
      symbolic: whether symbols stand for open axes while it is traced, which a user's code may not
        allow; else numbers do, and an axis that differs is open.

    Raises:
      TypeError, ValueError: the model cannot take such inputs.
      CarriesState: a call changes what the next one gives.
    """
    if symbolic:
        jaxpr, tree, after = inference.traced()
        shapes = [leaf.shape for leaf in jax.tree.leaves(tree)]
    else:
        traces = [inference.traced(sizes) for sizes in inference.sizes]
        jaxpr, tree, after = traces[0]
        pairs = zip(*(jax.tree.leaves(trace[1]) for trace in traces), strict=True)
        shapes = [_merged(*(leaf.shape for leaf in pair)) for pair in pairs]
    _check_carries_nothing(inference, jaxpr.jaxpr, after)
    taken = {spec.name for spec in inference.inputs}
    names = _names_of(inference.net, tree, "output_names", "output")
    named = [f"{name}_output" if name in taken else name for name in names]
    return tuple(
        TensorSpec(name, _shape(name, shape), jnp.dtype(leaf.dtype).name)
        for name, shape, leaf in zip(named, shapes, jax.tree.leaves(tree), strict=True)
    )


def _check_carries_nothing(inference: Inference, jaxpr: Jaxpr, after: Tree) -> None:
    """Raises CarriesState where an output depends on a state that a call changes."""
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(after)[0]]
    count = len(jax.tree.leaves(inference.params))
    before = jaxpr.invars[count : len(jaxpr.invars) - len(inference.inputs)]
    if len(before) != len(paths):
        return
    outputs = jaxpr.outvars[: len(jaxpr.outvars) - len(paths)]
    needed = {id(var) for var in outputs}
    for equation in reversed(jaxpr.eqns):
        if any(id(var) in needed for var in equation.outvars):
            needed |= {id(var) for var in equation.invars}
    pairs = zip(paths, before, jaxpr.outvars[len(outputs) :], strict=True)
    carried = [path for path, old, new in pairs if old is not new and id(old) in needed]
    if carried:
        raise CarriesState("/".join(path_names(carried[0])))


def _merged(first: Sequence[int], *others: Sequence[int]) -> tuple[int | None, ...]:
    return tuple(n if {n} == set(more) else None for n, *more in zip(first, *others, strict=True))


def _shape(
    name: str, shape: Sequence[Any], shared: bool = False, factor: int = 1
) -> tuple[int | str, ...]:
    """The shape with a name for each open axis.

    Args:
      name: of the input or output.
      shape: numbers, names, None, or symbols of `jax.export`.
      shared: whether axes of several inputs have one name.
      factor: what the sizes behind the first are multiples of.
    """
    prefix = ("" if factor == 1 else f"{factor}*") + ("" if shared else f"{name}_")
    names = [BATCH, *(f"{prefix}axis_{axis}" for axis in range(1, len(shape)))]
    known = (names[axis] if n is None else n for axis, n in enumerate(shape))
    return tuple(n if isinstance(n, int) else str(n) for n in known)


def _names_of(net: object, tree: Tree, attribute: str, default: str) -> list[str]:
    """A name for each leaf: the keys of a dict, those that the network gives, or numbered ones."""
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(tree)[0]]
    keys = [[str(part.key) for part in path if hasattr(part, "key")] for path in paths]
    if all(keys) and len({key[-1] for key in keys}) == len(keys):
        return [key[-1] for key in keys]
    known = list(getattr(net, attribute, ()))
    if len(known) == len(paths) == len(set(known)):
        return known
    return [default] if len(paths) == 1 else [f"{default}_{i}" for i in range(len(paths))]


def _limits(net: object, count: int) -> list[int | None]:
    """For each input what integers have to lie below, by the layers that take it."""
    if isinstance(net, Graph):
        nodes = [node for nodes in net.nodes for node in nodes]
        takers = [
            [node.layer for node in nodes if any(each is symbol for each in node.inputs)]
            for symbol in net.input_symbols
        ]
        found = [[_limits(layer, 1)[0] for layer in layers] for layers in takers]
        return [min(filter(None, limits), default=None) for limits in found]
    if isinstance(net, Chain):
        layers = [layer for layer in net.layers if not isinstance(layer, InputLayer)]
        return _limits(layers[0], count) if layers else [None] * count
    known = getattr(net, "input_dim", None) or getattr(net, "num_tokens", None)
    return [known if isinstance(known, int) else None] * count
