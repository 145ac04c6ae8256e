"""The tests of random numbers, utils, dtype policies and trees that are not passed."""

from tests.keras_suite.exclusions.reasons import KIND

DEFAULT_SEEDS = "unseeded draws take the next default seed; there is no global generator to assign"
TENSORFLOW = "it runs TensorFlow, or a `tf.data` data set"
SCOPES = "there is no StatelessScope: a layer called with a key is a pure function"

EXCLUDED: dict[str, dict[str, str]] = {
    "tree": {},
    "random": {
        "RandomBehaviorTest.test_beta_tf_data_compatibility": TENSORFLOW,
        "RandomBehaviorTest.test_dropout_jax_jit_stateless": SCOPES,
        "RandomCorrectnessTest.test_global_seed_generator": DEFAULT_SEEDS,
        "SeedGeneratorTest.test_global_seed_generator": DEFAULT_SEEDS,
        "SeedGeneratorTest.test_jax_tracing_with_global_seed_generator": DEFAULT_SEEDS,
        "SeedGeneratorTest.test_draw_seed_invalid": KIND,
        "SeedGeneratorTest.test_seed_generator_initialization": KIND,
        "SeedGeneratorTest.test_seed_generator_unexpected_kwargs": "an argument that a function "
        "does not have is a TypeError, as in Python",
    },
}

LEFT_OUT: dict[str, str] = {}
