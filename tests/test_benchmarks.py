"""The benchmark suite's own logic: what runs when, what the tables say, and that models are equal.

Laws:
  - Every peer trains the same model: as many weights, and scores for ten classes.
  - A peer that fails is a line of the report and hinders nobody.
  - Results that are read from their file give the report that was written with them.
"""

import importlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.layers import BatchNormalization, Conv2D, Dense

BENCHMARKS = Path(__file__).parents[1] / "experiments" / "benchmarks"
sys.path += [str(BENCHMARKS), str(BENCHMARKS / "peers")]  # as for the scripts themselves
machine, plot, registry, report, runs = (
    importlib.import_module(f"suite.{name}")
    for name in ("machine", "plot", "registry", "report", "runs")
)
calls, compare, scale, serving_latency = (
    importlib.import_module(name) for name in ("calls", "compare", "scale", "serving_latency")
)
blocks, common, face, linen, raw = (
    importlib.import_module(name)
    for name in ("jkeras_blocks", "common", "keras_models", "flax_linen", "raw_models")
)
MACHINE = {"cpu": "Abacus", "cores": "2", "system": "Linux x86_64", "Python": "3.11.7"}


def results_of(*found: tuple[str, str, dict[str, float]], **failures: str) -> Any:
    """Results with one run for each (model, peer, figures)."""
    shared = {"task": "train", "turn": 1, "device": "cpu", "examples": 1000}
    rows = [{"model": model, "peer": peer, **shared, **own} for model, peer, own in found]
    settings = {"rounds": 2, "epochs": 4, "cold": False}
    failed = {name.replace("__", " ").replace("_", "-"): why for name, why in failures.items()}
    return runs.Results(MACHINE, settings, rows, failed)


def settings_in(folder: Path, **changes: Any) -> Any:
    return runs.Settings(folder / "data.npz", folder / "cache", 4, 60.0)._replace(**changes)


def described(jobs: Any) -> list[str]:
    return [f"{job.turn} {job.task} {job.model} {job.peer}" for job in jobs]


def test_peers_take_turns_and_the_first_turn_only_warms() -> None:
    jobs = runs.jobs(["mlp"], ["jkeras", "torch"], 1, tiny=False)
    assert described(jobs) == [
        "0 train mlp jkeras",
        "0 train mlp torch",
        "1 train mlp jkeras",
        "1 train mlp torch",
        "1 first step mlp jkeras",
        "1 first step mlp torch",
    ]


def test_a_peer_runs_only_the_models_it_has() -> None:
    jobs = runs.jobs(["resnet", "deep"], ["raw-scan", "flax-nnx"], 1, tiny=False)
    assert described(jobs) == [
        "0 train resnet flax-nnx",
        "1 train resnet flax-nnx",
        "1 first step resnet flax-nnx",
        "0 first step deep raw-scan",
        "1 first step deep raw-scan",
    ]


def test_a_tiny_run_touches_every_model() -> None:
    jobs = list(runs.jobs(list(registry.MODELS), list(registry.TINY_PEERS), 1, tiny=True))
    assert {job.model for job in jobs if job.peer == "jkeras"} == set(registry.MODELS)
    assert {job.turn for job in jobs} == {1}
    assert len(jobs) == len(registry.MODELS) + 1


def test_only_the_first_step_is_always_compiled_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "somewhere")
    monkeypatch.delenv("JKERAS_COMPILATION_CACHE", raising=False)

    def caches(task: str, **changes: Any) -> tuple[bool, bool]:
        job = runs.Job("mlp", "jkeras", task, 1)
        found = runs.environment(job, settings_in(tmp_path, **changes))
        return found.get("JKERAS_COMPILATION_CACHE") != "0", "JAX_COMPILATION_CACHE_DIR" in found

    assert caches("train") == (True, True)
    assert caches("train", cold=True) == (False, False)
    assert caches("first step") == (False, False)


