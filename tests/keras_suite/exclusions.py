"""Which of Keras's tests jkeras is not expected to pass, and why: the one list of them.

A name is `Class.test_name`, `*` stands for any characters, and a file stands for all of its tests.
A test that passes although it is listed here fails the suite, as one that fails and is not listed.
"""

from __future__ import annotations

import fnmatch

KIND = "a value of the wrong kind is a TypeError here; Keras says ValueError"
WORDS = "the test compares the words of a message, which are our own"
PRIVATE = "the test reads an attribute that is private to Keras, or an internal one"
SUMS = "the test reads or assigns the sums of a metric, which are values here, not attributes"
INTEGERS = "the result of a mean cannot have an integer dtype here"
GLOBAL = "there is no global dtype: dtypes follow the inputs"
SYMBOLS = "the test calls an object on symbols of Keras's backend"
VARIABLES = "the test counts the variables on a metric's object, where sums are values here"
OBJECT = "a word stands for an object here; Keras returns a function"
NOTHING = "None stands for no metric in Keras; here the message says what is expected"
ONE_MORE = "here the configuration holds this argument too, so that it comes back"
COLUMN = "targets and outputs [batch] count as [batch, 1] here"
ANY_AXIS = "any axis can be the classes' here; Keras on JAX refuses all but the last"
IGNORED = "ignored elements never count here; Keras counts them when there are no weights"
WHOLE = "a whole number is as good as a float here"
GENERATOR = "a seed is a number: a description holds no generator that changes"
OWNER = "the state of an optimizer in a model belongs to the model, not to the optimizer"
FROZEN = "an optimizer is frozen: its rate and its state are not assigned"
FLOAT8 = "`overwrite_with_gradient` serves float8 training, which is not here"
DEVICES = "it places variables on several devices by Keras's distribution API"
STATEFUL = "a layer is built with its weights outside of it, not inside"
EXCHANGED = "`alpha` weighs false positives, as documented; Keras exchanges it with `beta`"
EXAMPLES = "the adjusted R² counts examples, as defined; Keras counts the targets of all outputs"

BEYOND_VALUES = (KIND, WORDS, PRIVATE, SYMBOLS, DEVICES)
"""Reasons of tests that compare no values, but messages, classes of errors, internals, devices."""

AGAINST_DEFINITION = (EXCHANGED, EXAMPLES)
"""Reasons of tests whose values contradict the definition of what they test."""

