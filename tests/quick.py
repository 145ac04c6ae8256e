"""What `make test` leaves to `make test ALL=1`, and why.

The quick form runs every check and test that is not named here: each layer, loss, metric and
optimizer has its numbers compared with Keras's, and every experiment and every example of the
documentation runs. What is left out looks at the same code a second time, from another side, or in
a process of its own. Pytest by itself leaves nothing out, nor does `make test TESTS=…`.
"""

LATE = {
    "tests/keras_suite/test_families.py": "Keras's own unit tests, in a process of their own",
    "tests/laws/test_layers.py::test_jit_agrees_with_eager": "numbers: tests/layers/test_golden*",
    "tests/laws/test_layers.py::test_evaluation_changes_no_state_and_vmap_agrees_with_a_loop": (
        "numbers: tests/layers/test_golden*"
    ),
    "tests/laws/test_layers.py::test_gradients_agree_with_differences": (
        "gradients of Keras: tests/layers/test_golden*"
    ),
    "tests/losses/test_laws.py": "numbers and gradients: tests/losses/test_golden.py",
    "tests/metrics/test_laws.py": "numbers: tests/metrics/test_golden.py",
}
"""A file, or a test of a file with all its rows, and what the quick form has in its place."""


def is_late(nodeid: str) -> bool:
    """Whether the quick form leaves a test out."""
    test = nodeid.partition("[")[0]
    return test in LATE or test.partition("::")[0] in LATE
