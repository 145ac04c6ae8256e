"""A layer as an object, in Keras's words: called, built, subclassed by `call`, with weights.

A layer is a description and has no weights. Where a user asks for them none the less, the model
that has the layer answers, or one that is made for it: all of this lies behind
`jkeras.core.object_api`. Only a call on symbols, which makes graphs, is the core's own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from jkeras.core.calling import call_on_symbols
from jkeras.core.contract import LayerContract
from jkeras.core.errors import type_error, unexpected_arguments, value_error
from jkeras.core.naming import snake_case
from jkeras.core.object_api import object_api
from jkeras.core.symbols import has_symbols
from jkeras.core.tracebacks import api_boundary

if TYPE_CHECKING:
    from jkeras.core.typing import Identifier

_KERAS_METHODS = frozenset({"build", "call"})
"""What a layer class in Keras's way defines, in place of `apply`."""

WEIGHT_NAMES = frozenset(
    "kernel bias embeddings gamma beta alpha moving_mean moving_variance recurrent_kernel "
    "depthwise_kernel pointwise_kernel scale concat_score_weight "
    "moving_stddev renorm_mean renorm_stddev "
    "lora_kernel_a lora_kernel_b lora_embeddings_a lora_embeddings_b "
    "kernel_scale kernel_zero embeddings_scale embeddings_zero g_idx "
    "inputs_scale inputs_amax_history kernel_amax_history "
    "outputs_grad_scale outputs_grad_amax_history".split()
)
"""Names of weights that a layer shows as attributes; looked up only where no field has the name."""


