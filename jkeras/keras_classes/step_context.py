"""Layers that a model's `train_step` or `compute_loss` calls beside the model.

    def compute_loss(self, x, y, y_pred, sample_weight=None):
        near = self.encoder(x)             # gradients flow into the encoder
        ...

Law: a layer of the model that is called in a step, directly or as a model inside the model, has the
values of the model's last call in that step, so the loss depends on them; before the first call,
those that the step began with. Its new state (moving means) is dropped: the state is that of the
model's call. A layer that a step is the first to call gets its weights when the step is traced for
what it logs, and is then a part of the model.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import jax

from jkeras.core.calling import arrangement
from jkeras.core.host_random import key_of_seed
from jkeras.core.identity import identity_of
from jkeras.core.keys import Key, child
from jkeras.core.layer import Layer
from jkeras.core.object_api import object_api
from jkeras.core.parts import at, path_to
from jkeras.core.variables import Frame, innermost
from jkeras.keras_classes.call_arrays import as_array, masks_of, with_masks
from jkeras.models.calls import call_layer, unpacked
from jkeras.models.weight_tying import weight_ties_of
from jkeras.trainer.state.model_state import state_of

if TYPE_CHECKING:
    from jkeras.core.trees import Tree

_builds_parts: ContextVar[bool] = ContextVar("builds_parts", default=False)


class StepFrame(Frame):
    """One step of a model: its key, and the params and state of the model's last call.

    Args:
      model: the model.
      key: the key of the step, or None.
      opt_tree: the structure of the optimizer's state, or None.
      params, state: the values that the step begins with, or None.

    Attributes:
      sums: the frame with the sums of the model's metrics (`metrics.carried`), or None.
    """

    def __init__(
        self,
        model: Any,
        key: Key | None,
        opt_tree: Tree = None,
        params: Tree = None,
        state: Tree = None,
    ) -> None:
        super().__init__(model)
        self.key, self.opt_tree, self.calls = key, opt_tree, 0
        self.params = params
        self.state = {} if state is None else state
        self.sums: Any = None

    def draw_key(self) -> Key:
        """The key of random functions without a seed; constant in a step without a key."""
        return child(key_of_seed(0) if self.key is None else self.key, "draws")

    def next_key(self) -> Key | None:
        """The key of the next call; the first call has the key of the step."""
        self.calls += 1
        return self.key if self.key is None or self.calls == 1 else child(self.key, self.calls)


def is_in_step() -> bool:
    """Whether a step of a model is running in this thread."""
    return innermost(StepFrame) is not None


@contextlib.contextmanager
def building_parts() -> Iterator[None]:
    """While the context is entered, a step may make the weights of layers of its model."""
    token = _builds_parts.set(True)
    try:
        yield
    finally:
        _builds_parts.reset(token)


def may_build(layer: Layer) -> bool:
    """Whether a step that is traced for what it logs may make the weights of a layer."""
    frame = innermost(StepFrame) if _builds_parts.get() else None
    return frame is not None and path_to(frame.owner.net, identity_of(layer)) is not None


def call_in_step(layer: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The outputs of a layer of the model whose step is running; NotImplemented for any other."""
    frame = innermost(StepFrame)
    if frame is None or frame.params is None or not isinstance(layer, Layer):
        return NotImplemented
    net = frame.owner.net
    path = path_to(net, identity_of(layer))
    if path is None:
        return NotImplemented
    if not (at(frame.params, path) or at(frame.state, path)):
        if not _builds_parts.get():
            _warn_of_absence(frame.owner, layer)
        return NotImplemented
    args, options = arrangement(layer, args, kwargs)
    training = bool(options.pop("training", False))
    values = tuple(jax.tree.map(as_array, value) for value in args)
    weight_ties = weight_ties_of(net)
    params, state = weight_ties.broadcast(frame.params), weight_ties.broadcast(frame.state)
    outputs, _, masks = call_layer(
        layer, at(params, path), at(state, path), values, masks_of(values),
        key=frame.next_key(), training=training, options=options,
    )  # fmt: skip
    return with_masks(unpacked(outputs), masks)


def _warn_of_absence(model: Any, layer: Any) -> None:
    """Warns of a layer with trainable weights that was built too late to be trained in this fit."""
    if layer.trainable and any(True for _ in object_api().weights(layer).views(True)):
        warnings.warn(
            f"{layer.who}: it was built within a fit of {state_of(model).who}, whose steps take "
            "its weights as they are and do not train them. Build it before the fit, or freeze it: "
            "layer.trainable = False.",
            UserWarning,
            stacklevel=2,
        )
