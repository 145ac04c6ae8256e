"""`Batcher`: requests that come together run together, in order, one batch at a time.

A batch begins as soon as the model is free: a request that comes alone waits for nothing. While a
batch runs others gather. The queue is bounded; a request that is not answered in time, or whose
client went, is left out of its batch.
"""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jkeras.serving.options import Options
from jkeras.serving.servable import Servable


class OverloadedError(RuntimeError):
    """The queue is full."""


class _Waiting(NamedTuple):
    arrays: Sequence[np.ndarray]
    shapes: Any
    answer: asyncio.Future[list[np.ndarray]]


class Batcher:
    """The queue of a model, and what empties it.

    Args:
      servable: the model.
      options: the bounds.
    """

    def __init__(self, servable: Servable, options: Options) -> None:
        self.servable, self._options = servable, options
        self._waiting: collections.deque[_Waiting] = collections.deque()
        self._thread = concurrent.futures.ThreadPoolExecutor(1, f"jkeras-{servable.name}")
        self._arrival = asyncio.Event()
        self._was_shared = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to compile, and then to answer; in the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def stop(self) -> None:
        """Answers what waits, and ends."""
        while self._waiting and self._task is not None and not self._task.done():
            await asyncio.sleep(0.01)
        if self._task is not None:
            self._task.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def predict(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs for the inputs of a request.

        Raises:
          OverloadedError: too many requests wait.
          TimeoutError: the answer took too long.
          TypeError, ValueError: the model does not take them.
        """
        if len(self._waiting) >= self._options.max_queue:
            raise OverloadedError(f"{self.servable.who}: too many requests wait. Try again later.")
        shapes = self.servable.check_shapes(arrays, self._options.max_shapes)
        answer: asyncio.Future[list[np.ndarray]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(arrays, shapes, answer))
        self._arrival.set()
        return await asyncio.wait_for(answer, self._options.predict_timeout)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self.servable.warm_up, self._options.max_batch)
        while True:
            await self._arrival.wait()
            if self._was_shared and self._options.window:
                await asyncio.sleep(self._options.window)  # more are likely to come
            batch = self._next_batch()
            if not self._waiting:
                self._arrival.clear()
            if batch:
                await self._answer(loop, batch)

    def _next_batch(self) -> list[_Waiting]:
        """The first requests that fit together."""
        batch: list[_Waiting] = []
        rows = 0
        while self._waiting:
            first = self._waiting[0]
            if first.answer.done():  # too late, or the client went
                self._waiting.popleft()
                continue
            size = len(first.arrays[0]) if self.servable.has_rows else 1
            alone = not self.servable.together or first.shapes != (batch or [first])[0].shapes
            if batch and (alone or rows + size > self._options.max_batch):
                break
            batch.append(self._waiting.popleft())
            rows += size
        self._was_shared = len(batch) > 1
        return batch

    async def _answer(self, loop: asyncio.AbstractEventLoop, batch: list[_Waiting]) -> None:
        arrays = batch[0].arrays
        if len(batch) > 1:
            listed = zip(*(waiting.arrays for waiting in batch), strict=True)
            arrays = [np.concatenate(each) for each in listed]
        try:
            outputs = await loop.run_in_executor(
                self._thread, self.servable.predict, arrays, self._options.max_batch
            )
        except Exception as error:  # of any class: the model's own code may raise what it likes
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        start = 0
        for waiting in batch:
            own = outputs
            if len(batch) > 1:
                end = start + len(waiting.arrays[0])
                own, start = [output[start:end] for output in outputs], end
            if not waiting.answer.done():
                waiting.answer.set_result(own)
