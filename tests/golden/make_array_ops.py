"""Writes `array_ops.npz` and `array_ops.json`: results of `keras.ops` on the cases beside.

Run from the project's root: KERAS_BACKEND=jax python tests/golden/make_array_ops.py

The archive holds `value|case|number of the result` and `gradient|case`; the JSON the shapes and
dtypes of all results, the signatures of all functions, and Keras's version.
"""

import inspect
import json
import pathlib
import warnings

import array_ops_cases as cases
import jax
import jax.numpy as jnp
import keras
import numpy as np

FOLDER = pathlib.Path(__file__).parent
MODULES = {"": keras.ops, "image.": keras.ops.image}


def signatures() -> dict[str, str]:
    """Every function's signature, without annotations."""
    found = {}
    for prefix, module in MODULES.items():
        for name, value in vars(module).items():
            if name[0] != "_" and callable(value):
                parameters = inspect.signature(value).parameters.values()
                bare = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
                found[prefix + name] = str(inspect.Signature(bare))
    return found


def described(result: object) -> list[str]:
    """Shape and dtype of each array in a result; the result itself where it is no array."""
    return [
        f"{x.dtype}{list(x.shape)}" if hasattr(x, "shape") else repr(x)
        for x in jax.tree.leaves(result)
    ]


def main() -> None:
    """Run the cases and write both files."""
    arrays = {name: jnp.asarray(value) for name, value in cases.inputs().items()}
    values, kinds = {}, {}

    def run(case: str, x: object = None) -> object:
        given = arrays if x is None else {**arrays, "X": x}
        return eval(case, cases.namespace(keras.ops, given))

    for case in [*cases.VALUES, *cases.EAGER]:
        result = run(case)
        kinds[case] = described(result)
        for number, leaf in enumerate(jax.tree.leaves(result)):
            if hasattr(leaf, "shape"):
                values[f"value|{case}|{number}"] = np.asarray(leaf)
    for case in cases.DTYPES:
        try:
            kinds[case] = described(jax.eval_shape(lambda case=case: run(case)))
        except (TypeError, ValueError, NotImplementedError):
            kinds[case] = ["raises"]
    for case in cases.GRADIENTS:
        slope = jax.grad(lambda x, case=case: weighed(run(case, x)))(arrays["X"])
        values[f"gradient|{case}"] = np.asarray(slope)
    np.savez_compressed(FOLDER / "array_ops.npz", **values)
    found = {"version": keras.__version__, "signatures": signatures(), "kinds": kinds}
    (FOLDER / "array_ops.json").write_text(json.dumps(found, indent=0) + "\n")


def weighed(result: jax.Array) -> jax.Array:
    """A sum in which every entry counts differently."""
    return jnp.sum(result.ravel() * jnp.cos(jnp.arange(result.size, dtype=result.dtype)))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