def test_a_peer_that_raises_or_dawdles_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = runs.Job("mlp", "jkeras", "train", 1)
    for code, timeout, message in (
        ("raise ValueError('too many rows')", 60.0, "ValueError: too many rows"),
        ("import os; os._exit(9)", 60.0, "exit status 9"),
        ("import time; time.sleep(60)", 0.5, "stopped after 0.5 s"),
    ):
        monkeypatch.setattr(runs, "command", lambda *_, c=code: [sys.executable, "-c", c])
        with pytest.raises(runs.PeerFailed) as caught:
            runs.run(job, settings_in(tmp_path, timeout=timeout))
        assert str(caught.value) == message


def test_a_failure_is_noted_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(job: Any, _: Any) -> dict[str, Any]:
        if job.peer == "torch":
            raise runs.PeerFailed("out of memory")
        return {**job._asdict(), "epoch_s": 2.0, "first_step_s": 1.0, "total_s": 9.0}

    monkeypatch.setattr(runs, "run", run)
    said: list[str] = []
    results = results_of()
    todo = runs.jobs(["mlp"], ["torch", "jkeras"], 1, tiny=False)
    assert sum(1 for _ in runs.measure(todo, settings_in(tmp_path), results, said.append)) == 4
    assert results.failures == {"mlp torch": "out of memory"}
    assert [(run["peer"], run["task"], run["turn"]) for run in results.runs] == [
        ("jkeras", "train", 1),
        ("jkeras", "first step", 1),
    ]
    assert said[0] == "mlp torch: failed, out of memory"


def test_a_section_has_medians_ratios_spread_and_failures() -> None:
    figures = {"total_s": 400.0, "accuracy": 0.98, "weights": 101770}
    results = results_of(
        ("mlp", "jkeras", {"epoch_s": 0.25, **figures}),
        ("mlp", "jkeras", {"epoch_s": 0.75, **figures}),
        ("mlp", "keras-jax", {"epoch_s": 2.0, "total_s": 800.0, "accuracy": 0.97}),
        mlp__keras_torch="killed",
    )
    found = report.medians(results)
    assert report.section(results, found, "mlp").splitlines() == [
        "## mlp: dense 784-128-10; SGD, batch 32, 1,000 digits",
        "",
        "| peer | epoch, s | spread | whole script, s | test accuracy | weights |",
        "|---|---|---|---|---|---|",
        "| jkeras | 0.5 (0.25) | 100% | 400 (0.50) | 0.9800 | 101,770 |",
        "| keras-jax | 2 (1.00) | – | 800 (1.00) | 0.9700 | – |",
        "| keras-torch | failed |  |  |  |  |",
    ]


def test_the_share_table_divides_jkeras_by_each_peer() -> None:
    results = results_of(
        ("mlp", "jkeras", {"epoch_s": 0.5}),
        ("cnn", "jkeras", {"epoch_s": 8.0}),
        ("mlp", "keras-jax", {"epoch_s": 2.0}),
        ("cnn", "torch", {"epoch_s": 16.0}),
        cnn__keras_jax="killed",
    )
    table = report.share_table(results, report.medians(results), ["mlp", "cnn", "deep"], "epoch_s")
    assert table.splitlines() == [
        "| jkeras over | mlp | cnn |",
        "|---|---|---|",
        "| keras-jax | 0.25 | failed |",
        "| torch | – | 0.50 |",
    ]


def test_ratios_go_to_keras_on_jax_or_else_to_a_loop() -> None:
    three = [(("mlp"), peer, {"epoch_s": 1.0}) for peer in ("jkeras", "raw-scan", "keras-jax")]
    assert report.base(report.medians(results_of(*three))) == "keras-jax"
    assert report.base(report.medians(results_of(*three[:2]))) == "raw-scan"
    assert report.base(report.medians(results_of(*three[:1]))) is None


def test_the_bars_are_epochs_or_first_steps() -> None:
    found = report.medians(
        results_of(
            ("mlp", "jkeras", {"epoch_s": 0.5, "first_step_s": 9.0}),
            ("mlp", "keras-jax", {"epoch_s": 2.0, "first_step_s": 9.0}),
            ("deep", "jkeras", {"first_step_s": 3.0}),
            ("deep", "keras-jax", {"first_step_s": 6.0}),
        )
    )
    assert plot.bars(found, "mlp") == {"jkeras": 0.25, "keras-jax": 1.0}
    assert plot.bars(found, "deep") == {"jkeras": 0.5, "keras-jax": 1.0}
    assert plot.bars(found, "cnn") == {}


