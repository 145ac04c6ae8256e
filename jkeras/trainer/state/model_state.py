"""A description and its current values: built, read, replaced, lent out, shared with other models.

`ModelState` is what a trainer holds of a model. It knows nothing of losses, data or loops;
values are made by its `maker`, the steps that train the model.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

import jax

from jkeras import optimizers
from jkeras.core import freezing, keys, trees
from jkeras.core.errors import NotReadyError, WrongTypeError, describe
from jkeras.core.global_arrays import local
from jkeras.core.identity import last_build
from jkeras.core.layer import Layer
from jkeras.core.tracing import guessing_values, outside_of_traces
from jkeras.core.trees import Tree
from jkeras.keras_classes.tracking import MODEL_PRIVATE, is_subclassed
from jkeras.layers.adapting import Adaptable
from jkeras.models.adapters.foreign import Foreign
from jkeras.models.graph import Graph, graph_of
from jkeras.trainer.state import adapted_layers, late_parts, shape_inference, sharing
from jkeras.trainer.state.specs import (
    InputSpecs,
    concrete,
    declared_inputs,
    not_ready,
    sized,
    spec_of_input,
)
from jkeras.trainer.state.weight_order import Place, leaves_of, places, without
from jkeras.trainer.state.xla_cache import enable_cache
from jkeras.training.net import Net
from jkeras.training.state import TrainState

FEW_LAYERS = 16
"""Up to here the weights of layers with an `init` of their own are made by one program. Its
compilation grows with every weight; one by one, weights of equal shape share theirs (49 layers:
5.9 s of work against 1.2)."""


class ValuesMaker(Protocol):
    """How the values of a model are made: what its training decides."""

    @property
    def compilation(self) -> object:
        """The arguments of `compile`, resolved; None before."""

    @property
    def transformation(self) -> Any:
        """The optax transformation whose state is among the values; None for none."""

    def init_fn(self, state: ModelState) -> Callable[..., TrainState]:
        """The pure function (key, *specs) -> all values."""

    def with_rate(self, values: TrainState) -> TrainState:
        """The first values with the model's own learning rate: equal models share an `init_fn`."""

    def recompiled(self, state: ModelState, values: TrainState) -> TrainState:
        """The values for a new compilation: weights stay, the optimizer and the sums restart."""