class LayerObject:
    """Keras's methods of a layer as an object.

    Source: `keras.layers.Layer`.
    """

    name: str | None
    who: Any
    init: Any
    apply: Any
    is_mutable: Any
    aliases: ClassVar[Any]
    autocast = True
    """Whether floating inputs are cast to the dtype that the layer computes in; a class with a
    `call` of its own may say False."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        is_in_keras_way = not _KERAS_METHODS.isdisjoint(vars(cls)) or (
            inspect.isfunction(vars(cls).get("__init__")) and cls.__module__[:7] != "jkeras."
        )
        if "apply" not in vars(cls) and is_in_keras_way:
            object_api().complete_class(cls)

    @api_boundary
    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """The layer as a part of a graph: called on symbols, it gives the symbols of its outputs;
        called on arrays, their values.

        Args:
          *inputs: what `Input` or other layers gave, or lists and dicts of that; or arrays. At the
            first call on arrays the weights are made.
          **kwargs: further inputs by name; `training=` fixes the flag, `mask=` the mask.

        Raises:
          ValueError: the layer does not take inputs of these shapes.
        """
        if has_symbols(inputs, kwargs):
            return call_on_symbols(self, inputs, kwargs)
        return object_api().call(self, inputs, kwargs)

    @property
    def built(self) -> bool:
        """Whether the layer was built or called, is a part of a built model, or is of a class that
        makes no weights.
        """
        return object_api().is_built(self)

    @built.setter
    def built(self, value: bool) -> None:
        """Keras's `build` says it at its end; it changes nothing."""

    @api_boundary
    def build(self, *shapes: Any, **by_name: Any) -> None:
        """Makes the weights, unless they exist.

        Args:
          *shapes: the shape of each input, batch axis included; or a list or dict of them.
          **by_name: the same by the names of the inputs: `input_shape=`, `query_shape=`.
        """
        object_api().build(self, shapes, by_name)

    @property
    def weights(self) -> Any:  # a list; some layers have an argument of this name
        """Views on all weights, trained ones first; none before they exist."""
        return object_api().weights(self).views(kept=True)

    @property
    def trainable_weights(self) -> list[Any]:
        """Views on the weights that training changes."""
        return object_api().weights(self).views(True, kept=True)

    @property
    def non_trainable_weights(self) -> list[Any]:
        """Views on the others."""
        return object_api().weights(self).views(False, kept=True)

    @property
    def variables(self) -> Any:
        """An alias of `weights`."""
        return self.weights

    @property
    def trainable_variables(self) -> list[Any]:
        """An alias of `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Any]:
        """An alias of `non_trainable_weights`."""
        return self.non_trainable_weights

    def __getattr__(self, name: str) -> Any:
        """A weight under its name, `layer.kernel`, as a view that computes as an array."""
        if name in WEIGHT_NAMES:
            weight = self.shown_weight(name)
            if weight is not None:
                return weight
        if name == "bias" and vars(self).get("use_bias") is False:
            return None  # as in Keras
        return object.__getattribute__(self, name)  # raises again, in the words it raised in before

    def shown_weight(self, *names: str) -> Any:
        """The weight under a name, or under that of a part and its own: a view, in a running `call`
        of a class around the layer its array; None before it exists.
        """
        array = object_api().weight_inside(self, names)
        if array is not None:
            return array
        for view in object_api().weights(self).views(kept=True):
            if view.name == names[-1] and view.path.split("/")[-len(names) :] == list(names):
                return view
        return None

    def get_weights(self) -> list[Any]:
        """Copies of all weights as NumPy arrays; none before they exist."""
        return object_api().weights(self).get()

    @api_boundary
    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replaces all weights by arrays in the order of `get_weights`, in all models that have
        the layer.

        Raises:
          ValueError: another number of arrays, or a shape that differs.
        """
        object_api().weights(self).set(weights)

    def count_params(self) -> int:
        """The number of scalars in all weights.

        Raises:
          ValueError: there are none yet.
        """
        weights = object_api().weights(self)
        if weights.location is None:
            raise _has_no_weights(self)
        return sum(int(view.size) for view in weights.views())

    @property
    def losses(self) -> list[Any]:
        """The losses added in the last call on arrays, then the regularization loss of each of the
        current weights.
        """
        return object_api().weights(self).losses()

    def add_loss(self, loss: object) -> None:
        """Always raises: only a class with a `call` of its own adds losses there.

        Raises:
          TypeError: always.
        """
        del loss
        raise _adds_no_loss(self)

    @api_boundary
    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The outputs for arrays, and the new non-trainable variables; pure, of lists of arrays.

        Args:
          trainable_variables: arrays in the order of the layer's.
          non_trainable_variables: arrays in the order of the layer's.
          *args: the inputs.
          return_losses: whether the list of losses is returned, too.
          **kwargs: further arguments of a call.

        Raises:
          ValueError: the layer is not built, or other numbers of arrays.
        """
        values = [*trainable_variables], [*non_trainable_variables]
        outputs, state, losses = object_api().weights(self).call(*values, args, kwargs)
        return (outputs, state, losses) if return_losses else (outputs, state)


class WeightsArgument:
    """The attribute `weights` of a layer with an argument of that name: views, as of any layer."""

    def __get__(self, layer: LayerContract | None, owner: type) -> Any:
        return self if layer is None else object_api().weights(layer).views(kept=True)

    def __set__(self, layer: object, value: object) -> None:
        vars(layer)["weights"] = value  # by the constructor


def _has_no_weights(layer: LayerContract) -> ValueError:
    return value_error(
        "it has no weights yet, because the shape of its inputs is not known. Call "
        "build((None, ...)), or call it on an array.",
        who=layer.who,
    )


def _adds_no_loss(layer: LayerContract) -> TypeError:
    return type_error(
        "add_loss: expected a class with a `call` of its own, where it is called. What depends on "
        "weights is a regularizer, what depends on outputs an ActivityRegularization layer.",
        who=layer.who,
    )


def init_of_objects(init: Callable[..., None]) -> Callable[..., None]:
    """What `super().__init__(...)` does in a layer class with an `__init__` of its own.

    Args:
      init: takes the arguments that every layer has.
    """
    known = list(inspect.signature(init).parameters)[1:]

    def __init__(
        self: LayerObject,
        *,
        activity_regularizer: Identifier = None,
        autocast: bool = True,
        **kwargs: Any,
    ) -> None:
        names = [name for name in kwargs if name not in self.aliases]
        error = unexpected_arguments(type(self).__name__, names, known)
        if error is not None:
            raise error
        init(self, **kwargs)
        if self.is_mutable:
            own = vars(self)
            own["name"] = own["name"] or snake_case(type(self).__name__)
            own["activity_regularizer"] = object_api().regularizer(activity_regularizer)
            own["autocast"] = autocast

    return __init__