def test_kept_results_give_the_same_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = results_of(
        ("mlp", "jkeras", {"epoch_s": 0.5}), ("mlp", "keras-jax", {"epoch_s": 2.0})
    )
    results.skipped["torch"] = "torch not installed"
    results.save(tmp_path / "results.json")
    compare.main(["--from", str(tmp_path / "results.json"), "--output", str(tmp_path / "again")])
    written = (tmp_path / "again" / "benchmarks.md").read_text()
    assert written == report.page(results)
    assert "- torch was not run: torch not installed." in written.splitlines()
    assert (tmp_path / "again" / "benchmarks.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert written in capsys.readouterr().out


def test_results_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    with pytest.raises(ValueError) as caught:
        runs.Results.load(path)
    assert str(caught.value) == (
        f"{path}: expected a results.json that compare.py wrote, got no file. "
        "Measure first, without --from."
    )
    path.write_text(json.dumps({"speed": 1}))
    with pytest.raises(ValueError) as caught:
        runs.Results.load(path)
    assert str(caught.value) == (
        f"{path}: expected a results.json that compare.py wrote, got something else: "
        "Results.__init__() got an unexpected keyword argument 'speed'."
    )


def test_the_machine_is_one_line() -> None:
    described = {**MACHINE, "jax": "0.10.2"}
    expected = "Abacus, 2 cores, Linux x86_64, Some GPU, Python 3.11.7, jax 0.10.2."
    assert machine.line(described, ["Some GPU", "cpu"]) == expected
    assert {"cores", "system", "Python", "jax", "numpy"} <= set(machine.describe())


def test_the_peak_is_that_of_the_own_process() -> None:
    code = "import common; print(common.peak_mb())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(BENCHMARKS / "peers")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert 5 < float(done.stdout) < common.peak_mb() / 2  # this process has imported JAX


def test_an_epoch_of_batches_is_shuffled_and_whole() -> None:
    found = list(common.batches(np.random.default_rng(0), 10, 3))
    assert [len(batch) for batch in found] == [3, 3, 3]
    assert len(set(np.concatenate(found).tolist())) == 9


def test_a_share_counts_every_example() -> None:
    labels = np.arange(2500)
    assert common.share(lambda x, y: (y % 5 == 0).sum(), labels, labels) == 0.2


def jkeras_net(model: str) -> tuple[Any, Any]:
    """The chain and one batch of inputs, without weights."""
    joiner = face.JkerasJoiner(jkeras)
    shape, body = face.MODELS[model](joiner, 3)
    return jkeras.models.Chain(body), jax.ShapeDtypeStruct((4, *shape), jnp.float32)


def size(tree: Any) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize("model", registry.MODELS)
def test_jkeras_and_the_hand_written_models_are_the_same(model: str) -> None:
    net, inputs = jkeras_net(model)
    key = jax.random.key(0)
    params, state = jax.eval_shape(net.init, key, inputs)
    function, shapes, state_shapes = raw.find(model, 3)
    raw_params, raw_state = (
        jax.eval_shape(lambda k, s=s: raw.init(s, k), key) for s in (shapes, state_shapes)
    )
    assert (size(params), size(state)) == (size(raw_params), size(raw_state))
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        scores, new = jax.eval_shape(
            lambda *args: function(*args, True), raw_params, raw_state, inputs, key
        )
    assert (scores.shape, new) == ((4, 10), raw_state)


@pytest.mark.parametrize("model", [name for name in linen.BODIES if name != "gru"])
def test_jkeras_and_linen_models_are_the_same(model: str) -> None:
    net, inputs = jkeras_net(model)
    key = jax.random.key(0)
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        variables = jax.eval_shape(lambda k, x: linen.Net(model).init(k, x, False), key, inputs)
    assert size(variables) == size(jax.eval_shape(net.init, key, inputs))


def test_a_residual_block_is_a_sum_of_two_ways() -> None:
    chain = jkeras.models.Chain
    x = jnp.arange(6.0).reshape(2, 3)
    doubled = Dense(3, use_bias=False, kernel_initializer="identity")
    block = blocks.Residual(chain([doubled]), chain([]))
    params, state = block.init(jax.random.key(0), x)
    np.testing.assert_array_equal(block.apply(params, state, x)[0], 2 * x)
    assert blocks.Twice().apply({}, {}, x) == ((x, x), {})


def test_a_residual_block_does_not_see_filler_rows() -> None:
    chain = jkeras.models.Chain
    block = blocks.Residual(chain([BatchNormalization()]), chain([]))
    x = jnp.arange(6.0).reshape(3, 2)
    params, state = block.init(jax.random.key(0), x)
    filled = jnp.concatenate([x, jnp.zeros((2, 2))])
    rows = jnp.arange(5) < 3
    outputs, new = block.apply(params, state, filled, training=True, rows=rows)
    expected, expected_new = block.apply(params, state, x, training=True)
    np.testing.assert_allclose(outputs[:3], expected, rtol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), new, expected_new)


