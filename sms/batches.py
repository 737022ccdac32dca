"""Doing together what many threads ask for at the same moment, as a database does with its commits.

A worker's threads spend their time waiting for Twilio. Were each to talk to PostgreSQL for itself, every text would
cost its own round trips, and every thread would keep a connection. So one thread does it for all (docs/adr/0019).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

import dramatiq
from django.db import InterfaceError, OperationalError, close_old_connections

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

MOST_AT_ONCE = 100
# While many ask, so long does the first wait for the others: it saves most of a burst's round trips.
GATHER_SECONDS = 0.02


class Batched(Generic[Asked, Answer]):
    """A function of one thing, done for all who ask at the same time.

    Until `start` is called, as in a shell or a test, each caller does its own in its own thread.

    Args:
      work: takes what was asked for, and answers each in its place. When it fails the answers are sought one by one,
        so that what is wrong with one harms no other.
    """

    def __init__(self, name: str, work: Callable[[Sequence[Asked]], Sequence[Answer]]) -> None:
        self._name, self._work = name, work
        self._waiting: SimpleQueue[tuple[Asked, Future[Answer]]] = SimpleQueue()
        self._is_started = False

    def start(self) -> None:
        """From now on a thread of its own does the work of this process."""
        self._is_started = True
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def __call__(self, asked: Asked) -> Answer:
        """Raises: what the work raises."""
        if not self._is_started:
            return self._work([asked])[0]
        future: Future[Answer] = Future()
        self._waiting.put((asked, future))
        return future.result()

    def _run(self) -> None:
        batch: list[tuple[Asked, Future[Answer]]] = []
        while True:
            are_many = len(batch) > 1
            batch = [self._waiting.get()]
            if are_many:
                time.sleep(GATHER_SECONDS)
            try:
                while len(batch) < MOST_AT_ONCE:
                    batch.append(self._waiting.get_nowait())
            except Empty:
                pass
            self._settle(batch)

    def _settle(self, batch: Sequence[tuple[Asked, Future[Answer]]]) -> None:
        try:
            close_old_connections()  # a fault here too is told to those who wait: else they would wait for ever
            answers = self._work([asked for asked, _ in batch])
        except Exception as error:
            # A database that is away would be as far for each alone, and keep all the others waiting.
            if len(batch) > 1 and not isinstance(error, (OperationalError, InterfaceError)):
                for one in batch:
                    self._settle([one])
                return
            for _, future in batch:
                future.set_exception(error)
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                future.set_result(answer)


class StartBatches(dramatiq.Middleware):
    """Starts them in every worker process."""

    def __init__(self, *batches: Batched[Any, Any]) -> None:
        self._batches = batches

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        for batch in self._batches:
            batch.start()
