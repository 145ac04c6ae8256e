"""What users pass as data, as the data sets that training takes; and whether it goes with the
model.

Every function here runs before training starts and says, on behalf of `fit`, `evaluate` or
`predict`, what it expected, what it got, and what to do.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np

from jkeras.core import columns, trees
from jkeras.core.batch import Batch
from jkeras.core.dtype_policy import narrowed
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.named_columns import ModelNames
from jkeras.core.trees import Tree
from jkeras.data import arrays
from jkeras.data.arrays import Arrays, ClassWeight
from jkeras.data.libraries import source_of
from jkeras.data.sources import WHOLE, Share, Source, plain_columns
from jkeras.data.streams import Stream
from jkeras.models.host_part import host_of
from jkeras.trainer.state.specs import is_input

Data = Arrays | Stream
Examples = Tree | Iterable[Any]
"""The type of `x`: arrays in any structure, or an iterable of batches."""


def load(
    who: str,
    x: Examples,
    y: Tree = None,
    sample_weight: Tree = None,
    class_weight: ClassWeight | None = None,
    *,
    net: object = None,
    finite: bool = True,
    batch_size: int | None = None,
    splits: bool = False,
    share: Share = WHOLE,
) -> Data:
    """The data as resident arrays, or as a stream of batches.

    Args:
      who: the method that was called, for messages.
      x, y, sample_weight, class_weight: as for `fit`; an iterable may be a list of `(x, y)`.
      net: the model; where it has several inputs, the columns of a table go to those of their name.
      finite: whether NaN and infinity are refused.
      batch_size: of the batches that are made of single examples; None for 32.
      splits: whether batches of named columns are taken apart into inputs and targets.
      share: the part of a data set of another library that this process reads.

    Raises:
      TypeError, ValueError: as `data.arrays.load` says, or the arguments exclude each other.
    """
    if x is None:
        raise ValueError(f"{who}: expected `x`, got None. Pass an array or an iterable of batches.")
    names = getattr(net, "input_names", ())
    is_pair = isinstance(x, tuple) and len(x) == 2 and y is None and who != "predict"
    if is_pair and len(names) < 2 and not getattr(net, "takes_structures", False):
        raise ValueError(
            f"{who}: `x`: expected the inputs alone, got a pair and no `y`. "
            f"Write {who}(x, y); validation data stay a pair."
        )
    in_passes = who in ("fit", "evaluate", "predict", "lr_find")
    columns_wanted = model_names(who, net) if splits else None
    holds_all = isinstance(x, dict | tuple | list | str | int | float)
    holds_all = holds_all or hasattr(x, "shape") or columns.is_column(x) or columns.is_lazy(x)
    try:
        source = source_of(x, batch_size, columns_wanted, share)
        if source is not None:
            x, holds_all = source.batches, False
        x = columns.by_names(x, names)
        if columns.is_table(y):
            outputs = getattr(net, "output_names", ())
            found = {name for name, _ in columns.columns_of(y)}
            y = columns.by_names(y, outputs) if found >= set(outputs) else y
        in_list = in_passes and y is None and sample_weight is None and is_batches(x)
        host = host_of(net)
        if holds_all and not in_list:
            x = x if host is None else host.encoded(x)
            data = arrays.load(x, y, sample_weight, class_weight=class_weight, finite=finite)
            if class_weight is not None and who in ("fit", "lr_find"):
                arrays.check_class_keys(class_weight, data.batch.y, _outputs_of(net))
            return data
        for name, value in (("y", y), ("sample_weight", sample_weight)):
            if value is not None:
                raise ValueError(
                    f"`{name}`: expected None beside an iterable of batches, got "
                    f"{describe(value)}. Let the iterable yield (x, y) or (x, y, sample_weight)."
                )
        check_fixed_weights(class_weight)
        stream = Stream(
            x,
            who,
            class_weight=class_weight,
            finite=finite,
            input_names=names,
            encode_fn=None if host is None else host.encoded,
        )
        source = source or Source(x, plain_columns(columns_wanted))
        stream.value_fn, stream.facts = source.value_fn, dict(source.facts)
        stream.is_endless = source.is_endless
        return stream
    except (TypeError, ValueError) as error:
        raise type(error)(f"{who}: {error}") from None


def model_names(who: str, net: object) -> ModelNames:
    """What a model calls its inputs and outputs, for the method `who`."""
    inputs = tuple(getattr(net, "input_names", ()))
    first = next(iter(getattr(net, "layers", ())), None)
    if not inputs and is_input(first):
        inputs = (str(getattr(first, "name", "")),)
    takes_dict = bool(getattr(net, "takes_structures", False))
    outputs = tuple(getattr(net, "output_names", ()))
    known = {str(each.name): each.shape for each in getattr(net, "layers", ()) if is_input(each)}
    shapes = tuple(known[name] for name in inputs) if known.keys() >= {*inputs} else ()
    targets_wanted = who != "predict"
    return ModelNames(inputs, outputs, takes_dict, wants_targets=targets_wanted, shapes=shapes)


def _outputs_of(net: object) -> int | None:
    """The units of the last layer with weights; None where it has none."""
    for layer in reversed(list(getattr(net, "layers", ()))):
        if hasattr(layer, "units"):
            return int(layer.units)
        if not hasattr(layer, "activation") and type(layer).__name__ != "Softmax":
            return None
    return None


def load_batch(
    who: str,
    x: Examples,
    y: Tree = None,
    sample_weight: Tree = None,
    class_weight: ClassWeight | None = None,
    *,
    net: object = None,
    finite: bool = True,
) -> Arrays:
    """One batch, as a data set; arguments as for `load`.

    Raises:
      TypeError: an iterable of batches.
      TypeError, ValueError: as `load` says.
    """
    try:
        check_fixed_weights(class_weight)
    except ValueError as error:
        raise ValueError(f"{who}: {error}") from None
    data = load(who, x, y, sample_weight, class_weight, net=net, finite=finite)
    if not isinstance(data, Arrays):
        raise WrongTypeError(f"{who}: `x`: expected the arrays of one batch, got {describe(x)}.")
    return data


def check_fixed_weights(class_weight: ClassWeight | None) -> None:
    """Raises where class weights depend on all examples, and not all are there."""
    if isinstance(class_weight, str):
        raise ValueError(
            f"`class_weight`: expected a dict from class id to weight beside single batches, got "
            f"{class_weight!r}. Count all of `y`: counts = np.bincount(y); class_weight = "
            "dict(enumerate(len(y) / (len(counts) * counts)))."
        )


def validation(
    data: Data,
    given: Examples,
    fraction: float,
    class_weight: ClassWeight | None = None,
    **options: Any,
) -> tuple[Data, Data | None]:
    """The data sets for training and validation, from `validation_data` and `validation_split`.

    Sample weights go with the examples that are split off. Class weights are for training: the
    part that is validated on has none, as in `validation_data`.

    Args:
      data: what `load` returned for `fit`, with `class_weight`.
      given: `validation_data`.
      fraction: `validation_split`.
      **options: as for `load`.

    Raises:
      TypeError, ValueError: as `load` says, or there is nothing to split.
    """
    if given is not None:
        who = "fit: `validation_data`"
        if not isinstance(given, tuple | list):
            return data, load(who, given, **options)
        if not 2 <= len(given) <= 3:
            fix = " Join batches that lie in a list: np.concatenate." if is_batches(given) else ""
            raise ValueError(
                f"{who}: expected (x, y) or (x, y, sample_weight), got {len(given)} parts.{fix}"
            )
        return data, load(who, *given, **options)
    if not fraction:
        return data, None
    if not isinstance(data, Arrays):
        raise ValueError(
            "fit: `validation_split`: expected arrays to split, got an iterable of batches. "
            "Pass `validation_data` instead."
        )
    try:
        data, held_out = arrays.split(data, fraction)
    except ValueError as error:
        raise ValueError(f"fit: {error}") from None
    if class_weight is not None:  # then these are all the weights there are
        held_out = Arrays(held_out.batch._replace(weight=None), held_out.length)
    return data, held_out


def first_batch(who: str, data: Data) -> Batch:
    """A batch to build a model with: all examples of resident data, a batch of a stream."""
    if isinstance(data, Arrays):
        return data.batch
    batch = data.sample()
    if batch is None:
        raise ValueError(f"{who}: `x`: expected at least one batch, got an iterable without any.")
    batch = data.adjust_fn(batch)
    data.specs = trees.specs(batch)
    return batch


def adjusted(data: Data, who: str, net: object, shapes: tuple[Any, ...] | None) -> Data:
    """The data with the inputs in the model's order, where it has names for them, and with a last
    axis of size one added or removed where it wants that.

    Args:
      data: the data set.
      who: the method that was called.
      net: the model; one with `arranged` knows the names of its inputs.
      shapes: the shape of one example of each input, None for an axis of any size; None in place of
        all when they are not known.
    """

    def adjust(batch: Batch) -> Batch:
        batch = narrowed(net, batch)
        if hasattr(net, "check_structure"):
            net.check_structure(batch.x)
        if hasattr(net, "arranged"):
            try:
                inputs = tuple(net.arranged(batch.inputs))
            except ValueError as error:
                raise ValueError(f"{who}: `x`: {error}") from None
            batch = batch._replace(x=inputs if len(inputs) > 1 else inputs[0])
        if shapes is None or isinstance(batch.x, dict) or len(batch.inputs) != len(shapes):
            return batch
        pairs = zip(batch.inputs, shapes, strict=True)
        inputs = tuple(with_rank(x, who, shape) for x, shape in pairs)
        return batch._replace(x=inputs if isinstance(batch.x, tuple) else inputs[0])

    if isinstance(data, Stream):
        data.adjust_fn = adjust
        return data
    is_named = isinstance(data.batch.x, dict) or hasattr(net, "arranged")
    count = len(data.batch.inputs)
    if shapes is not None and not is_named and count != len(shapes):
        wanted = "one input" if len(shapes) == 1 else f"{len(shapes)} inputs"
        raise ValueError(
            f"{who}: `x`: expected {wanted}, for which the model was built, got {count}. A tuple "
            "or list of arrays means several inputs."
        )
    return Arrays(adjust(data.batch), data.length)


def check_is_no_dict(who: str, batch: Batch, shapes: tuple[Any, ...] | None) -> None:
    """Raises for a dict where the model takes one array; `shapes` as for `adjusted`."""
    takes_array = shapes is not None and [type(shape) for shape in shapes] == [tuple]
    if takes_array and isinstance(batch.x, dict):
        raise ValueError(
            f"{who}: `x`: expected one array, for which the model was built, got a dict with "
            f"{', '.join(map(str, batch.x))}. Pass one of these as `x`, and targets as `y`; "
            "batches are pairs of both."
        )


def with_rank(x: jax.Array | np.ndarray | None, who: str, shape: tuple[int | None, ...]) -> Any:
    """`x` with the rank of `shape` (one example): as Keras, a last axis of size one comes or goes.
    None, of an optional input, stays.

    Raises:
      ValueError: the ranks differ by more than that.
    """
    if x is None:
        return None
    given, wanted = tuple(x.shape[1:]), len(shape)
    if len(given) == wanted:
        return x
    if len(given) == wanted - 1 and shape[-1] in (1, None):
        return x[..., None]
    if len(given) == wanted + 1 and given[-1] == 1:
        return x[..., 0]
    single = len(given) == wanted - 1
    fix = " For a single example add the batch axis: x[None]." if single else ""
    raise ValueError(f"{who}: expected `x` of shape {(None, *shape)}, got {tuple(x.shape)}.{fix}")


def steps_of(data: Data, size: int, limit: int | None) -> int | None:
    """The number of steps, with batches of `size` where the data are arrays; None if unknown.

    Raises:
      ValueError: a pass over the data never ends, and there is no limit.
    """
    if isinstance(data, Stream) and data.is_endless and limit is None:
        raise data.without_limit()
    total = data.steps if isinstance(data, Stream) else data.steps(size)
    return limit if total is None else total if limit is None else min(limit, total)


def rows_of(data: Data, batch: Batch, batch_size: int | None) -> int:
    """How many examples a batch has."""
    found = len(jax.tree.leaves(batch.x)[0])
    return found if isinstance(data, Stream) else min(batch_size or 32, found)


def warn_of_batch_size(batch_size: int | None, data: Data) -> None:
    """Warns when one batch would swallow all data, which is one update per epoch."""
    if isinstance(data, Arrays) and batch_size is not None and batch_size > data.length:
        warnings.warn(
            f"fit: `batch_size` {batch_size} is larger than the {data.length} examples, so every "
            "epoch is a single update. Choose a smaller one for more updates.",
            stacklevel=4,
        )


def input_check(net: object) -> Callable[[Any], None] | None:
    """What the first layer says of values of inputs, such as ids out of range; None for nothing."""
    layers = [layer for layer in getattr(net, "layers", ()) if not is_input(layer)]
    return getattr(layers[0], "check_values", None) if layers else None


def check_inputs(who: str, check: Callable[[Any], None] | None, batch: Batch) -> None:
    """Lets the first layer refuse inputs whose values it cannot take.

    Raises:
      ValueError: it does.
    """
    if check is not None and len(batch.inputs) == 1:
        try:
            check(np.asarray(batch.inputs[0]))
        except ValueError as error:
            raise ValueError(f"{who}: {error}") from None


def is_batches(x: object) -> bool:
    """Whether `x` is a list of batches: tuples that begin with an array, or several.

    Several inputs are a list of arrays, so the two cannot be mixed up.

    Example:
      >>> is_batches([(np.ones((2, 3)), np.ones(2))]), is_batches([np.ones((2, 3)), np.ones(2)])
      (True, False)
    """
    if not (isinstance(x, list) and x and all(isinstance(batch, tuple) for batch in x)):
        return False
    firsts = [jax.tree.leaves(batch[0]) if 1 <= len(batch) <= 3 else [] for batch in x]
    return all(leaves and all(getattr(a, "shape", ()) for a in leaves) for leaves in firsts)
