"""The tests of models, trainers, callbacks and saving that are not passed."""

from tests.keras_suite.exclusions.reasons import (
    ADAPTERS,
    INTERNAL,
    LEGACY,
    PRIVATE,
    QUANTIZED,
    TENSORFLOW,
    TORCH,
    WORDS,
)

TAGGED = "a layer is frozen: it takes no attribute that is no argument"

FLOAT32_WEIGHTS = "weights of a layer in half precision stay float32"
READABLE = "a class that Keras cannot read back is read here, from what its configuration tells"
ACTIVATION = "a layer as an activation stands in a `LayerActivation`"
OWN_RESET = "a metric begins anew with each epoch, whatever its `reset_state` does"
LAST_BATCH = "the hooks of the last execution get the number of its last batch, not a larger one"
EXACT = "an epoch has exactly `steps_per_epoch` steps, whatever one execution has"

EXCLUDED: dict[str, dict[str, str]] = {
    "models": {
        "CloneModelTest.test_recursive": TAGGED,
        "CloneModelTest.test_recursive_multi_level": TAGGED,
        "FunctionalTest.test_manual_input_spec": "`input_spec` of a model is not assigned",
        "FunctionalTest.test_training_arg": (
            "shapes follow from `call`, which is traced without training, too"
        ),
        "ModelTest.test_functional_list_outputs_with_custom_compute_loss": (
            "`compile` takes a loss for each output of the model, not of those of `compute_loss`"
        ),
        "ModelTest.test_get_state_tree_with_duplicate_path": "no two weights have one path here",
        "ModelTest.test_layers_setter": (
            "`Model()` needs inputs and outputs, unless a subclass has a `call`"
        ),
        "SequentialTest.test_bad_layer": (
            "a `call` that takes `training` by position is taken as it is"
        ),
        "SequentialTest.test_errors": "a second layer of one name gets a number",
        "VariableMappingTest.test_basics": PRIVATE,
    },
    "callbacks": {
        "BackupAndRestoreCallbackTest.test_backup_corrupted": (
            "the backup of an epoch is written when all callbacks have heard of its end"
        ),
        "BackupAndRestoreCallbackTest.test_best_case_step": (
            "a run goes on with the next batch; Keras repeats those of the epoch"
        ),
        "ModelCheckpointTest.test_model_checkpoint_options": (
            "an unknown mode is an error here; Keras warns, and takes another"
        ),
        "TerminateOnNaNTest.test_RemoteMonitor": WORDS,
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
    "trainers": {
        "GeneratorDataAdapterTest.test_basic_flow_*_tf": TENSORFLOW,
        "GeneratorDataAdapterTest.test_basic_flow_*_torch": TORCH,
        "PyDatasetAdapterTest.test_basic_flow_single_tf_*": TENSORFLOW,
        "PyDatasetAdapterTest.test_basic_flow_single_torch_*": TORCH,
        "PyDatasetAdapterTest.test_class_weight": INTERNAL,
        "PyDatasetAdapterTest.test_dict_inputs": TENSORFLOW,
        "TestCompileLoss.test_single_output_case": "a metric is no loss",
        "TestCompileLoss.test_struct_loss_valid_weights": "weights of losses are numbers, no array",
        "TestDataAdapterFactory.test_generator_with_y_error": INTERNAL,
        "TestEpochIterator.test_insufficient_data": INTERNAL,
        "TestEpochIterator.test_unsupported_*_arg_tfdata": TENSORFLOW,
        "TestMultiWorkerValidation.test_unsupported_type_multi_worker": INTERNAL,
        "TestTrainer.test_fit_eval_flow_for_jax_model_weights": PRIVATE,
        "TestTrainer.test_fit_with_data_adapter_tf_*": TENSORFLOW,
        "TestTrainer.test_fit_with_data_adapter_torch_*": TORCH,
        "TestTrainer.test_loss_scaling_prevents_underflow": (
            "`layers` of a model is the list of all its layers, and is not assigned"
        ),
        "TestTrainer.test_predict_dropout": (
            "the test expects two batches to differ by little, and says that their masks differ"
        ),
        "TestTrainer.test_predict_preserve_order_*": TENSORFLOW,
        "TestTrainer.test_steps_per_epoch_match_multi_epoch_*": OWN_RESET,
        "TestTrainer.test_steps_per_execution_steps_count_101_*": LAST_BATCH,
        "TestTrainer.test_steps_per_execution_steps_count_3_*": LAST_BATCH,
        "TestTrainer.test_steps_per_execution_steps_count_unknown_*": TENSORFLOW,
        "TestTrainer.test_steps_per_execution_steps_per_epoch_match_multi_*": EXACT,
        "TestTrainer.test_steps_per_execution_steps_per_epoch_unknown_*": TENSORFLOW,
        "TestTrainer.test_symbolic_build": PRIVATE,
    },
    "saving": {
        "LoadModelTests.test_basic_load_*float16": FLOAT32_WEIGHTS,
        "LoadModelTests.test_load_h5_format": LEGACY,
        "LoadWeightsTests.test_load_weights_h5_float*_float*": LEGACY,
        "LoadWeightsTests.test_load_weights_invalid_kwargs": LEGACY,
        "LoadWeightsTests.test_load_weights_rejects_h5_external_link": LEGACY,
        "SafeGetH5DatasetTest.test_rejects_shape_bomb": INTERNAL,
        "SafeZipReadTest.*": INTERNAL,
        "SaveModelTests.test_save_h5_format": LEGACY,
        "SavingAPITest.test_model_api_endpoint_h5": LEGACY,
        "SavingBattleTest.test_complex_model_without_explicit_deserialization": READABLE,
        "SavingBattleTest.test_custom_object_without_from_config": READABLE,
        "SavingBattleTest.test_cyclic_container_saving": "a list of layers cannot hold itself",
        "SavingBattleTest.test_legacy_h5_format": LEGACY,
        "SavingBattleTest.test_legacy_load_skips_missing_nested_containers": (
            "the test reads a file that does not come with Keras"
        ),
        "SavingBattleTest.test_normalization_legacy_h5_format": LEGACY,
        "SavingBattleTest.test_redefinition_of_trackable": (
            "a weight has the name of the attribute that holds it, not of a property"
        ),
        "SavingDiskIOStoreTest.*": INTERNAL,
        "SavingH5IOStoreTest.test_h5_io_store_basics": INTERNAL,
        "SavingH5IOStoreTest.test_h5_io_store_exception_raised": INTERNAL,
        "SavingH5IOStoreTest.test_h5_io_store_lora": QUANTIZED,
        "SavingH5IOStoreTest.test_sharded_*": INTERNAL,
        "SavingNpzIOStoreTest.*": INTERNAL,
        "SavingTest.test_compile_overridden_warnings_*": WORDS,
        "SavingTest.test_*_model_exception_raised_*_memory_config": INTERNAL,
        "SerializationLibTest.test_deserialize_invalid_typespec_config": TENSORFLOW,
        "SerializationLibTest.test_layer_instance_*as_activation": ACTIVATION,
        "SerializationLibTest.test_missing_name_for_sequential_model": (
            "a Sequential without a name in its configuration gets one"
        ),
        "SerializationLibTest.test_shared_inner_layer": (
            "a layer of a model is a copy under the name that it has there, of the same identity"
        ),
    },
}

LEFT_OUT: dict[str, str] = {
    "trainers/data_adapters/array_data_adapter_test.py": INTERNAL,
    "trainers/data_adapters/grain_dataset_adapter_test.py": ADAPTERS,
    "trainers/data_adapters/tf_dataset_adapter_test.py": TENSORFLOW,
    "trainers/data_adapters/torch_data_loader_adapter_test.py": TORCH,
}
