"""The tests of models, trainers, callbacks and saving that are not passed."""

from tests.keras_suite.exclusions.reasons import (
    APPLICATIONS,
    DISTRIBUTED,
    EXPORTED,
    PRIVATE,
    QUANTIZED,
    SYMBOLS,
    TENSORFLOW,
    TEXT,
    WORDS,
)

INFINITE = "data with infinity are an error before training, unless `check_nans` allows them"
PRINTED = "messages of callbacks are printed here, not logged through absl"
ORBAX_FOLDER = "`load_model` reads no folder of OrbaxCheckpoint; `fit(resume_from=)` does"
REQUESTS = "the test watches the library `requests`; here Python's own sends the logs"

OPTIONAL = "an `Input` cannot be optional here"
EARLY = (
    "losses and metrics are checked by `compile` here, before any data; Keras checks them in `fit`"
)
UNWARNED = "inputs in another structure, or with other fields, are taken without a warning"
LAZY = "weights that nothing has asked for are not made yet, and `built` says so"
STATE_TREE = "`get_state_tree` has the paths of this package, and no metrics"

EXCLUDED: dict[str, dict[str, str]] = {
    "models": {
        "CloneModelTest.test_recursive": PRIVATE,
        "CloneModelTest.test_recursive_multi_level": (
            "a layer is frozen: it takes no attribute that is no argument"
        ),
        "FunctionalTest.test_deeply_nested_model": "lists in a dict of inputs are not taken",
        "FunctionalTest.test_for_functional_in_sequential": APPLICATIONS,
        "FunctionalTest.test_functional_with_dtype_policy": PRIVATE,
        "FunctionalTest.test_input_dict_with_extra_field": UNWARNED,
        "FunctionalTest.test_layer_getters": PRIVATE,
        "FunctionalTest.test_list_input_with_dict_build": UNWARNED,
        "FunctionalTest.test_manual_input_spec": "`input_spec` of a model is not assigned",
        "FunctionalTest.test_optional_*": OPTIONAL,
        "FunctionalTest.test_rank_standardization": (
            "a call of a graph on arrays adds and takes no axis; `fit` and `predict` do"
        ),
        "FunctionalTest.test_required_input_none_raises": OPTIONAL,
        "FunctionalTest.test_restored_multi_output_type_tuple": (
            "a configuration has a list for a tuple of outputs"
        ),
        "FunctionalTest.test_serialization": "a configuration has a list for a tuple of inputs",
        "FunctionalTest.test_training_arg": (
            "shapes follow from `call`, which is traced without training, too"
        ),
        "FunctionalTest.test_warning_for_mismatched_inputs_structure": UNWARNED,
        "ModelTest.test_export_error": EXPORTED,
        "ModelTest.test_functional_*_invalid_keys": EARLY,
        "ModelTest.test_functional_list_outputs_dict_losses_no_output_names": EARLY,
        "ModelTest.test_functional_list_outputs_with_custom_compute_loss": EARLY,
        "ModelTest.test_functional_optional_inputs_*": OPTIONAL,
        "ModelTest.test_get_state_tree*": STATE_TREE,
        "ModelTest.test_layers_setter": (
            "`Model()` needs inputs and outputs, unless a subclass has a `call`"
        ),
        "ModelTest.test_quantize*": QUANTIZED,
        "ModelTest.test_set_state_tree": STATE_TREE,
        "SequentialTest.test_bad_layer": (
            "a `call` that takes `training` by position is taken as it is"
        ),
        "SequentialTest.test_basic_flow_with_input": LAZY,
        "SequentialTest.test_errors": "a second input at the front is taken, if it fits",
        "SequentialTest.test_functional_properties": SYMBOLS,
        "SequentialTest.test_legacy_flow_with_input_shape": LAZY,
        "VariableMappingTest.test_basics": PRIVATE,
    },
    "callbacks": {
        "BackupAndRestoreCallbackTest.test_backup_corrupted": PRIVATE,
        "BackupAndRestoreCallbackTest.test_best_case_*": PRIVATE,
        "EarlyStoppingTest.test_early_stopping": PRIVATE,
        "LambdaCallbackTest.test_lambda_callback_with_additional_kwargs": (
            "a hook of another name is an error here, because nothing would call it"
        ),
        "LearningRateSchedulerTest.test_verbose_logging": PRINTED,
        "ModelCheckpointTest.test_model_checkpoint_options": (
            "an unknown mode is an error here; Keras warns, and takes another"
        ),
        "MonitorCallbackTest.*": PRIVATE,
        "OrbaxCheckpointTest.test_checkpoint_loading_via_saving_api": ORBAX_FOLDER,
        "OrbaxCheckpointTest.test_checkpoint_with_assets*": TEXT,
        "OrbaxCheckpointTest.test_comprehensive_model_state_restoration*": ORBAX_FOLDER,
        "OrbaxCheckpointTest.test_distributed_checkpoint_*": DISTRIBUTED,
        "OrbaxCheckpointTest.test_training_resumption_*": ORBAX_FOLDER,
        "ReduceLROnPlateauTest.test_verbose_logging": PRINTED,
        "TerminateOnNaNTest.test_RemoteMonitor": WORDS,
        "TerminateOnNaNTest.test_RemoteMonitorWithJsonPayload": REQUESTS,
        "TerminateOnNaNTest.test_RemoteMonitor_np_*": REQUESTS,
        "TerminateOnNaNTest.test_raise_error_terminate_*": INFINITE,
        "TerminateOnNaNTest.test_terminate_on_nan_*": INFINITE,
        "TestTensorBoardV2.test_TensorBoard_across_invocations": TENSORFLOW,
        "TestTensorBoardV2.test_TensorBoard_auto_trace": (
            "the profiler runs on every version of Python here; Keras warns of some"
        ),
        "TestTensorBoardV2.test_TensorBoard_basic": TENSORFLOW,
        "TestTensorBoardV2.test_TensorBoard_batch_metrics": TENSORFLOW,
        "TestTensorBoardV2.test_TensorBoard_global_step": TENSORFLOW,
        "TestTensorBoardV2.test_TensorBoard_learning_rate_schedules": TENSORFLOW,
        "TestTensorBoardV2.test_TensorBoard_non_blocking": (
            "a model takes its optimizer from `compile`; it cannot be assigned"
        ),
        "TestTensorBoardV2.test_TensorBoard_projector_callback": (
            "embeddings are not written for the projector"
        ),
        "TestTensorBoardV2.test_TensorBoard_weight_*": TENSORFLOW,
        "TestTensorBoardV2.test_custom_summary": TENSORFLOW,
    },
}

LEFT_OUT: dict[str, str] = {}