EXCLUDED: dict[str, dict[str, str]] = {
    "losses": {
        "LossTest.test_default_dtype": GLOBAL,
        "LossTest.test_get_method": OBJECT,
        "LossTest.test_pickle": OBJECT,
        "LossTest.test_reduction": COLUMN,
        "CosineSimilarityTest.test_config": ONE_MORE,
        "HuberLossTest.test_config": ONE_MORE,
        "SparseCategoricalCrossentropyTest.test_*_segmentation_different_axis": ANY_AXIS,
        "TverskyTest.test_*custom_coefficients*": EXCHANGED,
    },
    "activations": {},
    "constraints": {},
    "regularizers": {
        "RegularizersTest.test_orthogonal_regularizer_input_rank_validation": WORDS,
        "RegularizersTest.test_orthogonal_regularizer_mode_validation": WORDS,
        "ValidateFloatArgTest.test_validate_float_with_invalid_types": KIND,
        "ValidateFloatArgTest.test_validate_float_with_list": KIND,
        "ValidateFloatArgTest.test_validate_float_with_none": KIND,
    },
    "initializers": {
        "initializers/initializer_test.py": DEVICES,
        "RandomInitializersTest.test_mha_query_projection_variance": STATEFUL,
        "RandomInitializersTest.test_random_normal": GENERATOR,
        "RandomInitializersTest.test_serialization_with_seed_generator": GENERATOR,
    },
    "schedules": {
        "TestFitLRSchedulesFlow.test_fit_lr_correctness": OWNER,
    },
    "metrics": {
        "AccuracyTest.test_config": PRIVATE,
        "BinaryAccuracyTest.test_config": PRIVATE,
        "CategoricalAccuracyTest.test_config": PRIVATE,
        "SparseCategoricalAccuracyTest.test_config": PRIVATE,
        "SparseTopKCategoricalAccuracyTest.test_config": PRIVATE,
        "TopKCategoricalAccuracyTest.test_config": PRIVATE,
        "AUCTest.test_config": PRIVATE,
        "MeanTest.test_config": PRIVATE,
        "MetricWrapperTest.test_config": PRIVATE,
        "SumTest.test_config": PRIVATE,
        "FBetaScoreTest.test_non_2d_input_shapes_raises_value_error": PRIVATE,
        "FBetaScoreTest.test_undefined_output_dim_raises_value_error": PRIVATE,
        "AUCTest.test_config_manual_thresholds": PRIVATE,
        "AUCTest.test_manual_thresholds": PRIVATE,
        "MultiAUCTest.test_manual_thresholds": PRIVATE,
        "SparseCategoricalAccuracyTest.test_reshape_matches": "the batch axes of targets and "
        "outputs differ, which is an error here",
        "*.test_threshold_limit": KIND,
        "FBetaScoreTest.test_beta_none_type_raises_value_error": KIND,
        "FBetaScoreTest.test_beta_string_type_raises_value_error": KIND,
        "FBetaScoreTest.test_threshold_string_raises_value_error": KIND,
        "FBetaScoreTest.test_beta_integer_type_raises_value_error": WHOLE,
        "FBetaScoreTest.test_threshold_not_float_raises_value_error": WHOLE,
        "MeanTest.test_weighted_dynamic_shapes": SYMBOLS,
        "MetricWrapperTest.test_weighted_dynamic_shape": SYMBOLS,
        "MultiAUCTest.test_reset_state": SUMS,
        "PrecisionTest.test_config": SUMS,
        "PrecisionTest.test_unweighted_class_id_multiclass": SUMS,
        "PrecisionTest.test_unweighted_top_k_and_threshold": SUMS,
        "RecallTest.test_config": SUMS,
        "RecallTest.test_unweighted_class_id_multiclass": SUMS,
        "RecallTest.test_unweighted_top_k_and_threshold": SUMS,
        "*HingeTest.test_config": INTEGERS,
        "BinaryCrossentropyTest.test_config": INTEGERS,
        "CategoricalCrossentropyTest.test_config": INTEGERS,
        "SparseCategoricalCrossentropyTest.test_config": INTEGERS,
        "KLDivergenceTest.test_config": INTEGERS,
        "CosineSimilarityTest.test_config": INTEGERS,
        "LogCoshErrorTest.test_config": INTEGERS,
        "MeanAbsolute*ErrorTest.test_config": INTEGERS,
        "MeanSquaredLogarithmicErrorTest.test_config": INTEGERS,
        "RootMeanSquaredErrorTest.test_config": INTEGERS,
        "MeanIoUTest.test_big_chunk": SUMS,
        "MeanIoUTest.test_user_warning_float_weight": "weights of IoU metrics are used as they are",
        "MetricTest.test_default_dtype": GLOBAL,
        "MetricTest.test_get_method": NOTHING,
        "MetricTest.test_dtype_arg": PRIVATE,
        "MetricTest.test_submetric_tracking": VARIABLES,
        "MetricTest.test_variable_tracking": VARIABLES,
        "SparseCategoricalCrossentropyTest.test_ignore_class": IGNORED,
        "SparseCategoricalCrossentropyTest.test_ignore_class_from_logits": IGNORED,
        "R2ScoreTest.test_errors": COLUMN,
        "R2ScoreTest.test_r2_tfa_comparison[124578]": EXAMPLES,
    },
    "optimizers": {
        "AdamTest.test_ema": OWNER,
        "OptimizerTest.test_ema_with_model_fit": OWNER,
        "AdamWTest.test_weight_decay_is_none": KIND,
        "MuonTest.test_lr_adjust_*": PRIVATE,
        "MuonTest.test_should_use_adamw": PRIVATE,
        "NadamTest.test_build_with_empty_var_list": PRIVATE,
        "OptimizerTest.test_overwrite_with_gradient*": FLOAT8,
        "OptimizerTest.test_set_weights": FROZEN,
        "OptimizerTest.test_setting_lr_to_callable_untracks_lr_var": FROZEN,
    },
}
"""By family, the tests that are not passed, each with its reason."""

LEFT_OUT = {
    "optimizers/loss_scale_optimizer_test.py": "LossScaleOptimizer is not here",
    "optimizers/multi_optimizer_test.py": "our OptimizerMap is frozen and takes all of its entries "
    "at once; tests/optimizers/test_multi.py compares it with Keras's numbers",
    "optimizers/optimizer_sparse_test.py": "sparse gradients are TensorFlow's",
}
"""Test files of these families that are not run at all."""


def reason(family: str, test: str) -> str | None:
    """Why a test is not expected to pass; None if it is."""
    for pattern, words in EXCLUDED[family].items():
        if fnmatch.fnmatchcase(test, pattern):
            return words
    return None


def unused(family: str, failed: list[str]) -> list[str]:
    """The entries of a family under which no failing test falls."""
    return [name for name in EXCLUDED[family] if not fnmatch.filter(failed, name)]