def test_a_stream_of_rows_can_be_started_again_and_repeats_what_it_holds() -> None:
    stream = scale.Rows((scale.POOL + 2) * scale.BATCH + 5)
    assert len(stream) == scale.POOL + 2
    first, again = list(stream), list(stream)
    assert len(first) == len(again) == len(stream)
    np.testing.assert_array_equal(first[-1][0], first[1][0])
    np.testing.assert_array_equal(first[3][1], again[3][1])


def test_the_small_residual_network_has_twenty_convolutions() -> None:
    model = calls.made_model(jkeras, "residual", "adam", calls.DEPTH)
    convolutions = [layer for layer in model.layers if isinstance(layer, Conv2D)]
    assert len(convolutions) == 20 and model.output_shape == (None, 10)


def test_every_call_is_measured_and_predict_for_one_example_only() -> None:
    found = calls.cases(["dense"], [32, 1])
    assert [case.call for case in found if case.batch == 1] == list(calls.CALLS)
    assert [case.call for case in found if case.batch == 32] == [
        call for call in calls.CALLS if call != "predict"
    ]


def answering(requests: list[Any], peer: str, *answers: Any) -> Any:
    """A peer that gives these answers in turn, the last one again and again."""
    rest = list(answers)

    def ask(**request: Any) -> Any:
        requests.append((peer, request["what"], request.get("count")))
        answer = rest.pop(0) if len(rest) > 1 else rest[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def test_two_libraries_take_turns_with_a_call_and_the_median_of_all_counts() -> None:
    requests: list[Any] = []
    seconds: list[Any] = [{"seconds": [0.001, 0.002]}, {"seconds": [0.003, 0.009]}]
    peers = {
        "jkeras": answering(requests, "jkeras", *seconds),
        "keras-jax": answering(requests, "keras-jax", {"seconds": [0.005]}),
    }
    case = calls.Case("fit", "dense", 1)
    found = calls.measure(case, peers, 4, 2, requests.append)
    assert requests == [("jkeras", "seconds", 2), ("keras-jax", "seconds", 2)] * 2
    assert found == {"jkeras": pytest.approx(2.5), "keras-jax": pytest.approx(5.0)}
    assert calls.row(case, found)["ratio"] == pytest.approx(0.5)
    requests.clear()
    calls.measure(calls.Case("epoch, watched", "dense", 1), peers, 200, 5, requests.append)
    assert {count for _, _, count in requests} == {4}


def test_a_library_that_fails_is_asked_no_more_and_the_other_goes_on() -> None:
    requests: list[Any] = []
    peers = {
        "jkeras": answering(requests, "jkeras", runs.PeerFailed("TypeError: no")),
        "keras-jax": answering(requests, "keras-jax", {"seconds": [0.005]}),
    }
    said: list[str] = []
    case = calls.Case("fit", "dense", 1)
    found = calls.measure(case, peers, 4, 2, said.append)
    assert found == {"jkeras": "TypeError: no", "keras-jax": pytest.approx(5.0)}
    assert said == ["fit, dense, 1: jkeras failed, TypeError: no"]
    assert [peer for peer, *_ in requests] == ["jkeras", "keras-jax", "keras-jax"]
    assert calls.row(case, found)["ratio"] is None


def test_libraries_with_other_networks_are_not_compared() -> None:
    def peers(weights: int, loss: float) -> Any:
        given = {"jkeras": {"weights": 9, "loss": 1.0}}
        given["keras-jax"] = {"weights": weights, "loss": loss}
        return {name: answering([], name, answer) for name, answer in given.items()}

    calls.check_alike("dense", peers(9, 1.0005))
    for other, shown in (((8, 1.0), "'weights': 8, 'loss': 1.0"), ((9, 1.1), "'loss': 1.1")):
        with pytest.raises(ValueError) as caught:
            calls.check_alike("dense", peers(*other))
        assert str(caught.value).startswith("dense: expected equal numbers of weights and equal")
        assert shown in str(caught.value)


def test_a_missed_target_is_bold_and_a_missing_figure_a_dash() -> None:
    rows = [
        calls.row(calls.Case("fit", "dense", 1), {"jkeras": 1.0, "keras-jax": 1.25}),
        calls.row(calls.Case("model(x)", "dense", 32), {"jkeras": 1.0, "keras-jax": 1.25}),
        calls.row(calls.Case("predict", "dense", 1), {"jkeras": "out of memory"}),
    ]
    assert calls.table(rows).splitlines() == [
        "| call | network | batch | jkeras, ms | Keras, ms | ratio | target |",
        "|---|---|---|---|---|---|---|",
        "| fit | dense | 1 | 1 | 1.25 | 0.80 | 0.9 |",
        "| model(x) | dense | 32 | 1 | 1.25 | **0.80** | 0.5 |",
        "| predict | dense | 1 | failed | – | – | 1.0 |",
    ]


def test_a_library_measures_after_warming_up_and_says_what_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requests: list[dict[str, Any]] = [
        {"what": "describe", "network": "dense"},
        {"what": "seconds", "call": "fit", "network": "dense", "batch": 2, "count": 3},
        {"what": "seconds", "call": "epoch, watched", "network": "dense", "batch": 2, "count": 2},
        {"what": "seconds", "call": "fit", "network": "residual", "batch": 2, "count": 3},
    ]
    answers = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(map(json.dumps, requests))))
    monkeypatch.setattr(sys, "stdout", answers)
    calls.serve("jkeras", "sgd", tiny=True)
    monkeypatch.undo()
    described, fits, epochs, failed = map(json.loads, answers.getvalue().splitlines())
    assert described["weights"] == 20 * 64 + 64 + 64 * 64 + 64 + 64 + 1 and described["loss"] > 0
    assert len(fits["seconds"]) == 3 and min(fits["seconds"]) > 0
    assert len(epochs["seconds"]) == 2 and min(epochs["seconds"]) > 0
    assert failed == {"failure": "KeyError: 'residual'"}


def test_ways_to_an_answer_take_turns_agree_and_are_compared_with_keras() -> None:
    asked: list[str] = []

    def way(name: str, answer: float = 1.0) -> Any:
        return lambda x: (asked.append(name), np.full(2, answer))[1]

    ways = {"Keras, predict": way("Keras"), "served": way("served")}
    found = serving_latency.measured(ways, calls=2, turns=1)
    warming, counted = ["Keras"] * 2 + ["served"] * 2, ["Keras"] * 2 + ["served"] * 2
    assert asked == ["Keras", "Keras", "served", *warming, *counted]
    assert {name: len(seconds) for name, seconds in found.items()} == dict.fromkeys(ways, 2)
    with pytest.raises(AssertionError, match="served"):
        serving_latency.measured(ways | {"served": way("served", 2.0)}, calls=2, turns=1)
    listed = serving_latency.rows({"Keras, predict": [0.002, 0.002], "served": [0.001, 0.001]})
    assert serving_latency.table(listed).splitlines()[2:] == [
        "| Keras, predict | 2 | 2 | 1.00 |",
        "| served | 1 | 1 | 0.50 |",
    ]
