"""The tests of random numbers, utils, dtype policies and trees that are not passed."""

from tests.keras_suite.exclusions.reasons import KIND, QUANTIZED, TENSORFLOW

DEFAULT_SEEDS = "unseeded draws take the next default seed; there is no global generator to assign"
FULL_WEIGHTS = "the weights of a bfloat16 or float16 layer are float32: small updates are not lost"
SCOPES = "there is no StatelessScope: a layer called with a key is a pure function"

EXCLUDED: dict[str, dict[str, str]] = {
    "tree": {},
    "dtype_policies": {
        "*QuantizedDTypePolicy*": QUANTIZED,
        "AWQDTypePolicyTest.*": QUANTIZED,
        "GPTQConfigErrorHandlingTest.*": QUANTIZED,
        "DTypePolicyGlobalFunctionsTest.test_*_quantized": QUANTIZED,
        "DTypePolicyTest.test_eq": QUANTIZED,
        "DTypePolicyTest.test_initialization_from_global_*float16": FULL_WEIGHTS,
        "DTypePolicyGlobalFunctionsEdgeCasesTest.test_set_policy_none": KIND,
        "DTypePolicyGlobalFunctionsTest.test_get_invalid_policy": KIND,
        "DTypePolicyGlobalFunctionsTest.test_set_dtype_policy_invalid": KIND,
    },
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

LEFT_OUT: dict[str, str] = {
    "dtype_policies/dtype_policy_map_test.py": "a DTypePolicyMap says which layers are quantized; "
    "each layer has its `dtype` here",
}
