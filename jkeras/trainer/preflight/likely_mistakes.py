"""Warnings, once a model, of what trains without an error and is hardly ever meant.

Raw pixels, channels first, probabilities that are none, targets that broadcast over the outputs,
images that are mixed without their labels, and a model without a weight to train. Everything is
read off descriptions, shapes and a few examples: nothing is computed.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jkeras.core.batch import Batch
from jkeras.core.operations import Template
from jkeras.core.tracebacks import users_stacklevel
from jkeras.losses.shapes import same_rank_shapes
from jkeras.models.composite import Composite
from jkeras.trainer.compiling.plan import Plan
from jkeras.trainer.state.model_state import ModelState
from jkeras.trainer.state.specs import is_input

_NOT_PROBABILITIES = frozenset(
    "linear relu relu6 tanh elu selu gelu leaky_relu silu softplus softsign log_softmax".split()
)
"""Activations whose outputs leave [0, 1]."""
_BROADCASTING = ("regression", "probabilistic", "hinge")
"""Modules with losses whose targets have the shape of the outputs."""


def warn_of_batch(state: ModelState, batch: Batch) -> None:
    """Warns of inputs that look wrong for the model."""
    for x in batch.inputs:
        shape = tuple(getattr(x, "shape", ()))
        if (
            len(shape) >= 3
            and getattr(x, "dtype", None) == np.uint8
            and "pixels" not in state.warned
        ):
            largest = int(x[:64].max())
            if largest > 1 and not _takes_integers(state.net):
                _warn(
                    state,
                    "pixels",
                    f"`x` holds uint8 images with values up to {largest}, which train badly. Scale "
                    "them, x / 255.0, or begin the model with Rescaling(1 / 255).",
                )
        if len(shape) == 4 and shape[1] in (1, 3) and shape[2] == shape[3] > 4:
            layers = (layer for layer in getattr(state.net, "layers", ()) if not is_input(layer))
            first: Any = next(layers, None)
            if getattr(first, "data_format", None) != "channels_last":
                continue
            _warn(
                state,
                "channels",
                f"`x` of shape {shape} looks like images with channels first, and {first.who} "
                "takes them last. Move the axis, np.moveaxis(x, 1, -1), or give the layers "
                "data_format='channels_first'.",
            )


def warn_of_plan(state: ModelState, plan: Plan, batch: Batch) -> None:
    """Warns of losses that look wrong for the outputs and the targets, and of frozen models."""
    values = state.need_values()
    weights = jax.tree.leaves(values.params)
    if weights and len(state.frozen_now()) == len(weights):
        _warn(
            state,
            "frozen",
            "all weights are frozen, so that training changes none. Unfreeze what shall learn: "
            "layer.trainable = True.",
        )
    mixing = None if batch.y is None else _mixing_layer(state.net, isinstance(batch.x, Mapping))
    if mixing is not None:
        _warn(
            state,
            "mixing",
            f"{mixing.who} mixes the images of a batch, and the labels of `y` stay as they are. "
            f"Mix both before the model, in the data set: {type(mixing).__name__}()"
            '({"images": x, "labels": y}, training=True), with one-hot labels.',
        )
    checks = [] if plan.checks is None else list(plan.checks.of(batch))
    layers: dict[int, Any] = dict(enumerate(_last_layers(state.net)))
    for check in checks:
        name, loss, layer = check.loss.log_name, check.loss, layers.get(check.number)
        activation = getattr(getattr(layer, "activation", None), "__name__", None)
        of_probabilities = getattr(loss, "from_logits", None) is False
        if layer is not None and of_probabilities and hasattr(layer, "kernel_initializer"):
            if activation in _NOT_PROBABILITIES:
                _warn(
                    state,
                    "logits",
                    f"the loss {name} expects probabilities, and the last layer, {layer.who}, has "
                    f"the activation {activation!r}. Give it a softmax or sigmoid, or the loss "
                    f"from_logits=True: jkeras.losses.{type(loss).__name__}(from_logits=True).",
                )
        targets, outputs = same_rank_shapes(np.shape(check.y), tuple(check.outputs.shape))
        of_shape = type(loss).__module__.rpartition(".")[2] in _BROADCASTING
        if of_shape and len(targets) == len(outputs) and targets[1:] != outputs[1:]:
            _warn(
                state,
                "broadcast",
                f"the loss {name} compares targets of shape {(None, *np.shape(check.y)[1:])} with "
                f"outputs of shape {(None, *check.outputs.shape[1:])}: each target with several "
                "outputs, or the reverse. Give the last layer as many units as there are targets.",
            )


def _last_layers(net: object) -> list[Any]:
    """The layer that makes each output of a model, inside of nested models, too."""
    layers = list(getattr(net, "layers", ()))
    named = {layer.name: layer for layer in layers}
    names = getattr(net, "output_names", None)
    last = layers[-1:] if names is None else [named.get(name) for name in names]
    return [
        _last_layers(layer)[0] if isinstance(layer, Composite) and layer.layers else layer
        for layer in last
    ]


def _mixing_layer(net: Any, is_dict: bool) -> Any:
    """The first layer of a model that mixes examples and gets images alone; None for none.

    Args:
      net: a description.
      is_dict: whether the model's input is a dict, which may hold labels.
    """
    wiring = getattr(net, "wiring", None)
    if wiring is None:
        pairs = [(layer, is_dict) for layer in getattr(net, "layers", ())]
    else:
        pairs = [(wiring.layers[call.layer], _holds_dict(call.arguments)) for call in wiring.calls]
    for layer, gets_dict in pairs:
        if getattr(layer, "mixes_examples", False) and not gets_dict:
            return layer
        inner = _mixing_layer(layer, gets_dict)
        if inner is not None:
            return inner
    return None


def _holds_dict(arguments: Template) -> bool:
    """Whether one of the inputs of a call is a dict."""
    inputs, _ = arguments.filled(dict.fromkeys(arguments.holes))
    return any(isinstance(value, Mapping) for value in inputs)


def _takes_integers(net: object) -> bool:
    """Whether a layer before the first with a kernel takes integers as they are."""
    for layer in getattr(net, "layers", ()):
        if getattr(layer, "takes_integers", False):
            return True
        if hasattr(layer, "kernel_initializer"):
            return False
    return True


def _warn(state: ModelState, kind: str, message: str) -> None:
    """Warns, unless this model gave a warning of the kind before."""
    if kind not in state.warned:
        state.warned.add(kind)
        warnings.warn(f"{state.who}: {message}", stacklevel=users_stacklevel())
