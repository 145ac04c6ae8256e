"""What can be asked of a layer in Keras's words: shapes, calls, losses, a pure call of lists.

Shapes come from tracing `init` and `apply`; nothing is computed, and no weight is made. Losses are
those of the weights as they are now, and what `add_loss` was given when the layer was called last
on arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax

from jkeras.core import by_hand
from jkeras.core.calling import arrangement
from jkeras.core.errors import describe, type_error
from jkeras.core.identity import first_node
from jkeras.core.symbols import Symbol
from jkeras.core.tracing import traced_outputs


class Asked:
    """Keras's words for every layer.

    Source: `keras.layers.Layer`.
    """

    who: Any
    init: Any
    apply: Any
    takes_integers: ClassVar[Any]

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbols with the shape and the dtype of the outputs, as the layer called on symbols gives
        them; the layer remembers no call.

        Args:
          *args: symbols, as for a call.
          **kwargs: further arguments of a call.

        Raises:
          TypeError, ValueError: the layer does not take such inputs.

        Example:
          >>> from jkeras import KerasTensor
          >>> from jkeras.layers import Dense
          >>> Dense(3).compute_output_spec(KerasTensor((None, 4))).shape
          (None, 3)
        """
        values, options = arrangement(self, args, kwargs)
        return traced_outputs(self, values, options)

    def compute_output_shape(self, *shapes: Any, **named: Any) -> Any:
        """The shape of the outputs for inputs of a shape, batch axis included.

        Args:
          *shapes: the shape of each input, or one list of shapes; None for an axis of any size.
          **named: shapes under Keras's names, `input_shape`.

        Raises:
          TypeError: something else than shapes.
          ValueError: the layer does not take inputs of these shapes.

        Example:
          >>> from jkeras.layers import Concatenate, Conv2D
          >>> Conv2D(8, 3).compute_output_shape((None, 28, 28, 1))
          (None, 26, 26, 8)
          >>> Concatenate().compute_output_shape([(None, 2), (None, 3)])
          (None, 5)
        """
        given = [*shapes, *named.values()]
        found = self.compute_output_spec(*(self._symbols(shape) for shape in given))
        return jax.tree.map(lambda symbol: symbol.shape, found)

    def _symbols(self, shape: Any) -> Any:
        """Symbols of a shape, or of a structure of shapes."""
        if isinstance(shape, dict):
            return {name: self._symbols(part) for name, part in shape.items()}
        if not isinstance(shape, list | tuple):
            raise type_error(
                f"compute_output_shape: expected a shape such as (None, 4), got {describe(shape)}.",
                who=self.who,
            )
        if all(size is None or hasattr(size, "__index__") for size in shape):
            return Symbol(shape, "int32" if self.takes_integers else "float32")
        return [self._symbols(part) for part in shape]

    @property
    def output(self) -> Any:
        """The symbols that the layer gave where it was first called."""
        return first_node(self).outputs

    @property
    def input(self) -> Any:
        """The symbols that the layer was first called on."""
        args = first_node(self).args
        return args[0] if len(args) == 1 else list(args)

    @property
    def losses(self) -> list[Any]:
        """What was added in the last call on arrays, then the regularization losses of the weights
        as they are, each by itself.
        """
        return by_hand.weights_of(self).losses()

    def add_loss(self, loss: Any) -> None:
        """Always raises: only a class with a `call` of its own adds losses there.

        Raises:
          TypeError: always.
        """
        del loss
        raise type_error(
            "add_loss: expected a class with a `call` of its own, where it is called. What "
            "depends on weights is a regularizer, what depends on outputs an "
            "ActivityRegularization layer.",
            who=self.who,
        )

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
        given = [*trainable_variables], [*non_trainable_variables]
        outputs, state, losses = by_hand.weights_of(self).call(*given, args, kwargs)
        return (outputs, state, losses) if return_losses else (outputs, state)


__all__ = ["Asked"]
