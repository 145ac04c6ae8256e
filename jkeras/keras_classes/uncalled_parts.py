"""The layers and models in a model's attributes that its `call` does not call.

    class GAN(jkeras.Model):                   # no `call`
        def __init__(self, discriminator, generator):
            super().__init__()
            self.discriminator, self.generator = discriminator, generator
        def train_step(self, state, data): ...

Law: a part that is built has its weights among the model's, in the order of the attributes; it
shares them with the model that had them before (`jkeras.trainer.state.sharing`). A part that is
built later than the model joins it before the model is used the next time, not within a `fit`.
"""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import jax

from jkeras.core import trees
from jkeras.core.host_random import key_of_seed
from jkeras.core.identity import Identity, identity_of
from jkeras.core.layer import Layer, Params, State
from jkeras.core.parts import at, sublayer_paths
from jkeras.keras_classes.holders import location_of, values_at
from jkeras.keras_classes.library_base import library_class
from jkeras.keras_classes.tracking import (
    ORDER,
    is_subclassed,
    layers_of,
    origin_of,
    own_variables,
)
from jkeras.keras_classes.weight_plan import CalledLayer, WeightPlan, WeightsElsewhere
from jkeras.models.weight_tying import weight_ties_of
from jkeras.trainer.state.model_state import ModelState, has_state, state_of
from jkeras.trainer.state.specs import concrete, spec_of_input

if TYPE_CHECKING:
    from jkeras.core.trees import Tree

_ordering: ContextVar[tuple[ModelState, ...]] = ContextVar("ordering", default=())
"""The states whose order of weights is being found."""


def add_uncalled(plan: WeightPlan, view: Layer) -> None:
    """Adds to a plan of what `call` uses the variables and the parts of a model that are not in it.
    Where the model has values, the plan is made for their structure.
    """
    model = origin_of(view)
    own = state_of(model)
    stored = own.stored
    for variable, name in own_variables(model).items():
        plan.variables.setdefault(variable, name)
    called, parts = {path[0] for path in plan.parts}, _parts(model)
    for layer in layers_of(model):
        name, made = str(layer.name), _made(layer, parts[identity_of(layer)], own)
        kept = stored is None or name in stored.params or name in stored.state
        if name not in called and made is not None and kept:
            plan.parts[(name,)] = made
    plan.weight_ties = weight_ties_of(view)


def late_values(view: Layer) -> tuple[Params, State]:
    """(params, state) of the parts that were built since the model was; what others have written
    there counts when the model has taken them.
    """
    model = origin_of(view)
    own, parts, plan = state_of(model), _parts(model), WeightPlan(view.who)
    for layer in layers_of(model):
        name = str(layer.name)
        if own.stored is not None and not (name in own.stored.params or name in own.stored.state):
            made = _made(layer, parts[identity_of(layer)], own)
            plan.parts |= {} if made is None else {(name,): made}
    plan.weight_ties = weight_ties_of(view)
    params, state = plan.init(key_of_seed(own.seed)) if plan.parts else ({}, {})
    return {n: v for n, v in params.items() if v}, {n: v for n, v in state.items() if v}


def _parts(model: Any) -> dict[Identity, Any]:
    """The layers and models in the attributes, by the identity of the layer or description."""
    layers_of(model)  # records the order
    parts = vars(model)[ORDER]
    return {identity_of(part if isinstance(part, Layer) else part.net): part for part in parts}


def _made(layer: Any, part: Any, own: ModelState) -> CalledLayer | WeightsElsewhere | None:
    """How `init` makes the values of a layer; None where neither they nor the inputs are known.

    Args:
      layer: the layer under its name in the model.
      part: the layer or model in the attribute.
      own: the state of the model.
    """
    if has_state(part):
        state = state_of(part)
        if state.stored is None and not state.known_inputs():
            return None
        specs = state.specs or tuple(spec_of_input(x, state.who) for x in state.known_inputs())
        return CalledLayer(layer, tuple(map(concrete, specs)))
    if layer.known_specs:
        return CalledLayer(layer, layer.known_specs)
    location = location_of(part, last=own)
    if location is None or not any(values_at(location)):
        return None
    (holder, path), weight_ties = location, weight_ties_of(location[0].net)
    if path == () and holder.specs is not None:
        return CalledLayer(layer, tuple(map(concrete, holder.specs)))
    values = holder.need_values()
    ordering = _ordering.get()
    names: list[Any] = []
    if holder is not own and holder not in ordering:  # a holder's order runs this `init`, too
        token = _ordering.set((*ordering, holder))
        try:
            names = [place.names for place in holder.order()]
        finally:
            _ordering.reset(token)

    def ordered(tree: Tree, at_names: tuple[Any, ...]) -> Any:
        """Specs in the order in which the layer's own `init` makes the values."""
        if not isinstance(tree, dict):
            return trees.spec_of(tree)
        ranks = {name[: len(at_names) + 1]: -i for i, name in reversed(list(enumerate(names)))}
        keys = sorted(tree, key=lambda key: -ranks.get((*at_names, key), 0))
        return {key: ordered(tree[key], (*at_names, key)) for key in keys}

    params, state = (
        at(weight_ties.broadcast(tree), path) for tree in (values.params, values.state)
    )
    return WeightsElsewhere(layer, (ordered(params, path), ordered(state, path)))


def build_parts(model: Any) -> list[str]:
    """Builds the parts whose inputs are known; the names of those without the weights they need."""
    missing, parts = [], _parts(model)
    for layer in layers_of(model):
        part = parts[identity_of(layer)]
        if has_state(part):
            state_of(part).build_if_known()
        if _made(layer, part, state_of(model)) is None and not _is_weightless(layer):
            missing.append(f"{getattr(layer, 'shown_as', type(layer).__name__)} {layer.name!r}")
    return missing


def _is_weightless(layer: Any) -> bool:
    """Whether a layer has no weights, whatever its inputs are."""
    if is_subclassed(layer):
        origin = origin_of(layer)
        makes_weights = hasattr(getattr(type(origin), "build", None), "makes_weights")
        if own_variables(origin) or makes_weights or library_class(origin) is not None:
            return False
        return all(map(_is_weightless, layers_of(origin)))
    parts = sublayer_paths(layer)
    if parts:
        return all(_is_weightless(part) for _, part in parts)
    with contextlib.suppress(Exception):  # what needs inputs has weights that depend on them
        return not jax.tree.leaves(jax.eval_shape(layer.init, key_of_seed(0)))
    return False
