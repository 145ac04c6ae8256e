"""Searching with Ray Tune: trials in processes of their own, which go on where they stopped.

    python experiments/guides/ray_search.py --tiny

Each trial reports its logs and a checkpoint after every epoch. Ray ends trials that lag behind, and
starts one again whose process is gone: it goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import ray
from ray import tune

parser = argparse.ArgumentParser(description="Searching with Ray Tune.")
parser.add_argument("--tiny", action="store_true", help="two trials")
parser.add_argument("--output", type=Path, default=Path("results/ray_search"))
args = parser.parse_args()
epochs, rates = (2, [0.001, 0.1]) if args.tiny else (10, [0.0001, 0.001, 0.01, 0.1])

# -- a trial: it runs in a process of Ray, so it imports what it needs


def trial(config: dict[str, Any]) -> None:
    """Trains a model with the values that Ray chose."""
    import numpy as np

    import jkeras

    x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
    y = x.sum(1, keepdims=True)
    model = jkeras.Sequential([jkeras.Input((4,)), jkeras.layers.Dense(1)], seed=0)
    model.compile(jkeras.optimizers.SGD(config["learning_rate"]), "mse")
    report = jkeras.callbacks.RayTuneReport()
    model.fit(x, y, epochs=config["epochs"], validation_split=0.25, callbacks=[report], verbose=0)


# -- the search

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
folder = tempfile.TemporaryDirectory()
tuner = tune.Tuner(
    trial,
    param_space={"learning_rate": tune.grid_search(rates), "epochs": epochs},
    tune_config=tune.TuneConfig(metric="val_loss", mode="min", reuse_actors=True),
    run_config=tune.RunConfig(storage_path=folder.name, name="search", verbose=0),
)
best = tuner.fit().get_best_result()
print(f"best rate {best.config['learning_rate']}: {best.metrics['val_loss']:.4f}")

# -- its last checkpoint is the state of a run, as `BackupAndRestore` writes it

with best.checkpoint.as_directory() as checkpoint:
    print("files of the checkpoint:", sorted(path.name for path in Path(checkpoint).iterdir()))
ray.shutdown()
folder.cleanup()
