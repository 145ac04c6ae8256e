"""Keras's optimizers, which keep their state and assign variables, around the pure ones.

Each class here holds a description of `jkeras.optimizers` and the state that belongs to it. The
numbers of an update come from `description.init` and `description.update`; this file only puts
gradients and variables into trees, and assigns what comes out.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

import jkeras
from jkeras.core.naming import snake_case
from jkeras.optimizers import base, muon, schedules
from tests.keras_suite.standins import Variable, convert_to_tensor

_NAMES: dict[str, int] = {}

RULES = (
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "Muon",
    "Nadam",
    "RMSprop",
    "SGD",
    "ScheduleFreeAdamW",
)


def forget_names() -> None:
    """The next optimizer of each class is the first again."""
    _NAMES.clear()


def _next_name(word: str) -> str:
    number = _NAMES.get(word, 0)
    _NAMES[word] = number + 1
    return f"{word}_{number}" if number else word


class Optimizer:
    """An optimizer that keeps its state; its subclasses say whose rule it follows."""

    rule: type[base.Optimizer]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name = kwargs.get("name") or _next_name(snake_case(type(self).__name__))
        self.description = self.rule(*args, **{**kwargs, "name": name})
        self.built = False
        self._variables: list[Any] = []
        self._excluded: list[Any] = []
        self._state: Any = self.description.init({})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "description":
            raise AttributeError(name)
        return getattr(self.description, name)  # the arguments

    # -- configuration

    def get_config(self) -> dict[str, Any]:
        """The description's."""
        config: dict[str, Any] = self.description.get_config()
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Optimizer:
        """An optimizer around the description's."""
        return around(cls.rule.from_config(config))

    # -- what is kept

    def build(self, variables: Sequence[Any]) -> None:
        """Makes the state for these variables, once."""
        if not self.built:
            self._variables, self.built = list(variables), True
            self._state = self._chosen().init(self._values())

    def _chosen(self) -> Any:
        """The rule, with what is excluded from the decay by its place in the tree."""
        if not self._excluded:
            return self.description
        excluded = [str(i) for i, v in enumerate(self._variables) if self._is_excluded(v)]
        return self.description.replace(no_weight_decay=([], excluded))

    def _is_excluded(self, variable: Any) -> bool:
        return any(
            item is variable or (isinstance(item, str) and item in variable.path)
            for item in self._excluded
        )

    def _values(self) -> dict[str, Any]:
        return {str(i): jnp.asarray(variable.value) for i, variable in enumerate(self._variables)}

    @property
    def _iterations(self) -> jax.Array:
        count: jax.Array = self._state.count
        return count

    @property
    def iterations(self) -> jax.Array:
        """Steps, without the updates that only gathered a gradient."""
        return self._iterations // (self.description.gradient_accumulation_steps or 1)

    @property
    def variables(self) -> list[Any]:
        """The count, the rate unless a schedule sets it, the slots."""
        rate = self._state.hyperparams["learning_rate"]
        rates = [] if isinstance(rate, base.Scheduled) else [rate]
        return [self._iterations, *rates, *jax.tree.leaves(self._state.slots)]

    @property
    def learning_rate(self) -> Any:
        """The rate of the next update."""
        return base._value(self._state.hyperparams["learning_rate"])

    @property
    def _accumulated_gradients(self) -> list[Any]:
        return list(self._state.slots[base.ACCUMULATOR].values())

    @property
    def _model_variables_moving_average(self) -> list[Any]:
        return list(self._state.slots[base.AVERAGE].values())

    # -- what is done

    def exclude_from_weight_decay(
        self, var_list: Iterable[Any] = (), var_names: Iterable[str] = ()
    ) -> None:
        """Variables that do not decay."""
        self._excluded += [*(var_list or ()), *(var_names or ())]

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> None:
        """One update of the variables, in place."""
        gradients, variables = zip(*grads_and_vars, strict=True)
        self.apply(gradients, variables)

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """One update of the variables, in place; without gradients some stay, or all refuse."""
        variables = list(trainable_variables or self._variables)
        if all(gradient is None for gradient in grads):
            raise ValueError("No gradients provided for any variable.")
        if any(gradient is None for gradient in grads):
            warnings.warn("Gradients do not exist for some variables.", stacklevel=2)
        kept = [pair for pair in zip(grads, variables, strict=True) if pair[0] is not None]
        self.build([variable for _, variable in kept])
        numbers = {id(variable): str(i) for i, variable in enumerate(self._variables)}
        tree = {numbers[id(variable)]: convert_to_tensor(grad) for grad, variable in kept}
        updates, self._state = self._chosen().update(tree, self._state, self._values())
        for variable in self._variables:
            variable.assign(variable.value + updates[numbers[id(variable)]])
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable.value))

    def zeropower_via_newtonschulz5(self, matrix: Any, steps: int) -> jax.Array:
        """Muon's orthogonal matrix."""
        rule: Any = self.description
        numbers = (rule.muon_a, rule.muon_b, rule.muon_c)
        return muon.orthogonal(convert_to_tensor(matrix), steps=steps, coefficients=numbers)

    def _clip_gradients(self, grads: Sequence[Any]) -> list[Any]:
        tree = {str(i): convert_to_tensor(gradient) for i, gradient in enumerate(grads)}
        clipped: Any = self.description._clip(tree)
        return list(clipped.values())

    def scale_loss(self, loss: Any) -> Any:
        """The loss as the gradients should be taken of it."""
        return jkeras.optimizers.scale_loss(convert_to_tensor(loss), self._state)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One update by the rule alone: this rate, no decay."""
        decays = {name: 0 for name in self.rule.in_state if name.endswith("weight_decay")}
        rule = self.description.replace(learning_rate=float(learning_rate), **decays)
        self._apply_once(rule, convert_to_tensor(gradient), variable)

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        """What an update does to variables whose gradients are zero."""
        for variable in variables:
            self._apply_once(self.description, jnp.zeros_like(variable.value), variable)

    def _apply_once(self, rule: Any, gradient: jax.Array, variable: Any) -> None:
        params = {"0": variable.value}
        updates, _ = rule.update({"0": gradient}, rule.init(params), params)
        variable.assign(variable.value + updates["0"])

    def finalize_variable_values(self, variables: Sequence[Any]) -> None:
        """At the end of training the averages take the place of the variables."""
        final = jkeras.optimizers.final_params(self._values(), self._state)
        for i, variable in enumerate(variables):
            variable.assign(final[str(i)])


def _class_for(name: str) -> type[Optimizer]:
    return type(
        name, (Optimizer,), {"rule": getattr(jkeras.optimizers, name), "__module__": __name__}
    )


CLASSES: dict[str, type[Optimizer]] = {name: _class_for(name) for name in RULES}
globals().update(CLASSES)


def around(description: Any) -> Any:
    """The stateful optimizer around a description."""
    return CLASSES[type(description).__name__](
        **{
            field.name: getattr(description, field.name)
            for field in jkeras.core.description.fields(type(description))
        }
    )


def get(identifier: Any) -> Any:
    """As `jkeras.optimizers.get`, around what it gives."""
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    return around(jkeras.optimizers.get(identifier))


def serialize(optimizer: Optimizer) -> Any:
    """As `jkeras.optimizers.serialize`, of the description inside."""
    return jkeras.optimizers.serialize(optimizer.description)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """As `jkeras.optimizers.deserialize`, around what it gives."""
    return around(jkeras.optimizers.deserialize(config, custom_objects))


__all__ = ["CLASSES", "Optimizer", "Variable", "around", "deserialize", "forget_names", "get"]
__all__ += ["schedules", "serialize"]
