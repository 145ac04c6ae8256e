"""Wrong uses, each with the whole message it gets: who, expected, got, and what to do.

All of them are raised before training starts; the one mistake that shows only when its batch
arrives, NaN in a later batch of a generator, names that batch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

import jkeras
from jkeras import layers as L
from jkeras.core.errors import NotReadyError
from jkeras.trainer.loop import dispatch as engine
from tests.kinds import kind_raised

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = np.arange(8) % 3
IMG = np.full((8, 6, 6), 200, np.uint8)
WITH_NAN = np.where(np.arange(32).reshape(8, 4) == 21, np.nan, X).astype("float32")
SEEN_LATE = {"generator_nan"}


class Wrong(NamedTuple):
    """A wrong use: what is done, and the error or warning it gets."""

    name: str
    use: Callable[[], Any]
    kind: type[Exception]
    message: str


def uncompiled(layers: Sequence[Any] | None = None) -> jkeras.Sequential:
    return jkeras.Sequential(layers or [L.Dense(3)], seed=0, name="net")


def model(
    loss: str = "sparse_categorical_crossentropy", units: int = 3, layers: Any = None
) -> jkeras.Sequential:
    made = uncompiled(layers or [L.Dense(units, activation="softmax" if units > 1 else None)])
    made.compile("sgd", loss)
    return made


def built() -> jkeras.Sequential:
    made = model()
    made.build((None, 4))
    return made


ERRORS = [
    Wrong(
        "misspelt_activation",
        lambda: L.Dense(3, activation="rleu"),
        ValueError,
        "Dense: `activation`: unknown activation 'rleu'. Did you mean 'relu'? Known: "
        "celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, "
        "hard_swish, hard_tanh, leaky_relu, linear, log_sigmoid, log_softmax, mish, "
        "relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign, "
        "sparse_plus, sparse_sigmoid, sparsemax, squareplus, swish, tanh, tanh_shrink, "
        "threshold.",
    ),
    Wrong(
        "activation_number",
        lambda: L.Dense(3, activation=3),
        TypeError,
        "Dense: `activation`: expected an activation: a name such as 'relu', a function"
        " array -> array, or None, got 3 (int).",
    ),
    Wrong(
        "misspelt_initializer",
        lambda: L.Dense(3, kernel_initializer="glorot_unifrom"),
        ValueError,
        "Dense: `kernel_initializer`: unknown initializer 'glorot_unifrom'. Did you "
        "mean 'glorot_uniform'? Known: Constant, GlorotNormal, GlorotUniform, HeNormal,"
        " HeUniform, Identity, IdentityInitializer, LecunNormal, LecunUniform, Ones, "
        "Orthogonal, OrthogonalInitializer, RandomNormal, RandomUniform, STFT, "
        "STFTInitializer, TruncatedNormal, VarianceScaling, Zeros, constant, "
        "glorot_normal, glorot_uniform, he_normal, he_uniform, identity, lecun_normal, "
        "lecun_uniform, normal, one, ones, orthogonal, random_normal, random_uniform, "
        "stft, truncated_normal, uniform, variance_scaling, zero, zeros.",
    ),
    Wrong(
        "units_zero",
        lambda: L.Dense(0),
        ValueError,
        "Dense: `units`: expected a positive integer, got 0.",
    ),
    Wrong(
        "units_float",
        lambda: L.Dense(3.5),
        TypeError,
        "Dense: `units`: expected a positive integer, got 3.5 (float).",
    ),
    Wrong(
        "unknown_layer_arg",
        lambda: L.Dense(3, activaton="relu"),
        TypeError,
        "Dense: unexpected argument `activaton`. Did you mean 'activation'? Arguments: "
        "units, activation, use_bias, kernel_initializer, bias_initializer, "
        "kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,"
        " bias_constraint, lora_rank, lora_alpha, name, dtype, input_shape, trainable, "
        "quantization_config.",
    ),
    Wrong(
        "dropout_rate",
        lambda: L.Dropout(1.5),
        ValueError,
        "Dropout: `rate`: expected a fraction from 0 to 1, got 1.5.",
    ),
    Wrong(
        "set_field",
        lambda: setattr(L.Dense(3), "units", 4),
        AttributeError,
        "Dense is a frozen description: `units` cannot be set. Make a changed copy "
        "instead: x = x.replace(units=4).",
    ),
    Wrong(
        "layer_in_model",
        lambda: jkeras.Sequential([L.Dense(3), "relu"]),
        TypeError,
        "Sequential 'sequential': `layers`: expected layers, got 'relu' (str) at "
        "position 1. An activation by name goes in jkeras.layers.Activation('relu').",
    ),
    Wrong(
        "class_in_model",
        lambda: jkeras.Sequential([L.Dense]),
        TypeError,
        "Sequential 'sequential': `layers`: expected layers, got <class "
        "'jkeras.layers.core.Dense'> (type) at position 0. Make one: Dense(...).",
    ),
    Wrong(
        "same_names",
        lambda: jkeras.Sequential([L.Dense(3, name="a"), L.Dense(3, name="a")]),
        ValueError,
        "Sequential 'sequential': `layers`: two layers are named 'a': names must be "
        "unique within a model. Rename one, or leave `name` out to have it chosen.",
    ),
    Wrong(
        "slash_name",
        lambda: jkeras.Sequential([L.Dense(3, name="a/b")]),
        ValueError,
        "Sequential 'sequential': `layers`: layer name 'a/b': expected a name without "
        "'/', which separates paths.",
    ),
    Wrong(
        "add_not_layer",
        lambda: jkeras.Sequential(name="net").add(3),
        TypeError,
        "Sequential 'net': add: expected a layer, got 3 (int). Layers are made by "
        "jkeras.layers, or subclass jkeras.layers.Layer.",
    ),
    Wrong(
        "pop_empty",
        lambda: jkeras.Sequential(name="net").pop(),
        ValueError,
        "Sequential 'net': pop: expected at least one layer, got none.",
    ),
    Wrong(
        "misspelt_optimizer",
        lambda: uncompiled().compile("adm", "mse"),
        ValueError,
        "compile: `optimizer`: unknown optimizer 'adm'. Did you mean 'adam'? Known: "
        "adadelta, adafactor, adagrad, adam, adamax, adamw, ftrl, lamb, lion, muon, nadam, "
        "rmsprop, schedulefreeadamw, sgd.",
    ),
    Wrong(
        "loss_before_optimizer",
        lambda: uncompiled().compile("mse", "adam"),
        ValueError,
        "compile: `optimizer`: unknown optimizer 'mse'. Known: adadelta, adafactor, adagrad, adam, "
        "adamax, adamw, ftrl, lamb, lion, muon, nadam, rmsprop, schedulefreeadamw, sgd. 'mse' is a "
        "loss: the optimizer comes first, compile(optimizer, loss).",
    ),
    Wrong(
        "optimizer_function",
        lambda: uncompiled().compile(3, "mse"),
        TypeError,
        "compile: `optimizer`: expected an optimizer: a name, an object of "
        "jkeras.optimizers, or an optax optimizer; got 3 (int). For example: 'adam'.",
    ),
    Wrong(
        "misspelt_loss",
        lambda: uncompiled().compile("sgd", "categorical_crosentropy"),
        ValueError,
        "compile: `loss`: unknown loss 'categorical_crosentropy'. Did you mean "
        "'categorical_crossentropy'? Known: bce, binary_crossentropy, "
        "binary_focal_crossentropy, categorical_crossentropy, "
        "categorical_focal_crossentropy, categorical_generalized_cross_entropy, "
        "categorical_hinge, circle, cosine_similarity, ctc, dice, hinge, huber, "
        "kl_divergence, kld, log_cosh, mae, mape, mean_absolute_error, "
        "mean_absolute_percentage_error, mean_squared_error, "
        "mean_squared_logarithmic_error, mse, msle, poisson, "
        "sparse_categorical_crossentropy, squared_hinge, tversky.",
    ),
    Wrong(
        "misspelt_metric",
        lambda: uncompiled().compile("sgd", "mse", metrics=["acuracy"]),
        ValueError,
        "compile: `metrics`: unknown metric 'acuracy'. Did you mean 'accuracy'? "
        "Known: acc, accuracy, auc, bce, binary_accuracy, binary_crossentropy, "
        "binary_focal_crossentropy, binary_io_u, categorical_accuracy, "
        "categorical_crossentropy, categorical_focal_crossentropy, "
        "categorical_generalized_cross_entropy, categorical_hinge, circle, "
        "concordance_correlation, cosine_similarity, ctc, dice, f1_score, "
        "f_beta_score, false_negatives, false_positives, hinge, huber, io_u, "
        "kl_divergence, kld, log_cosh, log_cosh_error, mae, mape, mean, "
        "mean_absolute_error, mean_absolute_percentage_error, mean_io_u, "
        "mean_squared_error, mean_squared_logarithmic_error, mse, msle, one_hot_io_u,"
        " one_hot_mean_io_u, pearson_correlation, poisson, precision, "
        "precision_at_recall, r2_score, recall, recall_at_precision, "
        "root_mean_squared_error, sensitivity_at_specificity, "
        "sparse_categorical_accuracy, sparse_categorical_crossentropy, "
        "sparse_top_k_categorical_accuracy, specificity_at_sensitivity, "
        "squared_hinge, sum, top_k_categorical_accuracy, true_negatives, "
        "true_positives, tversky.",
    ),
    Wrong(
        "metrics_string",
        lambda: uncompiled().compile("sgd", "mse", metrics="accuracy"),
        TypeError,
        "compile: `metrics`: expected a list, got 'accuracy' (str). Write metrics=[...].",
    ),
    Wrong(
        "unknown_compile_arg",
        lambda: uncompiled().compile("sgd", losses="mse"),
        TypeError,
        "compile: unexpected argument `losses`. Did you mean 'loss'? Arguments: "
        "optimizer, loss, loss_weights, metrics, weighted_metrics, run_eagerly, "
        "steps_per_execution, jit_compile, auto_scale_loss, engine, check_nans, "
        "distribution.",
    ),
    Wrong(
        "negative_rate",
        lambda: jkeras.optimizers.Adam(-1.0),
        ValueError,
        "Adam: `learning_rate`: expected a number of at least 0 or a schedule (a "
        "function of the step), got -1.0 (float).",
    ),
    Wrong(
        "two_clips",
        lambda: jkeras.optimizers.Adam(clipnorm=1.0, clipvalue=1.0),
        ValueError,
        "Adam: expected at most one of `clipnorm`, `clipvalue` and `global_clipnorm`, "
        "got clipnorm=1.0, clipvalue=1.0. Keep one of them.",
    ),
    Wrong(
        "fit_uncompiled",
        lambda: uncompiled().fit(X, Y),
        NotReadyError,
        "Sequential 'net': `fit` needs a compiled model. Call compile(optimizer='adam',"
        " loss='mse') first.",
    ),
    Wrong(
        "evaluate_uncompiled",
        lambda: uncompiled().evaluate(X, Y),
        NotReadyError,
        "Sequential 'net': `evaluate` needs a compiled model. Call "
        "compile(optimizer='adam', loss='mse') first.",
    ),
    Wrong(
        "unknown_fit_arg",
        lambda: model().fit(X, Y, epoch=3),
        TypeError,
        "fit: unexpected argument `epoch`. Did you mean 'epochs'? Arguments: x, y, "
        "batch_size, epochs, verbose, callbacks, validation_split, validation_data, "
        "shuffle, class_weight, sample_weight, initial_epoch, steps_per_epoch, "
        "validation_steps, validation_batch_size, validation_freq, resume_from, "
        "fast_dev_run, overfit_batches.",
    ),
    Wrong(
        "fit_none",
        lambda: model().fit(),
        ValueError,
        "fit: expected `x`, got None. Pass an array or an iterable of batches.",
    ),
    Wrong(
        "fit_no_y",
        lambda: model().fit(X),
        ValueError,
        "fit: expected targets for the loss 'sparse_categorical_crossentropy', got `y` = None. "
        "Pass `y`, or batches (x, y).",
    ),
    Wrong(
        "lists",
        lambda: model().fit([[1.0, 2.0], [3.0]], [0, 1]),
        TypeError,
        "fit: `x`: expected numbers, got an array of shape (2,) and dtype object. The lists have "
        "several lengths: jkeras.utils.pad_sequences(x).",
    ),
    Wrong(
        "texts",
        lambda: model().fit(["a good film", "bad"], [0, 1]),
        TypeError,
        "fit: `x`: expected numbers, got an array of shape (2,) and dtype <U11, with 'a good "
        "film'. Make ids of the words, a list for each text, and pad the lists: "
        "jkeras.utils.pad_sequences(ids).",
    ),
    Wrong(
        "former_method",
        lambda: model().predict_classes(X),
        AttributeError,
        "Sequential has no attribute 'predict_classes'. Use predict(x).argmax(axis=-1).",
    ),
    Wrong(
        "misspelt_ending_of_export",
        lambda: built().export("m.onx"),
        ValueError,
        "export: `filepath`: expected a name that ends with .onnx, .tflite, .stablehlo, or a "
        "format, got 'm.onx'. Did you mean '.onnx'?",
    ),
    Wrong(
        "load_exported",
        lambda: jkeras.models.load_model("m.onnx"),
        ValueError,
        "load: `filepath`: expected a name that ends with '.keras', got 'm.onnx'. "
        "jkeras.load_exported reads such files.",
    ),
    Wrong(
        "top_losses_order",
        lambda: jkeras.display.plot_top_losses(X, Y, model()),
        TypeError,
        "plot_top_losses: `model`: expected a compiled model, got an array of shape (8, 4) and "
        "dtype float32. The model comes first: plot_top_losses(model, x, y).",
    ),
    Wrong(
        "string_x",
        lambda: model().fit("mnist", Y),
        TypeError,
        "fit: `x`: expected an array, got 'mnist' (str).",
    ),
    Wrong(
        "lengths",
        lambda: model().fit(X, Y[:5]),
        ValueError,
        "fit: expected the same number of examples everywhere, got: `x` has 8, `y` has 5.",
    ),
    Wrong(
        "empty",
        lambda: model().fit(X[:0], Y[:0]),
        ValueError,
        "fit: expected at least one example, got none in x, y.",
    ),
    Wrong(
        "objects",
        lambda: model().fit(X.astype(object), Y),
        TypeError,
        "fit: `x`: expected numbers, got an array of shape (8, 4) and dtype object. "
        "Encode or convert them first: x.astype('float32').",
    ),
    Wrong(
        "strings",
        lambda: model().fit(np.array(["a"] * 8), Y),
        TypeError,
        "fit: `x`: expected numbers, got an array of shape (8,) and dtype <U1, with 'a'. Encode "
        "the classes: np.unique(x, return_inverse=True)[1].",
    ),
    Wrong(
        "nan",
        lambda: model().fit(WITH_NAN, Y),
        ValueError,
        "fit: `x`: expected finite numbers, got NaN in 1 of 8 examples, the first at "
        "index 5. Drop or fill them: np.nan_to_num(x).",
    ),
    Wrong(
        "inf",
        lambda: model().fit(np.where(X > 1, np.inf, X).astype("float32"), Y),
        ValueError,
        "fit: `x`: expected finite numbers, got infinity in 3 of 8 examples, the first "
        "at index 1. Drop or clip them: np.clip(x, -1e6, 1e6).",
    ),
    Wrong(
        "nan_y",
        lambda: model("mse", 1).fit(X, np.full(8, np.nan)),
        ValueError,
        "fit: `y`: expected finite numbers, got NaN in 8 of 8 examples, the first at "
        "index 0. Drop or fill them: np.nan_to_num(y).",
    ),
    Wrong(
        "scalar_x",
        lambda: model().fit(np.float32(3), Y),
        ValueError,
        "fit: `x`: expected an array with a batch axis, got an array of shape () and "
        "dtype float32. For a single example add the axis: x[None].",
    ),
    Wrong(
        "rank1",
        lambda: model().fit(X[:, 0], Y),
        ValueError,
        "Dense 'dense': expected `inputs` [batch, ..., features], got shape (None,). Give "
        "each example a feature axis: x[:, None].",
    ),
    Wrong(
        "one_hot_sparse",
        lambda: model().fit(X, np.eye(3)[Y]),
        ValueError,
        "sparse_categorical_crossentropy: expected `y_true` class indices of shape (8,)"
        " or (8, 1), got shape (8, 3). For one-hot targets use "
        'loss="categorical_crossentropy", or pass y.argmax(-1).',
    ),
    Wrong(
        "ids_categorical",
        lambda: model("categorical_crossentropy").fit(X, Y),
        ValueError,
        "categorical_crossentropy: expected one-hot `y_true` of shape (8, 3), got shape"
        ' (8,). For class indices use "sparse_categorical_crossentropy", or pass '
        "jkeras.utils.to_categorical(y, 3).",
    ),
    Wrong(
        "label_range",
        lambda: model().fit(X, Y + 1),
        ValueError,
        "sparse_categorical_crossentropy: expected class indices from 0 to 2 in "
        "`y_true` (the outputs have 3 classes), got values from 1 to 3, first 3 at row "
        "2. These labels start at 1: pass y - 1.",
    ),
    Wrong(
        "label_negative",
        lambda: model().fit(X, Y - 1),
        ValueError,
        "sparse_categorical_crossentropy: expected class indices from 0 to 2 in "
        "`y_true` (the outputs have 3 classes), got values from -1 to 1, first -1 at "
        "row 0. Number the classes from 0, or leave one label out: "
        "SparseCategoricalCrossentropy(ignore_class=…).",
    ),
    Wrong(
        "label_fraction",
        lambda: model().fit(X, Y + 0.5),
        ValueError,
        "sparse_categorical_crossentropy: expected whole numbers as class indices in "
        "`y_true`, got 0.5 at row 0. For probabilities of classes use "
        'loss="categorical_crossentropy", for measurements loss="mse".',
    ),
    Wrong(
        "string_labels",
        lambda: model().fit(X, np.array(list("abcabcab"))),
        TypeError,
        "fit: `y`: expected numbers, got an array of shape (8,) and dtype <U1, with 'a'. Encode "
        "the classes: np.unique(y, return_inverse=True)[1]. The premade "
        "jkeras.estimators.DNNClassifier takes labels as they are.",
    ),
    Wrong(
        "binary_range",
        lambda: model("binary_crossentropy", 1).fit(X, Y),
        ValueError,
        "binary_crossentropy: expected `y_true` between 0 and 1, got values from 0 to "
        "2, first 2 at row 2. For labels -1 and 1 pass (y + 1) / 2; for classes 0, 1, "
        '2, … use a softmax and loss="sparse_categorical_crossentropy".',
    ),
    Wrong(
        "mse_shape",
        lambda: model("mse", 3).fit(X, np.ones((8, 2))),
        ValueError,
        "mean_squared_error: expected `y_true` of shape (8, 3) like the outputs, got "
        "shape (8, 2). Give the last layer 2 units, or pass targets with 3 columns.",
    ),
    Wrong(
        "batch_size_zero",
        lambda: model().fit(X, Y, batch_size=0),
        ValueError,
        "fit: `batch_size`: expected a positive integer, got 0.",
    ),
    Wrong(
        "batch_size_float",
        lambda: model().fit(X, Y, batch_size=2.5),
        TypeError,
        "fit: `batch_size`: expected a positive integer, got 2.5 (float).",
    ),
    Wrong(
        "epochs_negative",
        lambda: model().fit(X, Y, epochs=-1),
        ValueError,
        "fit: `epochs`: expected an integer of at least 0, got -1.",
    ),
    Wrong(
        "split_one",
        lambda: model().fit(X, Y, validation_split=1.0),
        ValueError,
        "fit: `validation_split`: expected a fraction between 0 and 1, got 1.0.",
    ),
    Wrong(
        "split_tiny",
        lambda: model().fit(X[:1], Y[:1], validation_split=0.5),
        ValueError,
        "fit: `validation_split`: expected both parts to hold examples, got 0 for "
        "training and 1 for validation out of 1 with 0.5.",
    ),
    Wrong(
        "val_parts",
        lambda: model().fit(X, Y, validation_data=(X,)),
        ValueError,
        "fit: `validation_data`: expected (x, y) or (x, y, sample_weight), got 1 parts.",
    ),
    Wrong(
        "val_lengths",
        lambda: model().fit(X, Y, validation_data=(X, Y[:3])),
        ValueError,
        "fit: `validation_data`: expected the same number of examples everywhere, got: "
        "`x` has 8, `y` has 3.",
    ),
    Wrong(
        "both_weights",
        lambda: model().fit(X, Y, class_weight={0: 2.0}, sample_weight=np.ones(8)),
        ValueError,
        "fit: `class_weight` and `sample_weight` exclude each other, got both. Multiply"
        " them into one: sample_weight * [class_weight.get(c, 1.0) for c in y].",
    ),
    Wrong(
        "class_weight_list",
        lambda: model().fit(X, Y, class_weight=[1, 2, 3]),
        TypeError,
        'fit: `class_weight`: expected "balanced", or a dict from class id to weight, such as '
        "{0: 1.0, 1: 5.0}, got [1, 2, 3] (list). Number the weights: "
        "dict(enumerate(class_weight)).",
    ),
    Wrong(
        "weight_length",
        lambda: model().fit(X, Y, sample_weight=np.ones(3)),
        ValueError,
        "fit: expected the same number of examples everywhere, got: `x` has 8, `y` has "
        "8, `sample_weight` has 3.",
    ),
    Wrong(
        "generator_y",
        lambda: model().fit(iter([(X, Y)]), Y),
        ValueError,
        "fit: `y`: expected None beside an iterable of batches, got an array of shape "
        "(8,) and dtype int64. Let the iterable yield (x, y) or (x, y, sample_weight).",
    ),
    Wrong(
        "generator_empty",
        lambda: model().fit(iter([])),
        ValueError,
        "fit: `x`: expected at least one batch, got an iterable without any.",
    ),
    Wrong(
        "generator_four",
        lambda: model().fit(iter([(X, Y, Y, Y)]), verbose=0),
        ValueError,
        "fit: batch 0 of the data: expected x, (x,), (x, y) or (x, y, sample_weight), "
        "got a tuple of 4. Several inputs go inside x: ((a, b), y).",
    ),
    Wrong(
        "generator_nan",
        lambda: model().fit(iter([(X, Y), (WITH_NAN, Y)]), verbose=0),
        ValueError,
        "fit: batch 1 of the data: `x`: expected finite numbers, got NaN in 1 of 8 "
        "examples, the first at index 5. Drop or fill them: np.nan_to_num(x).",
    ),
    Wrong(
        "generator_split",
        lambda: model().fit(iter([(X, Y)]), validation_split=0.2),
        ValueError,
        "fit: `validation_split`: expected arrays to split, got an iterable of batches."
        " Pass `validation_data` instead.",
    ),
    Wrong(
        "callback_class",
        lambda: model().fit(X, Y, callbacks=[jkeras.callbacks.EarlyStopping]),
        TypeError,
        "`callbacks`: expected an object, got the class EarlyStopping. Make one: "
        "EarlyStopping(...).",
    ),
    Wrong(
        "callback_function",
        lambda: model().fit(X, Y, callbacks=[print]),
        TypeError,
        "`callbacks`: expected objects with hooks such as `on_epoch_end`, got <built-in"
        " function print> (builtin_function_or_method). A plain function goes in "
        "LambdaCallback(on_epoch_end=function).",
    ),
    Wrong(
        "verbose_three",
        lambda: model().fit(X, Y, verbose=3),
        ValueError,
        "ProgressBar: expected `verbose` to be 0 (silent), 1 or 'auto' (bar) or 2 (one "
        "line), got 3 (int).",
    ),
    Wrong(
        "lambda_hook",
        lambda: jkeras.callbacks.LambdaCallback(on_epoch_ned=print),
        TypeError,
        "LambdaCallback: unexpected argument `on_epoch_ned`. Did you mean "
        "'on_epoch_end'? Arguments: on_train_begin, on_train_end, on_test_begin, "
        "on_test_end, on_predict_begin, on_predict_end, on_epoch_begin, on_epoch_end, "
        "on_train_batch_begin, on_train_batch_end, on_test_batch_begin, "
        "on_test_batch_end, on_predict_batch_begin, on_predict_batch_end, "
        "on_batch_begin, on_batch_end.",
    ),
    Wrong(
        "weights_unbuilt",
        lambda: uncompiled().count_params(),
        NotReadyError,
        "Sequential 'net': it has no weights yet, because the shape of its inputs is "
        "not known. Begin it with Input(shape), call build((None, ...)), or fit it "
        "first.",
    ),
    Wrong(
        "other_features",
        lambda: built().predict(np.ones((2, 5), "float32"), verbose=0),
        ValueError,
        "Dense 'dense': expected `inputs` with 4 features on the last axis, as when its"
        " weights were made, got shape (None, 5).",
    ),
    Wrong(
        "single_example",
        lambda: built().predict(X[0], verbose=0),
        ValueError,
        "predict: expected `x` of shape (None, 4), got (4,). For a single example add "
        "the batch axis: x[None].",
    ),
    Wrong(
        "set_weights_count",
        lambda: built().set_weights([X]),
        ValueError,
        "Sequential 'net': `weights`: expected 2 arrays, as get_weights() returns, got 1.",
    ),
    Wrong(
        "set_weights_shape",
        lambda: built().set_weights([np.ones((3, 4)), np.ones(3)]),
        ValueError,
        "Sequential 'net': `weights`: expected shape (4, 3) for dense/kernel, got (3, 4).",
    ),
    Wrong(
        "get_layer",
        lambda: built().get_layer("dens"),
        ValueError,
        "Sequential 'net': no layer named 'dens'. Did you mean 'dense'? Layers: dense.",
    ),
    Wrong(
        "conv_rank",
        lambda: model("mse", layers=[L.Conv2D(2, 3)]).fit(IMG / 255.0, Y),
        ValueError,
        "Conv2D 'conv2d': expected `inputs` [batch, height, width, channels], got shape"
        " (None, 6, 6). For data without channels add the axis: x[..., None].",
    ),
    Wrong(
        "save_name",
        lambda: built().save_weights("w.keras"),
        ValueError,
        "weights file 'w.keras': expected a name that ends with '.weights.h5'. model.save(...)"
        " writes a whole model.",
    ),
    Wrong(
        "load_missing",
        lambda: built().load_weights("missing.msgpack"),
        FileNotFoundError,
        "missing.msgpack: there is no such file.",
    ),
    Wrong(
        "seed_negative",
        lambda: jkeras.utils.set_random_seed(-1),
        ValueError,
        "set_random_seed: `seed`: expected 0 to 2**32 - 1, got -1.",
    ),
    Wrong(
        "seed_string",
        lambda: jkeras.utils.set_random_seed("a"),
        TypeError,
        "set_random_seed: `seed`: expected an integer, got 'a' (str).",
    ),
    Wrong(
        "categorical_range",
        lambda: jkeras.utils.to_categorical([0, 3], 3),
        ValueError,
        "to_categorical: `x`: expected whole numbers from 0 to 2, got values from 0 to "
        "3. Set `num_classes` above the largest id.",
    ),
    Wrong(
        "trainer_none",
        lambda: jkeras.Trainer([L.Dense(3)]),
        TypeError,
        "Trainer: `net`: expected an object with `init` and `apply`, got "
        "[Dense(units=3)] (list). Layers in a list go in jkeras.Sequential([...]).",
    ),
    Wrong(
        "dropout_key",
        lambda: L.Dropout(0.5).apply({}, {}, X, training=True),
        ValueError,
        "Dropout: expected a random `key` while training, got None. Pass one: "
        "apply(params, state, inputs, key=jax.random.key(0), training=True).",
    ),
    Wrong(
        "optimizer_rate_set",
        lambda: setattr(jkeras.optimizers.SGD(), "learning_rate", 0.1),
        AttributeError,
        "SGD is a frozen description: `learning_rate` cannot be set. Set the rate of a "
        "model instead: model.learning_rate = 0.1.",
    ),
    Wrong(
        "steps_zero",
        lambda: model().fit(X, Y, steps_per_epoch=0),
        ValueError,
        "fit: `steps_per_epoch`: expected a positive integer, got 0.",
    ),
    Wrong(
        "pair_as_x",
        lambda: model().fit((X, Y)),
        ValueError,
        "fit: `x`: expected the inputs alone, got a pair and no `y`. Write fit(x, y); "
        "validation data stay a pair.",
    ),
    Wrong(
        "two_inputs",
        lambda: model().fit((X, X), Y),
        ValueError,
        "Dense 'dense': expected 1 input, got 2. A tuple or list of arrays means several inputs.",
    ),
    Wrong(
        "list_of_batches",
        lambda: model().fit([(X, Y)], Y),
        TypeError,
        "fit: `x`: expected an array, or a list of arrays for several inputs, got "
        f"{str([(X, Y)])[:57]}... (list). Give batches as an iterator: iter(x).",
    ),
    Wrong(
        "complex_numbers",
        lambda: model().fit(X + 1j, Y),
        TypeError,
        "fit: `x`: expected real numbers, got an array of shape (8, 4) and dtype "
        "complex64. Give the parts as features: np.stack([x.real, x.imag], -1).",
    ),
    Wrong(
        "ids_outside_the_table",
        lambda: model(layers=[L.Embedding(3, 2), L.Flatten(), L.Dense(3)]).fit(
            np.arange(8).reshape(8, 1), Y
        ),
        ValueError,
        "fit: Embedding 'embedding': expected ids from 0 to 2 (`input_dim` is 3), got "
        "values from 0 to 7.",
    ),
    Wrong(
        "freezing_a_model_with_a_number",
        lambda: setattr(built(), "trainable", 0),
        TypeError,
        "Sequential 'net': `trainable`: expected True or False, got 0 (int).",
    ),
    Wrong(
        "freezing_a_layer_with_a_word",
        lambda: setattr(built().layers[0], "trainable", "no"),
        TypeError,
        "Dense 'dense': `trainable`: expected True or False, got 'no' (str).",
    ),
    Wrong(
        "freezing_what_is_not_there",
        lambda: built().freeze("dens"),
        ValueError,
        "Sequential 'net': freeze: no layer and no weight is named 'dens'. Did you mean 'dense'? "
        "Layers: dense.",
    ),
    Wrong(
        "freezing_nothing",
        lambda: built().freeze(),
        TypeError,
        "Sequential 'net': freeze: expected names of layers, got none. For all of them write "
        "model.trainable = False.",
    ),
    Wrong(
        "unfreezing_a_layer_instead_of_its_name",
        lambda: built().unfreeze(L.Dense(3)),
        TypeError,
        "Sequential 'net': unfreeze: expected names of layers such as 'dense*', got "
        "Dense(units=3) (Dense).",
    ),
    Wrong(
        "training_a_moving_mean",
        lambda: setattr(
            jkeras.Sequential([L.Input((2,)), L.BatchNormalization()]).variables[2],
            "trainable",
            True,
        ),
        AttributeError,
        "batch_normalization/moving_mean: `trainable` cannot be set: it is a statistic, which no "
        "gradient changes.",
    ),
    Wrong(
        "assigning_a_weight_of_another_shape",
        lambda: built().trainable_variables[0].assign(np.zeros(3)),
        ValueError,
        "dense/kernel: expected a value of shape (4, 3), got an array of shape (3,) and dtype "
        "float64.",
    ),
    Wrong(
        "misspelt_policy_of_a_layer",
        lambda: L.Dense(3, dtype="mixed_bfloat_16"),
        ValueError,
        "Dense: `dtype`: expected one of 'float32', 'mixed_bfloat16', 'mixed_float16', 'bfloat16', "
        "'float16', 'float64', got 'mixed_bfloat_16'. Did you mean 'mixed_bfloat16'?",
    ),
    Wrong(
        "policy_for_all_that_is_a_number",
        lambda: jkeras.mixed_precision.set_global_policy(16),
        TypeError,
        "set_dtype_policy: `policy`: expected a policy such as 'mixed_bfloat16', got 16 (int).",
    ),
    Wrong(
        "policy_of_a_model_without_layers",
        lambda: setattr(jkeras.Trainer(L.Dense(3)), "dtype_policy", "mixed_bfloat16"),
        TypeError,
        "Trainer 'dense': `dtype_policy`: expected a list or graph of layers, got Dense(units=3) "
        "(Dense). Give its layers `dtype`, or call jkeras.config.set_dtype_policy before they are "
        "made.",
    ),
    Wrong(
        "loss_scale_around_a_name",
        lambda: jkeras.mixed_precision.LossScaleOptimizer("adam"),
        TypeError,
        "LossScaleOptimizer: `inner_optimizer`: expected an optimizer such as Adam(), got 'adam' "
        "(str).",
    ),
    Wrong(
        "unknown_mode_of_rematerialization",
        lambda: jkeras.RematScope("activation"),
        ValueError,
        "RematScope: `mode`: expected one of 'full', 'activations', 'larger_than', "
        "'list_of_layers', got 'activation'. Did you mean 'activations'?",
    ),
    Wrong(
        "one_name_to_rematerialize",
        lambda: jkeras.RematScope("list_of_layers", layer_names="dense"),
        TypeError,
        "RematScope: `layer_names`: expected a list of names, got 'dense' (str).",
    ),
    Wrong(
        "rematerialization_of_no_layers",
        lambda: jkeras.RematScope("list_of_layers"),
        ValueError,
        "RematScope: expected `layer_names` for 'list_of_layers', got none.",
    ),
    Wrong(
        "loss_weights",
        lambda: uncompiled().compile("sgd", "mse", loss_weights=["a"]),
        TypeError,
        "compile: `loss_weights`: expected a finite number for each loss, got 'a' (str).",
    ),
    Wrong(
        "add_a_class",
        lambda: uncompiled().add(L.Dense),
        TypeError,
        "Sequential 'net': add: expected a layer, got "
        "<class 'jkeras.layers.core.Dense'> (type). Make one: Dense(...).",
    ),
]

WARNINGS = [
    Wrong(
        "batch_size_large",
        lambda: model().fit(X, Y, batch_size=64, verbose=0),
        UserWarning,
        "fit: `batch_size` 64 is larger than the 8 examples, so every epoch is a single"
        " update. Choose a smaller one for more updates.",
    ),
    Wrong(
        "monitor",
        lambda: model().fit(X, Y, verbose=0, callbacks=[jkeras.callbacks.EarlyStopping()]),
        UserWarning,
        "EarlyStopping: `monitor` 'val_loss' is not among the logs: loss. For a `val_` "
        "value give `fit` validation data.",
    ),
    Wrong(
        "predict_unbuilt",
        lambda: uncompiled().predict(X, verbose=0),
        UserWarning,
        "Sequential 'net': `predict` before the model was built or trained: it is built"
        " now, and its weights are random. Call fit or load_weights first.",
    ),
    Wrong(
        "images",
        lambda: model(layers=[L.Flatten(), L.Dense(3, activation="softmax")]).fit(
            IMG, Y, verbose=0
        ),
        UserWarning,
        "Sequential 'net': `x` holds uint8 images with values up to 200, which train "
        "badly. Scale them, x / 255.0, or begin the model with Rescaling(1 / 255).",
    ),
]


@pytest.mark.parametrize("wrong", ERRORS, ids=lambda wrong: wrong.name)
def test_a_wrong_use_raises_the_whole_message(
    wrong: Wrong, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("training started")

    if wrong.name not in SEEN_LATE:
        monkeypatch.setattr(engine, "train", start)
    with warnings.catch_warnings(), pytest.raises(wrong.kind) as caught:
        warnings.simplefilter("ignore")  # what is asserted is the error, not a hint before it
        wrong.use()
    assert type(caught.value) is kind_raised(wrong.kind)
    assert str(caught.value) == wrong.message


@pytest.mark.parametrize("wrong", WARNINGS, ids=lambda wrong: wrong.name)
def test_a_doubtful_use_warns_with_the_whole_message(wrong: Wrong) -> None:
    with pytest.warns(wrong.kind) as caught:
        wrong.use()
    assert [str(warning.message) for warning in caught] == [wrong.message]
    if wrong.name != "monitor":  # found in the middle of a run, far from the line that caused it
        assert caught[0].filename == __file__


def test_raw_pixels_are_warned_about_once() -> None:
    net = model(layers=[L.Flatten(), L.Dense(3, activation="softmax")])
    with pytest.warns(UserWarning, match="uint8 images"):
        net.fit(IMG, Y, verbose=0)
    net.fit(IMG, Y, verbose=0)  # a second warning would be an error here
    scaled = model(layers=[L.Rescaling(1 / 255), L.Flatten(), L.Dense(3, activation="softmax")])
    scaled.fit(IMG, Y, verbose=0)


def test_something_that_is_no_data_is_described() -> None:
    class Nothing:
        def __repr__(self) -> str:
            return "Nothing()"

    with pytest.raises(TypeError) as caught:
        model().fit(Nothing())
    assert str(caught.value) == (
        "fit: `x`: expected arrays or an iterable of batches (x, y), got Nothing() (Nothing)."
    )
