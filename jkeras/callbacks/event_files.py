"""Files of events for TensorBoard, written by tensorboardX, and what its HParams page reads."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Mapping
from typing import Any

from jkeras.core.processes import follows

SECONDS = 10
"""How long after it was written a number is in its file, at the latest."""

_numbers = itertools.count()
"""Tells apart the files of writers that are opened within one second."""


def open_writer(folder: str) -> Any:
    """A `SummaryWriter` for a folder."""
    if follows():
        return _Silent()
    # Optional, and slow to import.
    from tensorboardX import SummaryWriter

    suffix = f".{os.getpid()}.{next(_numbers)}"
    return SummaryWriter(folder, flush_secs=SECONDS, filename_suffix=suffix)


def session_start(
    values: Mapping[str, bool | int | float | str], tags: Iterable[tuple[str, str]]
) -> list[Any]:
    """The summaries at the beginning of a run: the hyper-parameters, and which tags measure it.

    Args:
      values: the hyper-parameters.
      tags: the part of the run, such as "validation", and the tag of each scalar.
    """
    from tensorboardX.proto import api_pb2, plugin_hparams_pb2

    start = plugin_hparams_pb2.SessionStartInfo()
    infos = []
    for name, value in values.items():
        if isinstance(value, bool):
            start.hparams[name].bool_value, kind = value, "DATA_TYPE_BOOL"
        elif isinstance(value, str):
            start.hparams[name].string_value, kind = value, "DATA_TYPE_STRING"
        else:
            start.hparams[name].number_value, kind = float(value), "DATA_TYPE_FLOAT64"
        infos.append(api_pb2.HParamInfo(name=name, type=api_pb2.DataType.Value(kind)))
    metrics = [
        api_pb2.MetricInfo(name=api_pb2.MetricName(group=group, tag=tag)) for group, tag in tags
    ]
    experiment = api_pb2.Experiment(hparam_infos=infos, metric_infos=metrics)
    return [
        _summary("experiment", experiment=experiment),
        _summary("session_start_info", session_start_info=start),
    ]


def session_end(succeeded: bool) -> Any:
    """The summary at the end of a run."""
    from tensorboardX.proto import api_pb2, plugin_hparams_pb2

    status = api_pb2.Status.Value("STATUS_SUCCESS" if succeeded else "STATUS_FAILURE")
    end = plugin_hparams_pb2.SessionEndInfo(status=status)
    return _summary("session_end_info", session_end_info=end)


def _summary(name: str, **content: Any) -> Any:
    from tensorboardX.proto import plugin_hparams_pb2
    from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

    data = plugin_hparams_pb2.HParamsPluginData(version=0, **content).SerializeToString()
    plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=data)
    metadata = SummaryMetadata(plugin_data=plugin)
    return Summary(value=[Summary.Value(tag=f"_hparams_/{name}", metadata=metadata)])


class _Silent:
    """The writer of a process that follows another one, and writes nothing."""

    def __getattr__(self, name: str) -> _Silent:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> _Silent:
        return self
