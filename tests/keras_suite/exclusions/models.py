"""The tests of models, trainers, callbacks and saving that are not passed."""

from tests.keras_suite.exclusions.reasons import (
    DISTRIBUTED,
    PRIVATE,
    TENSORFLOW,
    TEXT,
    WORDS,
)

INFINITE = "data with infinity are an error before training, unless `check_nans` allows them"
PRINTED = "messages of callbacks are printed here, not logged through absl"
ORBAX_FOLDER = "`load_model` reads no folder of OrbaxCheckpoint; `fit(resume_from=)` does"
REQUESTS = "the test watches the library `requests`; here Python's own sends the logs"

EXCLUDED: dict[str, dict[str, str]] = {
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
