"""Keras's further names of a model: what it is built for, and hooks that have another form here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax

from jkeras.core import freezing
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.input_spec import InputSpec
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.state.specs import concrete, spec_of_input


class _Shown:
    """An attribute that a user's class may replace: what is assigned goes before it."""

    def __init__(self, value_fn: Callable[[Any], Any]) -> None:
        self.value_fn = value_fn
        self.__doc__ = value_fn.__doc__

    def __get__(self, model: object, owner: type) -> Any:
        return self if model is None else self.value_fn(model)


def _path(model: Any) -> str:
    """The model's name, the first word of the paths of its weights."""
    return str(model.name)


def _input_dtype(model: Any) -> Any:
    """The dtype of the inputs, or a list of them; None before it is known."""
    specs = _specs(model)
    names = [str(spec.dtype) for spec in jax.tree.leaves(specs)]
    return names[0] if len(names) == 1 else names or None


def _input_spec(model: Any) -> Any:
    """What the inputs must be like, a list of `InputSpec`; None before it is known."""
    specs = jax.tree.leaves(_specs(model))
    return [InputSpec(shape=(None, *spec.shape[1:])) for spec in specs] or None


def _quantization_mode(model: Any) -> str | None:
    """The mode of the quantized layers, where all have the same; None otherwise."""
    layers = [layer for _, layer in freezing.layer_paths(model.net)]
    modes = {getattr(layer, "quantization_mode", None) for layer in layers} - {None}
    return modes.pop() if len(modes) == 1 else None


def _specs(model: Any) -> tuple[Any, ...]:
    parts: TrainerParts = model._trainer_parts
    known = parts.state.specs or parts.state.known_inputs()
    return tuple(concrete(spec_of_input(value, parts.state.who)) for value in known or ())


_HOOKS = {
    "make_train_function": "define `train_step`, or give a `Trainer` a pure one: "
    "Trainer(net, train_step=...)",
    "make_test_function": "define `test_step`, or pass Trainer(net, evaluate_step=...)",
    "make_predict_function": "call `predict`, or the pure function model.net.apply",
    "compute_loss_and_updates": "take the gradient of a loss of `stateless_call`",
    "stateless_compute_loss": "call a loss on the outputs of `stateless_call`",
    "rematerialized_call": "build the model inside `jkeras.RematScope`",
    "quantized_build": "call model.quantize('int8')",
    "quantized_call": "call the model: its quantized layers do it",
    "add_metric": "pass compile(metrics=[...])",
    "save_own_variables": "call `save_weights`, or read model.get_weights()",
    "load_own_variables": "call `load_weights`, or model.set_weights()",
}
"""Methods of Keras's models whose work is done otherwise, with what does it."""


def _refused(name: str, instead: str) -> Callable[..., Any]:
    def hook(self: Any, *args: Any, **kwargs: Any) -> Any:
        del args, kwargs
        who = self._trainer_parts.state.who
        raise NotImplementedError(f"{who}: {name} has another form here: {instead}.")

    hook.__name__ = hook.__qualname__ = name
    hook.__doc__ = f"""Always raises a NotImplementedError: {instead}."""
    return hook


class KerasNamesMixin:
    """Names of Keras's models that scripts ask for now and then."""

    _trainer_parts: TrainerParts

    path = _Shown(_path)
    input_dtype = _Shown(_input_dtype)
    input_spec = _Shown(_input_spec)
    quantization_mode = _Shown(_quantization_mode)

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes of the inputs, `{"input_shape": …}`, None for axes of any size; None before
        they are known.
        """
        shapes = [(None, *spec.shape[1:]) for spec in jax.tree.leaves(_specs(self))]
        if not shapes:
            return None
        return {"input_shape": shapes[0] if len(shapes) == 1 else shapes}

    def build_from_config(self, config: Mapping[str, Any] | None) -> None:
        """Makes the weights for the shapes that `get_build_config` gave; nothing for None.

        Raises:
          TypeError: it is no such configuration.
        """
        if not config:
            return
        shape = config.get("input_shape", config.get("shapes_dict"))
        if shape is None:
            raise WrongTypeError(
                f"{self._trainer_parts.state.who}: build_from_config: expected "
                f"{{'input_shape': ...}}, got {describe(config)}."
            )
        several = isinstance(shape, list) and any(isinstance(s, list | tuple) for s in shape)
        self._trainer_parts.state.build(*([tuple(s) for s in shape] if several else [tuple(shape)]))

    def jax_state_sync(self) -> None:
        """Does nothing: the model's weights are always those of the last step."""

    def get_quantization_layer_structure(self, mode: str | None = None) -> None:
        """None: what GPTQ and AWQ ask for, which are not built."""

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """The symbols of the outputs for symbols; the model remembers no call."""
        return self._trainer_parts.state.as_layer().compute_output_spec(*args, **kwargs)


for _name, _instead in _HOOKS.items():
    setattr(KerasNamesMixin, _name, _refused(_name, _instead))
