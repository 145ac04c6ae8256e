"""An optimizer's state as the list of variables that Keras's optimizer of that name has.

    iteration, learning_rate, [averages], [gathered gradients], the rule's slots

Slots that a rule makes together go variable by variable (Adam: momentum and velocity of the first,
then of the second), those it makes apart one after the other; the variables come in the model's
order. Nothing here computes: an order is a list of places in a state, which serves for reading and
for writing.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsInt

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import optimizers
from jkeras.core import computed_weights
from jkeras.core.naming import snake_case
from jkeras.core.trees import Tree, named_leaves
from jkeras.optimizers import LossScaleState, MultiState, OptimizerMap, OptimizerState
from jkeras.optimizers.base import ACCUMULATOR, AVERAGE
from jkeras.saving.keras_h5 import Group, in_order
from jkeras.trainer.state import freezing
from jkeras.trainer.state.model_state import ModelState

if TYPE_CHECKING:
    from jkeras.optimizers.resolve import Transformation

ROOT = "optimizer"
_Slots = Mapping[str, Mapping[str, int]]
"""For each slot the places of its leaves, by the name of the weight."""
_Weights = Mapping[str, jax.Array]
"""The weights that are trained, by name."""
_APART: dict[type, tuple[tuple[str, ...], ...]] = {
    optimizers.Adam: (("momentum", "velocity"), ("velocity_hat",)),
    optimizers.RMSprop: (("velocity",), ("momentum",), ("average_gradient",)),
}
"""Rules that make their slots in several rounds; all others make them in one."""


class Entry(NamedTuple):
    """A variable of Keras's.

    Attributes:
      at: where it lies among the leaves of the state here: nowhere, at one place or at several.
      value: what is written where it lies nowhere.
    """

    at: tuple[int, ...]
    value: Any = None


class _OptimizerVariables(NamedTuple):
    """The variables of one optimizer, and of those in it."""

    word: str
    name: str
    entries: list[Entry]
    inner: list[_OptimizerVariables]


def groups(state: ModelState, optimizer: Transformation, *, fresh: bool) -> list[Group]:
    """The groups of a compiled model's optimizer; none where Keras has no such optimizer. With
    `fresh` without the slots, as Keras does before it has trained.
    """
    listed = _variables_of(state, optimizer)
    if listed is None:
        return []
    leaves = jax.tree.leaves(state.need_values().opt_state)

    def made(part: _OptimizerVariables, path: str) -> list[Group]:
        entries = part.entries[:2] if fresh and not part.inner else part.entries
        arrays = tuple(entry.value if not entry.at else leaves[entry.at[0]] for entry in entries)
        below = [group for inner in part.inner for group in made(inner, f"{path}/{inner.word}")]
        return [Group(path, part.name, arrays), *below]

    return made(listed, ROOT)


def restored(
    state: ModelState, optimizer: Transformation, stored: Mapping[str, Mapping[str, np.ndarray]]
) -> Any:
    """A model's optimizer state with what a file holds of it, or None if it holds nothing of use.

    A file with another number of variables belongs to another optimizer: a warning says so, as in
    Keras. One with no slots was saved before training.

    Raises:
      ValueError: a variable has another shape.
    """
    listed = _variables_of(state, optimizer)
    arrays = in_order(stored.get(ROOT, {}))
    if listed is None or not arrays:
        return None
    entries = listed.entries
    if len(arrays) < len(entries) and len(arrays) <= 2:
        return None
    if len(arrays) != len(entries):
        warnings.warn(
            f"{state.who}: the optimizer in the file has {len(arrays)} variables, and the "
            f"model's {listed.name} has {len(entries)}: it starts anew. Compile the model with the "
            "optimizer that it was trained with before its weights are loaded.",
            stacklevel=4,
        )
        return None
    old = state.need_values().opt_state
    leaves = jax.tree.leaves(old)
    for number, (entry, array) in enumerate(zip(entries, arrays, strict=True)):
        for at in entry.at:
            shape = leaves[at].shape
            if array.shape != shape:
                where = f"{ROOT}/vars/{number}"
                raise ValueError(f"expected {where} of shape {shape}, got {array.shape}.")
            leaves[at] = jnp.asarray(array).astype(leaves[at].dtype)
    new = jax.tree.unflatten(jax.tree.structure(old), leaves)
    return _scheduled(optimizer, new, _trained(state))


def _scheduled(rule: Any, state: Tree, trained: Mapping[str, Any]) -> Any:
    """The state with the rates that schedules give for the steps it has made."""
    if isinstance(state, LossScaleState):
        return state._replace(inner=_scheduled(rule.inner_optimizer, state.inner, trained))
    if isinstance(state, MultiState):
        pairs = zip(rule.parts(dict(trained)), state.states, strict=True)
        return MultiState(tuple(_scheduled(one, own, trained) for one, own in pairs))
    if isinstance(state.hyperparams["learning_rate"], optimizers.Scheduled):
        rate = rule.rate_entry(state.count)
        return state._replace(hyperparams={**state.hyperparams, "learning_rate": rate})
    return state


# -- the order


def _variables_of(state: ModelState, optimizer: Transformation) -> _OptimizerVariables | None:
    """The variables of a model's optimizer, their places counted in its state."""
    opt_state = state.need_values().opt_state
    count = len(jax.tree.leaves(opt_state))
    tree = jax.tree.unflatten(jax.tree.structure(opt_state), range(count))
    specs = _trained(state)
    computed = computed_weights.names(state.net)  # Keras has no slots for them
    return _listed(optimizer, tree, list(specs), specs, computed)


