"""What Keras's `run_layer_test` asks of a layer, in this package's meaning.

A layer goes through its configuration and back; it is built from shapes, called on symbols and
called on arrays, and each of the three makes the same numbers of weights; shapes, dtypes, values,
masks and losses are compared with what the test expects; it is trained for a step inside a model;
and it computes in mixed precision with float32 weights. Not asked, on purpose: how many seed
generators a layer holds (a description holds a seed, no generator), nor whether their states are
among its variables.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

import jkeras
from jkeras.backend import is_float_dtype, standardize_dtype

NUMBERS = ("trainable_weights", "non_trainable_weights", "non_trainable_variables")


def run(test: Any, layer_cls: Any, init_kwargs: dict[str, Any], **expected: Any) -> None:
    """The whole check.

    Args:
      test: the `TestCase`.
      layer_cls: the class.
      init_kwargs: its arguments.
      **expected: the arguments of Keras's `run_layer_test`.
    """
    if expected.get("input_sparse") or expected.get("input_ragged"):
        test.skipTest("sparse and ragged inputs are other backends'")
    call_kwargs = expected.get("call_kwargs") or {}
    layer = layer_cls(**init_kwargs)
    test.run_class_serialization_test(layer, expected.get("custom_objects"))
    masking = expected.get("supports_masking")
    if masking is not None:
        test.assertEqual(bool(layer.supports_masking), masking, "supports_masking")
    shape, inputs = expected.get("input_shape"), expected.get("input_data")
    if inputs is None and shape is None:
        return
    if inputs is None:
        inputs = arrays(shape, expected.get("input_dtype"))
    _estimate_numbers(layer_cls(**init_kwargs), inputs, call_kwargs, expected)

    layer = layer_cls(**init_kwargs)
    _build(layer, shape, inputs)
    _check_numbers(test, layer, expected)

    layer, symbols = layer_cls(**init_kwargs), _symbols(inputs)
    outputs = _call(layer, symbols, call_kwargs)
    _check_numbers(test, layer, expected)
    _check_outputs(test, outputs, expected)
    if expected.get("expected_mask_shape") is not None:
        mask = layer.compute_mask(symbols)
        test.assertEqual(expected["expected_mask_shape"], mask.shape)
    if expected.get("assert_built_after_instantiation"):
        _check_built_without_inputs(test, layer_cls, init_kwargs)

    layer = layer_cls(**init_kwargs)
    outputs = _call(layer, inputs, call_kwargs)
    _check_numbers(test, layer, expected)
    _check_outputs(test, outputs, expected)
    _check_values(test, outputs, expected)
    if expected.get("expected_num_losses") is not None:
        test.assertLen(layer.losses, expected["expected_num_losses"])
    if expected.get("run_training_check", True):
        _train_one_step(layer, inputs, outputs)
    if expected.get("run_mixed_precision_check", True):
        _check_mixed_precision(test, layer_cls, init_kwargs, inputs, call_kwargs)


def arrays(shape: Any, dtype: Any = None) -> Any:
    """Random arrays of a structure of shapes, in [0, 3), as Keras's tests draw them."""
    if isinstance(shape, dict):
        return {
            key.removesuffix("_shape"): arrays(each, (dtype or {}).get(key))
            for key, each in shape.items()
        }
    if _is_shape(shape):
        values = 3 * np.random.default_rng(0).random(shape)
        return jax.numpy.asarray(values.astype(dtype or "float32"))
    dtypes = dtype if isinstance(dtype, list | tuple) else [dtype] * len(shape)
    return type(shape)(arrays(*each) for each in zip(shape, dtypes, strict=True))


def _estimate_numbers(layer: Any, inputs: Any, kwargs: Any, expected: dict[str, Any]) -> None:
    """What the test does not say about numbers of weights is what a call on arrays makes."""
    _call(layer, inputs, kwargs)
    for name in NUMBERS:
        if expected.get(f"expected_num_{name}") is None:
            expected[f"expected_num_{name}"] = len(getattr(layer, name))
    # What Keras counts beside the weights are the states of seed generators.
    expected["expected_num_non_trainable_variables"] = expected[
        "expected_num_non_trainable_weights"
    ]


def _build(layer: Any, shape: Any, inputs: Any) -> None:
    """Builds the layer from the shapes of its inputs alone."""
    if shape is None:
        shape = jkeras.tree.map_structure(np.shape, inputs)
    if isinstance(shape, dict):
        layer.build(**shape)
    else:
        layer.build(shape)


def _symbols(inputs: Any) -> Any:
    return jax.tree.map(
        lambda x: jkeras.KerasTensor(np.shape(x), dtype=standardize_dtype(x.dtype)), inputs
    )