class ModelState:
    """A model's description, `net`, and its current values.

    Args:
      net: anything with the layer contract.
      kind: the name of the model's class, for messages.
      name: the model's name.
      seed: an integer in [0, 2**32); the next default seed when left out.
      maker: how values are made.

    Attributes:
      version: grows whenever the description changes, so that what was compiled for it is stale.
      is_named: whether the user chose the name.
      owner: a weak reference to the model.
      stored: the values as this model has them; `values` has what other models wrote since, too.
      lent: whether other code may hold the arrays, so that they must not be donated.
      thread: the thread that the values belong to; 0 before anyone has read them.
      steps: whether a step is under way that may donate the arrays.
      fits: how many fits are under way, within which the structure of the values stays.
      builds_seen: the number of the last build anywhere, when it last looked for layers to take in.
      specs: the specs of the inputs, None for an axis of any size; None before they are known.
      called_on: the inputs on which the model was called as a part of another, with their shapes.
      subscription: the layers that may be shared with other models.
      held: the paths of weights that are frozen beside those of frozen layers, `*` for anything.
      frozen: the frozen weights that the optimizer's state was made for.
      draws: the description, and whether its outputs depend on a key outside of training.
      output_specs: the version, and the specs of the outputs by those of the inputs.
      calls: how many keys calls outside of training have used.
      added: what the last call on arrays added to the state, for the losses in it.
      views: of a state without a model, the views on its weights that users see.
      warned: the kinds of likely mistakes of which a warning was given.
      optimizer_met_data: whether the optimizer's variables count, as in Keras, which makes them
        when it meets data.
      is_laid_out: whether a distribution has put the values over its devices.
    """

    _net: Any

    def __init__(
        self,
        net: Net,
        *,
        kind: str,
        name: str,
        maker: ValuesMaker,
        is_named: bool = False,
        seed: int | None = None,
    ) -> None:
        self._net, self.kind, self.name = net, kind, name
        self.is_named, self.maker = is_named, maker
        self.version, self.calls, self.fits, self.builds_seen = 0, 0, 0, 0
        self.seed = keys.next_seed() if seed is None else keys.checked_seed(self.who, seed)
        self.owner: Callable[[], Any] = lambda: None
        self.stored: TrainState | None = None
        self.lent, self.thread, self.steps = False, 0, False
        self.specs: InputSpecs | None = None
        self.called_on: tuple[Any, ...] = ()
        self.subscription = sharing.Subscription(None)
        self.held: tuple[str, ...] = ()
        self.frozen: frozenset[str] = frozenset()
        self.draws: tuple[Any, bool] = (None, False)
        self.output_specs: tuple[int, dict[Any, Any]] = (0, {})
        self.added: Any = None
        self.views: dict[tuple[str, ...], Any] = {}
        self.warned: set[str] = set()
        self.optimizer_met_data, self.is_laid_out = False, False
        self.lock = threading.RLock()
        self._synced_at: tuple[Any, ...] = ()
        self._frozen_now: tuple[tuple[Any, ...], frozenset[str]] = (), frozenset()
        self._flags_now: tuple[tuple[Any, ...], tuple[bool, ...]] = (), ()
        self._adapted: dict[tuple[str, ...], int] = {}
        self._adaptable: tuple[Any, list[tuple[tuple[str, ...], Adaptable]]] = (None, [])
        self._known_order: tuple[Any, Any, Any, list[Place]] | None = None
        self._graph: tuple[Any, Graph] | None = None

    def __del__(self, _ending: Callable[[], bool] = sys.is_finalizing) -> None:
        if "subscription" in self.__dict__ and not _ending():
            sharing.release(self)

    def __getstate__(self) -> dict[str, Any]:
        """Everything but what belongs to this process; the values as other models wrote them."""
        values = self.values
        kept = {k: v for k, v in vars(self).items() if k not in ("lock", "owner")}
        of_now: dict[str, Any] = {
            "_synced_at": (),
            "_frozen_now": ((), frozenset()),
            "_flags_now": ((), ()),
        }
        kept |= of_now | {"builds_seen": 0}  # these compare with numbers of this process
        return kept | {"stored": jax.tree.map(local, values), "output_specs": (0, {}), "views": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        new: dict[str, Any] = {"owner": lambda: None, "thread": 0, "steps": False, "fits": 0}
        vars(self).update(state, lock=threading.RLock(), **new)

    @property
    def who(self) -> str:
        """How messages name the model."""
        return f"{self.kind} {self.name!r}"

    # -- the description

    @property
    def net(self) -> Any:
        """The description: pure functions `init` and `apply`."""
        return self._net

    @net.setter
    def net(self, value: Net) -> None:
        self._net, self.version = value, self.version + 1

    def graph(self) -> Graph:
        """The description as a graph of its layers; that of a chain is made at the first call.

        Raises:
          ValueError: the shapes of a chain's inputs are not known.
        """
        net = self._net
        if isinstance(net, Graph):
            return net
        if self._graph is None or self._graph[0] is not net:
            known = self.specs or self.known_inputs()
            if not known:
                raise NotReadyError(
                    f"{self.who}: it has no `inputs` and `outputs` yet, because the shape of its "
                    "inputs is not known. Begin it with Input(shape), or call build((None, ...))."
                )
            self._graph = net, graph_of(net, [spec_of_input(value, self.who) for value in known])
        return self._graph[1]

    def as_layer(self) -> Any:
        """The description under the model's name, as a layer that shares the model's weights.

        Raises:
          TypeError: the description is no `Layer`.
        """
        if not isinstance(self._net, Layer):
            raise WrongTypeError(
                f"{self.who}: expected a description that is a jkeras.Layer to make it a part of "
                f"another model, got {describe(self._net)}."
            )
        return self._net.renamed(self.name) if self.is_named else self._net

    def subscribe(self) -> None:
        """Makes the model known to the layers of its description, so that they find it."""
        if self.subscription.net is not self._net:
            sharing.subscribe(self)

    # -- the values

    @property
    def values(self) -> TrainState | None:
        """The values, with what other models have written into layers that are also theirs; lent to
        other threads than that which trains.
        """
        self.subscribe()
        with self.lock:
            sharing.refresh(self)
            self.thread = self.thread or threading.get_ident()
            self.lent = self.lent or self.thread != threading.get_ident()
            return self.stored

    @values.setter
    def values(self, values: TrainState | None) -> None:
        self.subscribe()
        self.stored = values
        if values is not None:
            sharing.publish(self)

    @property
    def built(self) -> bool:
        """Whether weights exist."""
        return self.values is not None

    def need_values(self) -> TrainState:
        """The values; a model that knows its inputs is built for it.

        Raises:
          ValueError: the model is not built, and the shape of its inputs is not known.
        """
        self.build_if_known()
        values = self.values
        if values is None:
            raise not_ready(self.who, None if self.has_call else self._net.build_parts()[0])
        if self._adaptable[0] is not self._net:
            self._adaptable = self._net, list(adapted_layers.adaptable(self._net))
        new = adapted_layers.refreshed(self._adaptable[1], values.state, self._adapted)
        if new is None:
            return values
        self.version += 1  # a description may hold what `adapt` found
        self.values = values = values.replace(state=new)
        return values

    def check_ready(self, who: str) -> None:
        """Raises a ValueError when a layer still waits for `adapt`.

        Args:
          who: the method that was called.
        """
        state = self.need_values().state
        adapted_layers.check_ready(who, self._adaptable[1], state)

    def lend(self) -> TrainState:
        """The values for code that may keep them: training continues with a copy."""
        with self.lock:
            self.lent = True
            return self.need_values()

    def replace(self, values: TrainState) -> None:
        """Takes values whose arrays other code may hold."""
        self.values, self.lent = values, True

    def advance(self, step_fn: Callable[[TrainState], tuple[TrainState, Any]]) -> Any:
        """Replaces the values by the first result of `step_fn(values)`; returns the second.

        No other thread reads in between. The function may donate the values, which are a copy if
        anyone else may hold them.
        """
        with self.lock:
            values = self.need_values()
            with sharing.stepping(self):
                if self.lent:
                    self.stored = values = trees.copy(values)
                self.lent = False
                self.values, result = step_fn(values)
            return result

    # -- building

    def known_inputs(self) -> tuple[Any, ...]:
        """What tells the shapes of the inputs before any data: the symbols of a graph, an `Input`
        or `input_shape` in front of a chain, or a call on symbols; empty where nothing does.
        """
        return declared_inputs(self._net) or self.called_on

    def build_if_known(self, rows: int = 1) -> None:
        """Builds the model if the shape of its inputs can be known, or does not matter."""
        if self.stored is None or self.specs is None:
            known = self.known_inputs()
            if known:
                self.build(*known, rows=rows)
            elif not self.has_call and not self._net.build_parts():
                self._build((), 1)
        elif self.builds_seen != last_build():
            late_parts.take(self)

    @property
    def has_call(self) -> bool:
        """Whether the model can be called; one that has a `train_step` alone need not."""
        return getattr(self._net, "has_call", True)

    def build(self, *inputs: Any, rows: int = 1) -> None:
        """Makes the weights where there are none; arguments and errors: see `model.build`."""
        if not inputs:
            self.need_values()
            return
        self._build(inputs if self.has_call else (), rows)

    def _build(self, inputs: tuple[Any, ...], rows: int) -> None:
        if self.specs is not None and self.stored is not None:
            return
        if not self.has_call and (missing := self._net.build_parts()):
            raise not_ready(self.who, missing[0])
        with self.lock:
            specs = self.specs or tuple(spec_of_input(value, self.who) for value in inputs)
            self.specs = self._make(specs, rows) if self.values is None else specs
        if not self.has_call:
            self.order()  # while the models are there that tell the order in the parts

    def _make(self, specs: InputSpecs, rows: int) -> InputSpecs:
        """Makes the first values; the specs, with the size of unknown axes that layers fit into.

        Inside a trace of the user's the values are arrays all the same: they outlive that trace.
        """
        enable_cache()
        at_once = not _compiles_nothing(self._net) and (
            len(getattr(self._net, "layers", ())) <= FEW_LAYERS
        )
        init = self.maker.init_fn(self)
        first_error = None
        for tried in sized(specs, getattr(self._net, "layers", ())):
            try:
                eager = getattr(self.maker.compilation, "eager", False)
                with outside_of_traces(), guessing_values(eager):
                    made = shape_inference.made(init, self.seed, tried, rows, at_once=at_once)
            except (TypeError, ValueError) as error:
                first_error = first_error or error
                continue
            self.take_first(self.maker.with_rate(made))
            return shape_inference.of_carried_rows(tried, made.state)
        assert first_error is not None
        raise first_error

    def take_first(self, values: TrainState) -> None:
        """Makes these the first values of a model that has none; what others have written into
        layers that are also theirs goes before.

        Raises:
          ValueError: a layer has weights of another shape elsewhere; the model stays unbuilt.
        """
        self.stored = values
        try:
            sharing.on_built(self)
        except ValueError:
            self.stored = None
            raise
        self.mark_synced()

    # -- weights as a flat list, in Keras's order

    def order(self) -> list[Place]:
        """Where each weight lies, in Keras's order.

        Raises:
          ValueError: the shape of the inputs is not known.
        """
        if self.specs is None:
            raise ValueError(
                f"{self.who}: the order of its weights is not known before the shape of its "
                "inputs. Call build((None, ...)) first."
            )
        values, found = self.stored, self._known_order
        kind: Any = jax.tree.structure(None if values is None else (values.params, values.state))
        if found is None or found[0] is not self._net or found[1:3] != (self.specs, kind):
            order = places(self._net, *map(concrete, self.specs))
            self._known_order = found = (self._net, self.specs, kind, order)
        return found[3]

    def ordered(self, values: TrainState) -> list[jax.Array]:
        """The weights among some values, in Keras's order."""
        leaves = leaves_of(values)
        return [leaves[place.part][place.leaf] for place in self.order()]

    # -- frozen weights

    def frozen_names(self) -> frozenset[str]:
        """The paths of the weights that are not trained now."""
        assert self.stored is not None, "called only on a model that is built"
        tree = freezing.frozen(self._net, self.stored.params, self.held)
        return frozenset(name for name, held in trees.named_leaves(tree).items() if held)

    def frozen_now(self) -> frozenset[str]:
        """As `frozen_names`, found once after each change."""
        moment = self._moment()
        if self._frozen_now[0] != moment:
            self._frozen_now = moment, self.frozen_names()
        return self._frozen_now[1]

    def trainable_flags(self) -> tuple[bool, ...]:
        """Whether each layer is trained, those without weights among them; found once after each
        change.
        """
        moment = self._moment()
        if self._flags_now[0] != moment:
            layers = [self._net, *(layer for _, layer in freezing.layer_paths(self._net))]
            flags = tuple(bool(getattr(layer, "trainable", True)) for layer in layers)
            self._flags_now = moment, flags
        return self._flags_now[1]

    def mark_synced(self) -> None:
        """Notes that the optimizer's state is made for what is trained now."""
        self._synced_at = self._moment()
        self.frozen = self.frozen_names()

    def mark_behind(self, frozen: frozenset[str]) -> None:
        """Notes that the optimizer's state is made for this set, which may not be that of now."""
        self.frozen, self._synced_at = frozen, ()

    def sync_frozen(self) -> None:
        """Before training: if other weights are frozen than before, the optimizer's state is made
        to go with it. What it knows of weights that are trained before and after stays.
        """
        if self.values is None or self._synced_at == self._moment():
            return
        before = self.frozen
        self.mark_synced()
        if self.frozen != before:
            self.values = self.refitted(before, self.frozen)

    def refitted(self, before: frozenset[str], now: frozenset[str], old: Tree = None) -> TrainState:
        """The values, with the optimizer's state made for other weights than before."""
        values = self.stored
        assert values is not None, "called only on a model that is built"
        if self.maker.transformation is None:
            return values
        old = trees.specs(values.params) if old is None else old
        specs, params = without(old, before), without(values.params, now)
        opt_state = optimizers.refitted(self.maker.transformation, values.opt_state, specs, params)
        return values.replace(opt_state=opt_state)

    def _moment(self) -> tuple[Any, ...]:
        return freezing.changes(), id(self._net), self.held


def _compiles_nothing(net: object) -> bool:
    """Whether all weights come from initializers, which the host draws without compiling."""
    layers = [net, *(layer for _, layer in freezing.layer_paths(net))]
    return all(
        is_subclassed(layer)
        or (type(layer).__module__.startswith("jkeras.") and not isinstance(layer, Foreign))
        for layer in layers
    )


def state_of(model: object) -> ModelState:
    """The state of a model, for code outside of the trainer."""
    state: ModelState = vars(model)[MODEL_PRIVATE].state
    return state


def has_state(value: object) -> bool:
    """Whether something is a model that was made."""
    return MODEL_PRIVATE in getattr(value, "__dict__", {})
