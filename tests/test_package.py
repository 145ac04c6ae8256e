"""The package as others get it: what the archives hold, that the wheel runs, what an import costs.

Nothing is downloaded: the archives are built with the build tool at hand, and the new environment
sees the dependencies of this one, but not this repository.
"""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Heavy or optional: imported when used, never with the package. (JAX imports filelock where it is.)
NOT_IMPORTED = (
    "PIL",
    "flax",
    "grain",
    "h5py",
    "keras",
    "matplotlib",
    "optuna",
    "orbax",
    "pyarrow",
    "ray",
    "rich",
    "safetensors",
    "sklearn",
    "tensorflow",
    "tensorflow_datasets",
    "torch",
)

TRAIN = """
import json
import jkeras

(x_train, y_train), (x_test, y_test) = jkeras.datasets.mnist.load_sample()
model = jkeras.Sequential([
    jkeras.layers.Input((28, 28)),
    jkeras.layers.Flatten(),
    jkeras.layers.Dense(32, activation="relu"),
    jkeras.layers.Dense(10, activation="softmax"),
])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
before = model.evaluate(x_test / 255.0, y_test, verbose=0)[1]
model.fit(x_train / 255.0, y_train, epochs=1, verbose=0)
after = model.evaluate(x_test / 255.0, y_test, verbose=0)[1]
print(json.dumps({"file": jkeras.__file__, "before": before, "after": after}))
"""

TRAIN_WITHOUT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if any(f"{name}.".startswith(f"{refused}.") for refused in sys.argv[1:]):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuse())

import numpy as np
import jkeras

model = jkeras.Sequential([jkeras.layers.Dense(1)])
model.compile(optimizer="sgd", loss="mse")
history = model.fit(np.ones((8, 3)), np.ones((8, 1)), epochs=2, verbose=0).history
first, second = history["loss"]
print(second < first)
"""


def output_of(*command: str | Path, folder: Path, **variables: str) -> str:
    """What a command prints, run in `folder`; a failure shows all of it."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_here(script: str, *arguments: str, folder: Path) -> str:
    """What a script prints that imports the package from this repository."""
    return output_of(sys.executable, "-c", script, *arguments, folder=folder, PYTHONPATH=str(ROOT))


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive, and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder))
    output_of(*build, str(ROOT), folder=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(archives: Path) -> Path:
    """The one wheel there is."""
    (file,) = archives.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment: the wheel, and behind it the dependencies of this one."""
    folder = tmp_path_factory.mktemp("venv")
    output_of(sys.executable, "-m", "venv", "--without-pip", folder, folder=folder)
    python = folder / "bin" / "python"
    install = ("-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel)
    output_of(sys.executable, *install, folder=folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def package_files() -> set[str]:
    """The files of the package in this repository, as they are named in an archive."""
    files = (file for file in (ROOT / "jkeras").rglob("*") if file.is_file())
    return {str(file.relative_to(ROOT)) for file in files if "__pycache__" not in file.parts}


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == package_files()
    assert {"jkeras/py.typed", "jkeras/datasets/files/mnist_sample.npz"} <= names


def test_sdist_holds_what_the_wheel_is_built_from(archives: Path) -> None:
    (file,) = archives.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    beside = {"CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", ".gitignore", "PKG-INFO"}
    assert names == package_files() | beside


def test_metadata_agrees_with_the_package(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    (info,) = tmp_path.glob("*.dist-info")
    metadata = PathDistribution(info).metadata
    version = run_here("import jkeras; print(jkeras.__version__)", folder=tmp_path).strip()
    assert (metadata["Name"], metadata["Version"]) == ("jkeras", version)
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(metadata.get_all("Provides-Extra") or ()) == {
        "plots",
        "tensorboard",
        "cuda",
        "cuda13",
        "stablehlo",
        "onnx",
        "litert",
        "export",
        "grain",
        "optuna",
        "ray",
        "serve",
        "sklearn",
        "wandb",
        "mlflow",
        "docs",
        "test",
    }


def test_wheel_trains_in_an_environment_of_its_own(installed: Path, tmp_path: Path) -> None:
    result = json.loads(output_of(installed, "-c", TRAIN, folder=tmp_path).splitlines()[-1])
    assert Path(result["file"]).is_relative_to(installed.parents[1])
    assert result["before"] < 0.4
    assert result["after"] > 0.8


def test_import_brings_in_nothing_heavy(tmp_path: Path) -> None:
    script = "import sys, jkeras; print(sorted(set(sys.argv[1:]) & set(sys.modules)))"
    assert run_here(script, *NOT_IMPORTED, folder=tmp_path) == "[]\n"


def test_trains_where_the_optional_packages_are_missing(tmp_path: Path) -> None:
    assert run_here(TRAIN_WITHOUT, *NOT_IMPORTED, folder=tmp_path) == "True\n"