def _call(layer: Any, inputs: Any, kwargs: dict[str, Any]) -> Any:
    return layer(**inputs, **kwargs) if isinstance(inputs, dict) else layer(inputs, **kwargs)


def _check_built_without_inputs(test: Any, layer_cls: Any, init_kwargs: dict[str, Any]) -> None:
    """A layer without weights is built from the start, a subclass with a `build` is not."""

    class ModifiedBuildLayer(layer_cls):  # type: ignore[misc]  # a class that the test gives
        def build(self, *args: Any, **kwargs: Any) -> None:
            pass

    test.assertTrue(layer_cls(**init_kwargs).built)
    test.assertFalse(ModifiedBuildLayer(**init_kwargs).built)


def _check_numbers(test: Any, layer: Any, expected: dict[str, Any]) -> None:
    test.assertTrue(layer.built)
    for name in NUMBERS:
        test.assertLen(getattr(layer, name), expected[f"expected_num_{name}"], name)


def _check_outputs(test: Any, outputs: Any, expected: dict[str, Any]) -> None:
    """The structure, shapes and dtypes of the outputs."""
    shape, dtype = expected.get("expected_output_shape"), expected.get("expected_output_dtype")
    if shape is not None:
        marked = _map_shapes(lambda sizes: jkeras.KerasTensor(sizes), shape)
        jkeras.tree.assert_same_structure(marked, outputs)
        wanted, leaves = jkeras.tree.flatten(marked), jkeras.tree.flatten(outputs)
        for one, array in zip(wanted, leaves, strict=True):
            known = [
                n if m is not None else None for n, m in zip(array.shape, one.shape, strict=True)
            ]
            test.assertEqual([*one.shape], known)
    if dtype is not None:
        dtypes = jkeras.tree.map_structure(lambda x: standardize_dtype(x.dtype), outputs)
        test.assertEqual(dtype, dtypes)


def _check_values(test: Any, outputs: Any, expected: dict[str, Any]) -> None:
    wanted = expected.get("expected_output")
    if wanted is None:
        return
    if isinstance(wanted, tuple | list | dict):
        jkeras.tree.assert_same_structure(wanted, outputs)
    pairs = zip(jkeras.tree.flatten(wanted), jkeras.tree.flatten(outputs), strict=True)
    for value, array in pairs:
        test.assertAllClose(value, array)


def _is_symbol(value: Any) -> bool:
    return isinstance(value, jkeras.KerasTensor)


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(isinstance(n, int | None) for n in value)


def _map_shapes(function: Any, shapes: Any) -> Any:
    if _is_shape(shapes):
        return function(tuple(shapes))
    if isinstance(shapes, dict):
        return {key: _map_shapes(function, each) for key, each in shapes.items()}
    return type(shapes)(_map_shapes(function, each) for each in shapes)


def _train_one_step(layer: Any, inputs: Any, outputs: Any) -> None:
    class TestModel(jkeras.Model):
        def __init__(self, layer: Any) -> None:
            super().__init__()
            self.layer = layer

        def call(self, x: Any, training: bool = False) -> Any:
            return self.layer(x, training=training)

    class Sum(jkeras.losses.Loss):
        def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return jkeras.ops.sum(y_pred)

    model = TestModel(layer)
    model.compile(optimizer="sgd", loss=Sum())
    model.fit(iter([(inputs, outputs)]), steps_per_epoch=1, verbose=0)


def _check_mixed_precision(
    test: Any, layer_cls: Any, init_kwargs: dict[str, Any], inputs: Any, kwargs: dict[str, Any]
) -> None:
    layer = layer_cls(**{**init_kwargs, "dtype": "mixed_float16"})
    outputs = _call(layer, inputs, kwargs)
    symbols = jax.tree.map(
        lambda x: jkeras.KerasTensor(
            x.shape,
            dtype=layer.compute_dtype if is_float_dtype(x.dtype) and layer.autocast else x.dtype,
        ),
        inputs,
    )
    specs = (
        layer.compute_output_spec(**symbols)
        if isinstance(symbols, dict)
        else layer.compute_output_spec(symbols)
    )
    for array, spec in zip(
        jax.tree.leaves(outputs), jax.tree.leaves(specs, is_leaf=_is_symbol), strict=True
    ):
        test.assertEqual(standardize_dtype(array.dtype), standardize_dtype(spec.dtype))
    for weight in layer.weights:
        if is_float_dtype(weight.dtype):
            test.assertEqual(standardize_dtype(weight.dtype), "float32")
