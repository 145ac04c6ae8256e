"""Whether a written file computes what the model does; if not, which layer is the first to differ.

`check(inference, run, who=...)` runs both on random inputs of two batch sizes. Where a format also
says how a part of a model is written and run, the part that ends behind each layer is tried, by
halving: the first that differs is named.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jkeras.core.contract import LayerContract
from jkeras.core.errors import value_error
from jkeras.core.identity import identity_of
from jkeras.core.symbols import Node, Symbol
from jkeras.export.describing import inference_of, outputs_of
from jkeras.export.inference import Inference
from jkeras.models.chain import Chain
from jkeras.models.graph import Graph

Run = Callable[[list[np.ndarray]], Sequence[Any]]
"""The outputs of a file for inputs, both in the order of the model's."""

RTOL, ATOL = 1e-4, 1e-5
"""The tolerance, relative to each number and to the largest of its output, in float32."""

_HALVES = ("bf16[", "f16[")


def check(
    inference: Inference,
    run: Run,
    *,
    who: str,
    find_layer: Callable[[Inference], Run] | None = None,
) -> None:
    """Compares a file with its model on random inputs of two batch sizes.

    Args:
      inference: the model.
      run: runs the file.
      who: the format, as messages name it.
      find_layer: writes a part of the model as the file was written, and returns what runs it; it
        may raise what the writer raises.

    Raises:
      ValueError: the outputs differ; the message names the first layer that does.
    """
    difference = difference_of(inference, run)
    if difference is None:
        return
    fix = "Report it, or choose another format; `verify=False` writes the file as it is."
    if find_layer is not None:
        layer = first_layer(inference, lambda part: _fails(part, find_layer))
        fix = f"The first layer that differs is {layer}. {fix}" if layer else fix
    expected = "a file that gives the model's outputs"
    raise value_error(who=f"{who}: {inference.name!r}", expected=expected, got=difference, fix=fix)


def _fails(part: Inference, write: Callable[[Inference], Run]) -> bool:
    try:
        return difference_of(part, write(part)) is not None
    except Exception:  # of any library that writes or runs
        return True


def difference_of(inference: Inference, run: Run) -> str | None:
    """How the outputs of a file differ from the model's; None if they do not."""
    rtol, atol = tolerances(inference)
    for seed, sizes in enumerate(inference.sizes):
        arrays = inference.example(sizes, seed)
        expected, got = inference(*arrays), list(run(arrays))
        where = f"inputs of shape {', '.join(str(a.shape) for a in arrays)}"
        if len(got) != len(expected):
            return f"{len(got)} outputs instead of {len(expected)} for {where}"
        for spec, a, b in zip(inference.outputs, expected, got, strict=True):
            problem = _unlike(np.asarray(a), np.asarray(b), rtol, atol)
            if problem is not None:
                return f"{problem} in output {spec.name!r} for {where}"
    return None


def tolerances(inference: Inference) -> tuple[float, float]:
    """The relative and the absolute tolerance: wider where a model computes in 16 bits."""
    text = str(inference.traced(inference.sizes[0])[0])
    bits = [8 if half == "bf16[" else 11 for half in _HALVES if half in text]
    return (2.0 ** (3 - min(bits)), 2.0 ** (3 - min(bits))) if bits else (RTOL, ATOL)


def _unlike(a: np.ndarray, b: np.ndarray, rtol: float, atol: float) -> str | None:
    if a.shape != b.shape:
        return f"shape {b.shape} instead of {a.shape}"
    a, b = a.astype(np.float64), b.astype(np.float64)
    finite = a[np.isfinite(a)]
    scale = float(np.abs(finite).max(initial=0.0))
    if np.allclose(b, a, rtol=rtol, atol=atol * (scale or 1.0), equal_nan=True):
        return None
    if (np.isfinite(a) != np.isfinite(b)).any():
        return f"NaN or infinity, or none, in {np.sum(np.isfinite(a) != np.isfinite(b))} places"
    largest = np.abs(a - b, where=np.isfinite(a), out=np.zeros_like(a)).max()
    return f"numbers up to {scale:.3g} that differ by up to {largest:.3g}"


def first_layer(inference: Inference, fails: Callable[[Inference], bool]) -> str | None:
    """The layer behind which a model fails first, as messages name it; None where the model is no
    list or graph of layers.

    Args:
      inference: a model that fails as a whole.
      fails: whether a part of it does.
    """
    steps = _steps(inference.net)
    if not steps:
        return None
    low, high = 0, len(steps)  # the part of `low` steps is fine, that of `high` fails
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fails(part_of(inference, middle)) else (middle, high)
    who = _who(steps[low])
    inner = _inner(inference, low)
    if inner is None or not fails(inner):
        return who
    return f"{first_layer(inner, fails)} of {who}"


def _who(layer: LayerContract) -> str:
    shown = getattr(layer, "shown_as", None)  # a list or graph of layers, as in summaries
    return f"{shown} {layer.name!r}" if shown else str(layer.who)


def _steps(net: object) -> list[Any]:
    """The layers of a model in an order in which they can run."""
    if isinstance(net, Chain):
        return list(net.layers)
    return [named for _, named in _nodes(net)] if isinstance(net, Graph) else []


def _nodes(graph: Graph) -> list[tuple[Node, Any]]:
    """The calls of a graph in the order in which they were made, and the named layer of each."""
    pairs = zip(graph.nodes, graph.layers, strict=True)
    nodes = [(node, layer) for nodes, layer in pairs for node in nodes if node.inputs]
    return sorted(nodes, key=lambda pair: pair[0].serial)


def _inner(inference: Inference, step: int) -> Inference | None:
    """The layer of a step as a model of its own, if it is a list or graph of layers."""
    layer = _steps(inference.net)[step]
    if not _steps(layer):
        return None
    if isinstance(inference.net, Graph):
        specs: Sequence[Any] = _nodes(inference.net)[step][0].inputs
    else:
        specs = part_of(inference, step).outputs if step else inference.inputs
    values = [tree.get(str(layer.name), {}) for tree in (inference.params, inference.state)]
    return inference_of(layer, *values, *specs, name=str(layer.name))


def part_of(inference: Inference, count: int) -> Inference:
    """The model up to its first layers.

    Args:
      inference: a chain or a graph.
      count: of layers, or of calls in a graph.
    """
    net = inference.net
    if isinstance(net, Chain):
        part: Any = net.replace(layers=net.layers[:count])
    else:
        part = Graph(net.inputs, _ends([node for node, _ in _nodes(net)[:count]]), name=net.name)
    # A graph names its layers anew.
    names = {identity_of(layer): str(layer.name) for layer in net.layers}
    renamed = {str(layer.name): names[identity_of(layer)] for layer in part.layers}
    params, state = (
        {new: tree[old] for new, old in renamed.items() if old in tree}
        for tree in (inference.params, inference.state)
    )
    made = dataclasses.replace(inference, net=part, params=params, state=state, outputs=())
    return dataclasses.replace(made, outputs=outputs_of(made))


def _ends(nodes: list[Node]) -> list[Symbol]:
    """What the calls give that none of them takes."""
    taken = {id(symbol) for node in nodes for symbol in node.inputs}
    given = [symbol for node in nodes for symbol in jax.tree.leaves(node.outputs)]
    return [symbol for symbol in given if id(symbol) not in taken]
