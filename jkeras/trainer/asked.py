"""What can be asked of a model in Keras's words, beside training it: losses, shapes, values by
name.
"""

from __future__ import annotations

from typing import Any

import jax

from jkeras.core.errors import nearest
from jkeras.core.layer import activity_losses
from jkeras.core.variables import innermost
from jkeras.keras_classes.step_context import StepFrame
from jkeras.models.penalties import penalties
from jkeras.models.subclassing import Pass
from jkeras.trainer.compiling.live_optimizer import variables_of
from jkeras.trainer.steps.function_steps import Stepped

ADDED = "_added"
"""Where a model keeps the state that its last call on arrays gave, for the losses in it."""

_PARTS = (
    "trainable_variables",
    "non_trainable_variables",
    "optimizer_variables",
    "metrics_variables",
)


class AskedModel(Stepped):
    """A model that answers; arguments as for `Trainer`."""

    @property
    def losses(self) -> list[Any]:
        """What `add_loss` and activity regularizers added when the model was called last on arrays,
        then the regularization losses of the weights as they are, each by itself. In a step of the
        model's own they are those of the call there; `fit` adds them by itself.
        """
        frame, inner = _frame(self), innermost(Pass)
        if frame is not None:
            return [*activity_losses(frame.state), *penalties(self.net, frame.params)]
        if inner is not None and inner.owner is self:
            return list(inner.losses)
        self._build_if_known()
        if self._values is None:
            return []
        added = activity_losses(vars(self).get(ADDED) or {})
        return [*added, *penalties(self.net, self._values.params)]

    def _note_losses(self, state: Any) -> None:
        """Keeps what the last call added, unless it was traced."""
        found = activity_losses(state)
        traced = any(isinstance(loss, jax.core.Tracer) for loss in found)
        vars(self)[ADDED] = state if found and not traced else None

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compilation is not None

    @property
    def dtype(self) -> str:
        """The dtype of the weights."""
        return self.variable_dtype

    @property
    def steps_per_execution(self) -> int:
        """How many steps `compile` fixed for one dispatch; 1 where it adapts."""
        return self._need_compilation("steps_per_execution").steps_per_execution or 1

    def compute_output_shape(self, *shapes: Any, **named: Any) -> Any:
        """The shape of the outputs for inputs of a shape; as a layer's."""
        return self.as_layer().compute_output_shape(*shapes, **named)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbols with the shape and the dtype of the outputs; as a layer's."""
        return self.as_layer().compute_output_spec(*args, **kwargs)

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """The values under Keras's names, as nested dicts.

        Args:
          value_format: "backend_tensor" for arrays of JAX, "numpy_array" for copies.

        Raises:
          ValueError: another format.
        """
        formats = ("backend_tensor", "numpy_array")
        if value_format not in formats:
            raise ValueError(
                f"{self._who}: get_state_tree: `value_format`: expected one of {list(formats)}, "
                f"got {value_format!r}.{nearest(str(value_format), formats)}"
            )
        optimizer = variables_of(self.train_state.opt_state) if self.compiled else []
        found = {
            _PARTS[0]: _nested(self.trainable_variables),
            _PARTS[1]: _nested(self.non_trainable_variables),
            _PARTS[2]: {str(i): value for i, value in enumerate(optimizer)},
            _PARTS[3]: dict(self.train_state.sums),
        }
        return jax.tree.map(jax.device_get, found) if value_format == "numpy_array" else found

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        """Assigns the weights in what `get_state_tree` gave; the optimizer's go with `train_state`.

        Raises:
          ValueError: a weight is unknown here, or has another shape.
        """
        weights = {weight.path: weight for weight in self.variables}
        for part in _PARTS[:2]:
            for path, value in _paths(state_tree.get(part, {})):
                if path not in weights:
                    raise ValueError(
                        f"{self._who}: set_state_tree: no weight {path!r}."
                        f"{nearest(path, weights)} Weights: {', '.join(weights)}."
                    )
                weights[path].assign(value)


def _nested(weights: list[Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for weight in weights:
        *names, last = weight.path.split("/")
        node = tree
        for name in names:
            node = node.setdefault(name, {})
        node[last] = weight.value
    return tree


def _paths(tree: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, part in tree.items():
        found += (
            _paths(part, f"{before}{name}/") if isinstance(part, dict) else [(before + name, part)]
        )
    return found


def _frame(model: Any) -> Any:
    """The step of a model that runs here, after its first call."""
    frame = innermost(StepFrame)
    return (
        frame if frame is not None and frame.owner is model and frame.params is not None else None
    )


__all__ = ["ADDED", "AskedModel"]
