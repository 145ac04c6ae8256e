"""`Composite`: the base of layers made of layers, with the properties that follow from theirs."""

from __future__ import annotations

from typing import Any, ClassVar

from jkeras.core.errors import describe, value_error
from jkeras.core.freezing import freezes_all, frozen_copy
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, InSlices, Layer, PaddedRows, Params, State
from jkeras.core.object_api import object_api
from jkeras.core.typing import Masks
from jkeras.models.calls import call_layer
from jkeras.models.weight_tying import WeightTies, weight_ties_of

MODEL_WORDS = frozenset(
    "get_layer summary compile fit evaluate predict predict_on_batch test_on_batch train_on_batch "
    "save_weights load_weights freeze unfreeze output_shape to_json inputs".split()
)
"""Attributes of a model that a layer made of layers has, beside those of every layer."""


class Composite(Layer):
    """A layer with `layers`: `params` and `state` are dicts from a layer's name to its own."""

    follows_policy: ClassVar[bool] = False
    host_part: ClassVar[Any] = None
    """What of a graph runs on the host (`models.host_part`); None for nothing."""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers under their names: what every subclass defines."""
        raise NotImplementedError(f"{type(self).__name__}: expected an attribute `layers`.")

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
        rows: Array | None = None,
        mask: Masks = None,
    ) -> tuple[Any, State]:
        """As every layer's `apply`.

        Args:
          params, state, key, training: as for every layer.
          *inputs: those of the first layer of a chain; those of a graph in order, or one list, or
            one dict by name.
          rows: `[batch]` bool, the examples that are real.
          mask: the mask of the input, or a tuple or list of masks for several.
        """
        kwargs: dict[str, Any] = {"masks": mask, "key": key, "training": training, "rows": rows}
        return self.apply_with_mask(params, state, *inputs, **kwargs)[:2]

    def apply_with_mask(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        masks: Masks = None,
        key: Key | None = None,
        training: bool = False,
        rows: Array | None = None,
    ) -> tuple[Any, State, Any]:
        """As `apply`, with `masks` in place of `mask`; the third value is the outputs' masks in the
        outputs' structure: a bool array, or None for no mask.
        """
        state = dict(state)
        kwargs = {"key": key, "training": training, "rows": rows}
        outputs, out_masks = self.run_layers(params, state, inputs, masks, kwargs)
        return outputs, self.weight_ties.deduplicate(state), out_masks

    def run_layers(
        self,
        params: Params,
        state: State,
        inputs: tuple[Any, ...],
        masks: Masks,
        kwargs: dict[str, Any],
    ) -> tuple[Any, Any]:
        """The outputs and their masks; every layer's entry of `state` is replaced."""
        raise NotImplementedError(f"{type(self).__name__}: expected a method `run_layers`.")

    def run_layer(
        self,
        layer: Layer,
        params: Params,
        state: State,
        inputs: tuple[Any, ...],
        masks: tuple[Any, ...],
        **kwargs: Any,
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """The outputs of one layer and their masks; replaces the layer's entry of `state`.

        Args:
          layer: one of `layers`.
          params, state: those of all layers.
          inputs, masks: the layer's, side by side.
          **kwargs: as for `call_layer`, with the key of the pass.
        """
        name, key = str(layer.name), kwargs["key"]
        kwargs["key"] = None if key is None else child(key, name)
        parts = params.get(name, {}), state.get(name, {})
        runs = frozen_copy(layer) if freezes_all(self) else layer
        outputs, new, out_masks = call_layer(runs, *parts, inputs, masks, **kwargs)
        put_part(state, name, new)
        state.update(self.weight_ties.propagate(state, (name,)))
        return outputs, out_masks

    def __getattr__(self, name: str) -> Any:
        """An attribute of a model, as in `nested.get_layer("x")`, is that of a model of these
        layers, which shares their weights: in Keras a model in a model is a model.
        """
        if name in MODEL_WORDS:
            return getattr(object_api().model(self), name)
        return super().__getattr__(name)

    @property
    def weight_ties(self) -> WeightTies:
        """Which layers inside are the same one, and so share weights."""
        if "_weight_ties" not in vars(self):
            object.__setattr__(self, "_weight_ties", weight_ties_of(self))
        return vars(self)["_weight_ties"]

    def __eq__(self, other: object) -> bool:
        equal = super().__eq__(other)
        if not isinstance(other, Composite):
            return equal
        return equal and self.weight_ties == other.weight_ties

    def __hash__(self) -> int:
        return super().__hash__()

    @property
    def padded_rows(self) -> PaddedRows:  # here it depends on the layers
        """The `padded_rows` of the most affected layer."""
        kinds: set[str] = {layer.padded_rows for layer in self.layers}
        # An activity regularizer is any function of all outputs, so it may see the filler rows.
        if any(getattr(layer, "activity_regularizer", None) is not None for layer in self.layers):
            return "seen"
        return "seen" if "seen" in kinds else "masked" if "masked" in kinds else "ignored"

    @property
    def in_slices(self) -> InSlices:  # type: ignore[override]  # here it depends on the layers
        """Whether a batch is better taken in slices: no layer minds, and one gains."""
        kinds = {layer.in_slices for layer in self.layers}
        return "never" if "never" in kinds else "faster" if "faster" in kinds else "same"

    @property
    def makes_masks(self) -> bool:  # type: ignore[override]  # here it depends on the layers
        """Whether a layer makes masks."""
        return any(layer.makes_masks for layer in self.layers)

    def penalty(self, params: Params) -> Array | float:
        if freezes_all(self):
            return 0.0
        return sum(
            (layer.penalty(params.get(str(layer.name), {})) for layer in self.distinct()), start=0.0
        )

    def constrain(self, params: Params) -> Params:
        if freezes_all(self):
            return params
        new = dict(params)
        for layer in self.distinct():
            if layer.name in params:
                new[layer.name] = layer.constrain(params[layer.name])
        return new

    def distinct(self) -> list[Layer]:
        """The layers, each once."""
        return list({layer.name: layer for layer in self.layers}.values())


def masks_of_inputs(net: Layer, masks: Masks, count: int) -> list[Any]:
    """One mask or None for each of `count` inputs.

    Raises:
      ValueError: there are more or fewer masks.
    """
    if masks is None:
        return [None] * count
    listed = list(masks) if isinstance(masks, tuple | list) else [masks]
    if len(listed) != count:
        expected = f"a mask or None for each of {count} inputs"
        raise value_error(who=net.who, expected=expected, got=describe(masks))
    return listed


def put_part(tree: dict[str, Any], name: str, part: dict[str, Any]) -> None:
    """Sets the params or the state of a layer; a layer without them has no entry."""
    if part:
        tree[name] = part