def _trained(state: ModelState) -> dict[str, Any]:
    """The weights that are trained, by name, in Keras's order."""
    known = zip(state.order(), freezing.trained_places(state), strict=True)
    leaves = dict(named_leaves(state.need_values().params))
    names = ["/".join(place.names) for place, trained in known if trained]
    return {name: leaves[name] for name in names}


def _listed(
    rule: Any, state: Tree, names: Sequence[str], specs: _Weights, computed: Collection[str]
) -> _OptimizerVariables | None:
    kind = type(rule)
    word = snake_case(kind.__name__)
    named = getattr(rule, "name", None) or word
    if isinstance(state, OptimizerState) and isinstance(rule, optimizers.Optimizer):
        rate = state.hyperparams["learning_rate"]
        slots = {slot: dict(named_leaves(tree)) for slot, tree in state.slots.items()}
        entries = [_at(state.count)]
        entries += [] if isinstance(rate, optimizers.Scheduled) else [_at(rate)]
        moved = [name for name in names if name not in computed]
        entries += _round(slots, (AVERAGE,), moved)
        entries += _round(slots, (ACCUMULATOR,), names)
        entries += _slot_entries(rule, slots, moved, specs)
        return _OptimizerVariables(word, named, entries, [])
    if isinstance(state, LossScaleState):
        inner = _listed(rule.inner_optimizer, state.inner, names, specs, computed)
        if inner is None:
            return None
        own = [inner.entries[0], Entry((), np.float32(0)), _at(state.step_counter)]
        own += [_at(state.dynamic_scale), *inner.entries]
        return _OptimizerVariables(word, named, own, [inner._replace(word="inner_optimizer")])
    if isinstance(state, MultiState) and isinstance(rule.optimizer_map, OptimizerMap):
        return _of_several(rule, state, names, specs, computed)
    return None


def _of_several(
    rule: Any, state: MultiState, names: Sequence[str], specs: _Weights, computed: Collection[str]
) -> _OptimizerVariables:
    """Keras has the optimizers in the order of the map, the default last."""
    states = dict(zip(rule.parts(dict(specs)), state.states, strict=True))
    chosen = rule.optimizer_map
    rules = [*dict(chosen.optimizer_map).values(), chosen.default_optimizer]
    rules = [r.replace(loss_scale_factor=rule.loss_scale_factor) for r in dict.fromkeys(rules)]
    known = [r for r in dict.fromkeys(rules) if r in states]
    words: dict[str, int] = {}
    inner = []
    for one in known:
        with_slots = {name for slot in states[one].slots.values() for name in named_leaves(slot)}
        part = _listed(one, states[one], [n for n in names if n in with_slots], specs, computed)
        assert part is not None, "the rules of a map are plain optimizers"
        words[part.word] = number = words.get(part.word, -1) + 1
        inner.append(part._replace(word=f"optimizers/{part.word}{f'_{number}' if number else ''}"))
    count = inner[0].entries[0] if inner else Entry((), np.int32(0))
    entries = [count, Entry((), np.float32(0)), *(e for part in inner for e in part.entries)]
    return _OptimizerVariables("multi_optimizer", "multi_optimizer", entries, inner)


def _at(index: SupportsInt) -> Entry:
    return Entry((int(index),))


def _round(slots: _Slots, wanted: Sequence[str], names: Sequence[str]) -> list[Entry]:
    """Some slots, variable by variable."""
    return [
        _at(slots[slot][name]) for name in names for slot in wanted if name in slots.get(slot, {})
    ]


def _slot_entries(
    rule: optimizers.Optimizer, slots: _Slots, names: Sequence[str], specs: _Weights
) -> list[Entry]:
    """The entries of the slots that the rule makes."""
    if isinstance(rule, optimizers.Adafactor):
        return _of_adafactor(slots, names, specs)
    if isinstance(rule, optimizers.Nadam):  # Keras has one product of momenta for all variables
        product = tuple(slots["product"][name] for name in names)
        return [*_round(slots, ("momentum", "velocity"), names), Entry(product, np.float32(1))]
    known = [slot for slot in rule.slot_names() if slot in slots]
    others = [slot for slot in slots if slot not in (*known, AVERAGE, ACCUMULATOR)]
    together = ((*known, *others),)
    rounds = next((parts for kind, parts in _APART.items() if isinstance(rule, kind)), together)
    return [entry for wanted in rounds for entry in _round(slots, wanted, names)]


def _of_adafactor(slots: _Slots, names: Sequence[str], specs: _Weights) -> list[Entry]:
    """The entries of Adafactor: for a vector, Keras keeps zeros in the place of row and column; for
    a matrix, an array for the product of both, which every step recomputes.
    """
    entries = []
    for name in names:
        if name in slots.get("row", {}):
            entries += [_at(slots["row"][name]), _at(slots["column"][name])]
            entries.append(Entry((), np.zeros(specs[name].shape, np.float32)))
        else:
            entries += [Entry((), np.int32(0))] * 2 + [_at(slots["velocity"][name])]
    return entries
