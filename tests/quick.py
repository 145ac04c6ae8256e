"""What `make test` leaves to `make test ALL=1`, and why.

The quick form runs every check, every example of the README and of docstrings, every experiment,
and every test that is not named here. What is named looks at the same code a second time, from
another side or by way of whole programs; each layer, loss, metric and optimizer keeps a table that
compares its numbers with Keras's. Pytest by itself leaves nothing out, nor does
`make test TESTS=…`.
"""

LEFT_OUT = {
    "tests/layers/test_quantized.py::test_numbers_and_files_are_those_of_keras": (
        "tests/layers/test_quantized.py"
    ),
    "tests/layers/test_float8.py::test_steps_and_files_are_those_of_keras": (
        "test_gradients_are_the_next_values of the same file"
    ),
    "tests/layers/test_float8.py::test_narrow_arithmetic_is_that_of_keras": (
        "test_steps_and_files_are_those_of_keras of the same file"
    ),
    "tests/layers/test_low_rank.py::test_files_in_both_directions": "tests/layers/test_low_rank.py",
    # Laws of what is compared with Keras's numbers, too.
    "tests/laws/test_layers.py::test_jit_agrees_with_eager": "tests/layers/test_golden*.py",
    "tests/laws/test_layers.py::test_evaluation_changes_no_state_and_vmap_agrees_with_a_loop": (
        "tests/layers/test_golden*.py"
    ),
    "tests/laws/test_layers.py::test_gradients_agree_with_differences": (
        "tests/layers/test_recurrent_golden.py, and every training of tests/trainer"
    ),
    "tests/laws/test_layers.py::test_training_means_nothing_else_to_the_rest": (
        "tests/layers/test_golden*.py"
    ),
    "tests/laws/test_layers.py::test_the_key_decides": "tests/layers/test_regularization.py",
    "tests/laws/test_layers.py::test_another_seed_draws_otherwise": "tests/layers",
    "tests/losses/test_laws.py": "tests/losses/test_golden.py",
    "tests/metrics/test_laws.py": "tests/metrics/test_golden.py",
    "tests/metrics/test_golden.py::test_weighted_results_are_those_of_keras": (
        "test_results_are_those_of_keras of the same file"
    ),
    "tests/optimizers/test_laws.py": "tests/optimizers/test_golden.py",
    "tests/optimizers/test_schedules.py::test_jit_vmap_and_arrays_agree_with_one_step_at_a_time": (
        "the other tests of the file"
    ),
    # Gradients and formulations of what a layer computes, whose outputs are compared.
    "tests/layers/test_golden.py::test_gradients": "test_outputs_and_carried_weights beside it",
    "tests/layers/test_golden_attention.py::test_gradients": "the test of outputs beside it",
    "tests/layers/test_multi_head_attention.py": "tests/layers/test_golden_attention.py",
    "tests/layers/test_recurrent_wrappers.py": "tests/layers/test_recurrent_golden.py",
    "tests/ops/test_activations.py::test_dtype_is_kept_and_jit_agrees": "Keras's numbers beside it",
    "tests/ops/test_activations.py::test_gradients_at_smooth_points": "Keras's gradients beside it",
    "tests/core/test_fingerprints.py::test_programs_hash_numbers_as_the_host_does": (
        "tests/layers/test_hashing.py"
    ),
    "tests/trainer/test_feature_space.py::test_adapt_takes": "the other tests of the file",
    "tests/layers/augmentation/test_golden.py::test_numbers_have_the_distribution_of_keras": (
        "tests/layers/augmentation/test_augmentation.py"
    ),
    "tests/utils/test_bounding_boxes.py::test_formats_are_those_of_keras": "the rest of the file",
    "tests/layers/test_recurrent.py": "tests/layers/test_recurrent_golden.py",
    "tests/ops/test_attention.py": "tests/layers/test_golden_attention.py",
    "tests/ops/test_convolution.py": "tests/layers/test_golden.py",
    "tests/ops/test_pooling.py": "tests/layers/test_golden.py",
    "tests/ops/test_random_initializers.py::test_any_key_gives_the_distribution_of_keras": (
        "test_a_seed_gives_the_numbers_of_keras of the same file"
    ),
    "tests/ops/test_recurrence.py": "tests/layers/test_recurrent_golden.py",
    "tests/ops/test_transposed.py": "tests/layers/test_golden.py",
    # Other libraries, streams and slices of batches, each in every combination.
    "tests/data/test_feeds.py::test_every_feed_holds_the_batches_of_the_order": "tests/trainer",
    "tests/models/test_adapters.py": "tests/models/test_adapters_of_libraries.py",
    "tests/training/test_slices.py": "tests/training/test_steps.py",
    "tests/distribution/test_two_processes.py": (
        "tests/distribution/test_on_eight_devices.py: the same programs in one process"
    ),
    "tests/applications/test_networks.py": (
        "tests/applications/test_weights_and_pixels.py: two networks, whose files are read"
    ),
    "tests/applications/test_wrong_uses.py::test_a_frozen_base_stays_and_is_tuned_later": (
        "tests/trainer/test_freezing.py: the same of smaller networks"
    ),
    # Whole trainings, file by file or run by run, of what the other tests of the trainer touch.
    "tests/saving/test_disk_faults.py": "tests/saving: the writers themselves",
    "tests/saving/test_fuzz.py": "tests/saving: the readers themselves",
    "tests/test_examples.py::test_an_example_gives_what_it_gives_under_keras": "tests/trainer",
    "tests/test_scripts.py::test_a_script_gives_what_it_gives_under_keras": "tests/trainer",
    "tests/test_models.py::test_a_step_of_training_is_that_of_keras": "tests/test_experiments.py",
    "tests/trainer/test_curves_of_keras.py": "tests/trainer/test_runs_of_keras.py",
    "tests/trainer/test_engines.py": "tests/trainer/test_laws.py",
    "tests/trainer/test_float64.py::test_float64": "the refusals of the same file",
    "tests/trainer/test_function_steps.py": "experiments with a step of their own, such as gan.py",
    "tests/trainer/test_interruptions.py": "tests/trainer/test_resuming.py",
    "tests/trainer/test_data_positions.py::test_it_ends_with_the_same_bits": (
        "the other tests of the file"
    ),
    "tests/trainer/test_laws.py::test_run_eagerly_gives_the_same_numbers": "the rest of the file",
    "tests/trainer/test_masks.py": "tests/models/test_masks_golden.py",
    "tests/trainer/test_metrics_by_class.py": "tests/metrics",
    "tests/trainer/test_model_files.py::test_keras_goes_on_with_every_optimizer": (
        "test_the_optimizer_is_written_as_keras_does of the same file"
    ),
    "tests/trainer/test_model_files.py::test_keras_reads_every_file_written_here": (
        "test_a_file_written_here_has_keras_s_entries of the same file"
    ),
    "tests/trainer/test_model_files.py::test_training_goes_on_as_in_keras": (
        "test_slots_go_to_their_names_and_weights of the same file"
    ),
    "tests/trainer/test_options_of_keras.py": "tests/trainer/test_options.py",
    "tests/export/test_onnx.py::test_every_other_network_too": "the other tests of the file",
    "tests/export/test_stablehlo.py::test_every_network": "test_a_few_networks of the same file",
    "tests/export/test_litert.py::test_every_network": "test_a_few_networks of the same file",
    # Every page of the documentation, its programs, its notebooks and its site.
    "tests/docs/test_code_blocks.py": "README.md and the docstrings, which are doctests",
    "tests/docs/test_site.py": "tests/docs/test_links.py, test_docstrings.py and test_notebooks.py",
    # Pages and cards of whole models.
    "tests/trainer/test_report_page.py::test_kinds_of_models": (
        "test_a_classifier_of_images of the same file, and tests/trainer/test_top_losses.py"
    ),
    "tests/trainer/test_card.py::test_the_code_runs_for_other_inputs": (
        "test_the_code_loads_the_model_and_applies_it of the same file"
    ),
    # Searches and rehearsals of every kind of data and optimizer.
    "tests/trainer/test_lr_find.py::test_optimizers_of_every_kind": "the rest of the file",
    "tests/trainer/test_lr_find.py::test_every_policy_for_nan_ends_the_same_search": (
        "test_nan_ends_the_search_and_nothing_stays of the same file"
    ),
    "tests/trainer/test_short_runs.py::test_a_few_batches_are_learned_by_heart": (
        "test_every_epoch_has_the_same_batches_in_the_same_order of the same file"
    ),
    # In a process of their own.
    "tests/distribution/test_on_eight_devices.py::"
    "test_a_program_of_keras_runs_with_the_import_changed": "tests/test_experiments.py",
    "tests/callbacks/test_run_loggers.py": "tests/callbacks, and the wrong uses of loggers",
    "tests/display/test_notebook_kernel.py": "the kernel that is played in tests/display",
    "tests/datasets/test_mnist.py::test_the_whole_of_mnist_equals_its_archives": "the sample",
    "tests/keras_suite/test_families.py": "Keras's numbers in each folder of tests",
    "tests/saving/test_orbax_manager.py::"
    "test_a_process_that_ends_finishes_and_one_that_is_killed_leaves_whole_ones": (
        "the other tests of the file"
    ),
    "tests/population/test_population_on_devices.py": "tests/population, on one device",
    "tests/population/test_population.py::test_dropout_and_loss_weights_by_name": (
        "test_numbers_of_layers_losses_and_optimizers_differ of the same file"
    ),
    "tests/estimators/test_premade.py::test_checks_of_scikit_learn": "the tests beside it",
    "tests/estimators/test_premade.py::test_class_weights_go_by_label": (
        "tests/wrappers/test_sklearn_wrappers.py"
    ),
    "tests/wrappers/test_sklearn_wrappers.py::test_checks_of_scikit_learn": "the tests beside it",
}
"""A file, or a test of a file with all its rows, and what of the quick form stands for it."""

FEWER = {
    "calls": ["--networks", "dense"],
    "compare": ["--models", "mlp", "transformer"],
    "first_minute": ["--rows", "equal models", "streams"],
}
"""Options of experiments that run a process for each model: what the quick form runs of them."""


def is_left_out(nodeid: str) -> bool:
    """Whether the quick form leaves a test out."""
    test = nodeid.partition("[")[0]
    return test in LEFT_OUT or test.partition("::")[0] in LEFT_OUT
