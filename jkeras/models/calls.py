"""One layer applied to values that carry masks: what chains and graphs are made of.

A mask is a bool array that says which steps of a value are real, or None. It travels beside its
value, never in it: `masks` is a tuple parallel to `values`. Laws: a layer that knows nothing of
masks gives the outputs it gives without; a network without a layer that makes masks computes
nothing for them.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import jax

from jkeras.core.errors import PLAIN_ERRORS, Message, describe, message_of, tell, value_error
from jkeras.core.identity import identity_of
from jkeras.core.input_spec import check_inputs
from jkeras.core.interception import intercepted
from jkeras.core.keys import Key, child
from jkeras.core.layer import ACTIVITY_LOSS, Array, Layer, Params, State
from jkeras.core.layer_places import in_place
from jkeras.core.remat import rematerialized
from jkeras.core.trees import Tree, widest_float
from jkeras.core.value_reads import UNKNOWN_VALUES, reads_values

Values = tuple[Any, ...]
Masks = tuple[Any, ...]
Observer = Callable[[Any, Any, Any], None]

_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)


@contextlib.contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """While it is entered, `observer(layer, inputs, outputs)` is called after each layer of a chain
    or graph: what looks for a fault runs the model in Python and looks at every layer.
    """
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


_TAKEN_FOR_ARRAYS = (dict, list, tuple, type(None), str)
"""What Python says of these, that they lack an attribute, means that an array was expected."""
_FIX = (
    "Use jkeras.ops in place of NumPy's functions and of float(), and jkeras.ops.where or "
    "jkeras.ops.cond in place of `if`; or step through it: compile(run_eagerly=True)."
)


@contextlib.contextmanager
def naming_errors(layer: object, values: Values) -> Iterator[None]:
    """Puts the layer's name before the messages of errors that JAX or a user's code raises inside.

    Raises:
      TypeError, ValueError: raised inside, and naming no layer yet; subclasses pass unchanged,
        except JAX's errors for values that are unknown while a program is traced.
      ValueError: in place of an AttributeError of a dict or a list that stands for an array.
    """
    try:
        yield
    except UNKNOWN_VALUES as error:
        raise reads_values(error, _FIX, who=_who(layer), called_on=_shapes(values)) from error
    except FloatingPointError as error:  # of jax_debug_nans
        if not message_of(error).who:
            tell(error, Message(f"{error}.", who=_who(layer), called_on=_shapes(values)))
        raise
    except (TypeError, ValueError) as error:
        message = message_of(error)
        if type(error) not in PLAIN_ERRORS or message.who or message.argument:
            raise
        # The same error, so that its traceback ends in the line that failed, once.
        tell(error, Message(str(error), who=_who(layer), called_on=_shapes(values)))
        raise
    except AttributeError as error:
        wrong = [value for value in values if not hasattr(value, "shape")]
        fits = not wrong or getattr(layer, "takes_structures", False)
        if fits or error.name is None or type(error.obj) not in _TAKEN_FOR_ARRAYS:
            raise
        raise value_error(
            who=_who(layer), expected="one array", **_not_an_array(wrong[0])
        ) from error


def _who(layer: object) -> str:
    return getattr(layer, "who", type(layer).__name__)


def _shapes(values: Values) -> str:
    shapes = [str(tuple(x.shape)) for x in jax.tree.leaves(values) if hasattr(x, "shape")]
    return f"inputs of shape {', '.join(shapes)}" if shapes else "no array"


def _not_an_array(value: object) -> dict[str, str]:
    """The parts `got` and `fix` of an error for a value in place of an array."""
    if isinstance(value, dict):
        names = " and ".join(map(repr, value))
        fix = "Give one of them; for several inputs make a Model of Inputs."
        return {"got": f"a dict with {names}", "fix": fix}
    if isinstance(value, list | tuple):
        fix = "Join them first, for example by Concatenate, or make one array: np.asarray."
        return {"got": f"a {type(value).__name__} of {len(value)}", "fix": fix}
    return {"got": describe(value)}


def call_layer(
    layer: Layer,
    params: Params,
    state: State,
    values: Values,
    masks: Masks,
    *,
    key: Key | None,
    training: bool,
    rows: Array | None = None,
    turn: int = 0,
    options: Mapping[str, Any] | None = None,
) -> tuple[Values, State, Masks]:
    """Applies a layer to values with their masks.

    Args:
      layer: the layer, named.
      params, state: those of the layer.
      values: its inputs, side by side.
      masks: for each of them a bool array (the value's shape without features), or None; for a
        value that is a dict or a list, the same of masks.
      key: the key of the layer, or None.
      training: the flag.
      rows: `[batch]` bool, the examples that are real.
      turn: how often the layer ran before in this pass: each turn draws its own random numbers,
        and the activity losses add up.
      options: further keyword arguments of `apply`; a mask among them is used instead of `masks`.

    Returns:
      The outputs as a tuple, the new state with the layer's activity loss, and the masks of the
      outputs, as many as these.

    Raises:
      ValueError: the inputs are not as the layer's `input_spec` says.

    Warns:
      UserWarning: a mask reaches a layer that does not support masking, and ends there.
    """
    check_inputs(layer.input_spec, layer.who, values)
    kwargs: dict[str, Any] = {"rows": rows} if layer.padded_rows == "masked" else {}
    kwargs |= {"key": key_of_turn(key, turn), "training": training}
    kwargs |= {"turn": turn} if layer.takes_turn else {}
    masked = any(mask is not None for mask in jax.tree.leaves(masks))
    if hasattr(layer, "apply_with_mask"):
        kwargs |= {"masks": masks, **(options or {})}
        outputs, new, out_masks = _run(layer, layer.apply_with_mask, kwargs, params, state, values)
    else:
        kwargs |= layer.mask_arguments(masks) if masked else {}
        kwargs |= options or {}
        outputs, new = _run(layer, layer.apply, kwargs, params, state, values)
        explicit, out_masks = kwargs.get("mask"), None
        if explicit is not None and not isinstance(explicit, tuple | list):
            masks = (explicit, *masks[1:])
        if layer.makes_masks or (layer.supports_masking and (masked or explicit is not None)):
            out_masks = layer.compute_mask(unpacked(values), unpacked(masks))
        elif masked or explicit is not None:
            warn_of_lost_mask(layer)
    observer = _observer.get()
    if observer is not None:
        observer(layer, values, outputs)
    before = state.get(ACTIVITY_LOSS) if turn else None
    new = with_activity(layer, new, outputs, before)
    return as_tuple(outputs), new, _parallel(out_masks, as_tuple(outputs))


def _run(layer: Layer, apply_fn: Callable[..., Any], kwargs: dict[str, Any], *trees: Any) -> Any:
    """`apply_fn(params, state, *values, **kwargs)`, rematerialized if the layer was made in a
    `RematScope`.
    """

    def run(params: Params, state: State, values: Values) -> Any:
        with naming_errors(layer, values):
            return intercepted(layer, apply_fn)(params, state, *values, **kwargs)

    scope = identity_of(layer).remat
    run_all = functools.partial(rematerialized, scope, layer.name, run)
    return in_place(str(layer.name), run_all, *trees)


def key_of_turn(key: Key | None, turn: int) -> Key | None:
    """A layer's key for one of its turns in a pass: turn 0 is its first call, turn 1 its second."""
    return key if turn == 0 or key is None else child(key, turn)


def as_tuple(outputs: Tree) -> Values:
    """The outputs side by side: one output is a tuple of one."""
    return outputs if isinstance(outputs, tuple) else (outputs,)


def unpacked(values: Values) -> Any:
    """The value itself where there is one, else the tuple."""
    return values[0] if len(values) == 1 else values


def with_activity(layer: Layer, state: State, outputs: Tree, before: Array | None = None) -> State:
    """The layer's state with the regularization of its outputs, divided by the batch size as in
    Keras; `before` is that of the turns before, when the layer runs more than once.
    """
    rule = getattr(layer, "activity_regularizer", None)
    if rule is None:
        return state
    terms = [rule(leaf) / _rows(leaf) for leaf in jax.tree.leaves(outputs)]
    loss = sum(terms).astype(widest_float())
    return {**state, ACTIVITY_LOSS: loss if before is None else before + loss}


def _rows(outputs: Array) -> int:
    """The batch size, at least 1: the sum over no examples is 0, not 0/0."""
    rows = outputs.shape[0] if outputs.ndim else 1
    return 1 if rows == 0 else rows


def _parallel(masks: Tree, outputs: Values) -> Masks:
    """Masks as a tuple as long as the outputs; what is missing has none."""
    if len(outputs) == 1 and isinstance(outputs[0], dict | list):
        return (masks,)
    listed = tuple(masks) if isinstance(masks, tuple | list) else (masks,)
    return (*listed, *(None,) * len(outputs))[: len(outputs)]


def warn_of_lost_mask(layer: Layer) -> None:
    """Warns that the mask of a layer's inputs ends there."""
    warnings.warn(
        f"{layer.who}: its inputs carry a mask, and it does not support masking: padded steps "
        "count as real ones from here on, in the layers behind it and in the loss. Move it in "
        "front of the layer that makes the mask, or subclass it with `supports_masking = True` if "
        "the mask of its inputs is that of its outputs.",
        UserWarning,
        stacklevel=3,
    )
