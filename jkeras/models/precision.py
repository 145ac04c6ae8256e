"""A model in mixed precision: the same layers, in another dtype.

Laws:
  - Weights stay float32 (but float64 under "float64"), and layers stay what they are: models that
    share them go on sharing.
  - A layer that says its `dtype` keeps it.
  - The layers that make a model's outputs compute in float32 at least, so that probabilities and
    predictions have all their digits.
"""

from __future__ import annotations

from typing import Any

from jkeras.core.dtype_policy import DTypePolicy, compute_dtype, floating_policy
from jkeras.core.errors import describe, quoted, type_error
from jkeras.core.identity import identity_of, same
from jkeras.core.layer import Layer
from jkeras.models.chain import Chain
from jkeras.models.cloning import rebuild_graph
from jkeras.models.graph import Graph


def in_policy(net: object, policy: str | DTypePolicy) -> Chain | Graph:
    """A chain or graph whose layers compute by a policy.

    Args:
      net: a `Chain` or `Graph`; their layers may be such themselves, or layers around layers.
      policy: "mixed_bfloat16", "mixed_float16", or a floating dtype's name.

    Raises:
      TypeError: `net` has no layers, or `policy` is none.
      ValueError: there is no such policy.

    Example:
      >>> from jkeras.layers import Dense
      >>> [str(layer.dtype) for layer in in_policy(Chain([Dense(3), Dense(2)]), "bfloat16").layers]
      ['bfloat16', 'float32']
    """
    if not isinstance(net, Chain | Graph):
        raise type_error(
            who="in_policy",
            expected="a list or graph of layers",
            got=describe(net),
            fix=(
                "Give its layers `dtype`, or call jkeras.config.set_dtype_policy before they are "
                "made."
            ),
        )
    try:
        policy = floating_policy(policy)
    except (TypeError, ValueError) as error:
        raise quoted(error, who="in_policy", argument="policy") from None
    changed: Chain | Graph = _changed(net, policy.compute_dtype, True)
    return changed


def _changed(layer: Layer, dtype: str, last: bool) -> Any:
    """The layer in `dtype`, or, where it makes outputs of the model, in float32."""
    if isinstance(layer, Graph):
        makers = {
            call
            for call in layer.wiring.calls
            if set(call.outputs) & set(layer.wiring.outputs.holes)
        }
        ends = {call.layer for call in makers} if last else set()
        layers = [_changed(part, dtype, i in ends) for i, part in enumerate(layer.layers)]
        inputs, outputs = rebuild_graph(layer, layers)
        return _same(layer, layer.replace(inputs=inputs, outputs=outputs))
    if isinstance(layer, Chain):
        ends = {id(part) for part in layer.layers[-1:]} if last else set()
        parts = {id(part): _changed(part, dtype, id(part) in ends) for part in layer.layers}
        return _same(layer, layer.replace(layers=[parts[id(part)] for part in layer.layers]))
    changes: dict[str, Any] = {
        name: _changed(part, dtype, last)
        for name in ("layer", "backward_layer")
        if isinstance(part := getattr(layer, name, None), Layer)
    }
    if not changes and layer.dtype is None and type(layer).follows_policy:
        changes["dtype"] = compute_dtype("float32" if last and dtype != "float64" else dtype)
    return _same(layer, layer.replace(**changes)) if changes else layer


def _same(old: Layer, new: Layer) -> Layer:
    same(new, identity_of(old))
    return new
