"""Expressions that take long: a thread evaluates them outside of transactions, and then the pipeline goes on.

A transaction that meets one leaves its step as it is, and asks for the value here. The values are remembered in this
process alone: after a crash they are evaluated again.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

from ..domain.expressions import Context
from ..domain.parameters import Json
from ..errors import Refused
from .context import Services

log = logging.getLogger("dataops_lab.pipelines")

MAX_ANSWERS = 10_000


class TakesLong(Exception):
    """The values of some expressions are not known yet."""


class QuestionKey(NamedTuple):
    run_id: str
    step_id: str
    expression: str
    item: str


@dataclass(frozen=True)
class Question:
    """An expression with the values behind its names. They stay the same while the run is there."""

    step_id: str
    expression: str
    context: Context

    @property
    def key(self) -> QuestionKey:
        return QuestionKey(self.context.run_id, self.step_id, self.expression, json.dumps(self.context.item))


class Answers:
    """The answers of this process. One thread looks for them."""

    def __init__(self) -> None:
        self._known: OrderedDict[QuestionKey, Json | Refused] = OrderedDict()
        self._asked: set[QuestionKey] = set()
        self._lock = Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="expressions")
        self._last: Future[None] | None = None

    def find(self, question: Question) -> Json:
        """Return the value, or raise why there is none. TakesLong when nobody has looked for it yet."""
        with self._lock:
            if question.key not in self._known:
                raise TakesLong
            answer = self._known[question.key]
        if isinstance(answer, Refused):
            raise answer
        return answer

    def look_for(self, ctx: Services, questions: Sequence[Question], then: Callable[[], None]) -> None:
        """Look for the answers in the thread, and call `then`. Those that are looked for already are left out."""
        with self._lock:
            new = [question for question in questions if question.key not in self._asked]
            self._asked.update(question.key for question in new)
        if new:
            self._last = self._thread.submit(self._answer, ctx, new, then)

    def wait(self) -> None:
        """Wait until the thread has done all its work."""
        while self._last is not None and not self._last.done():
            self._last.exception()

    def _answer(self, ctx: Services, questions: Sequence[Question], then: Callable[[], None]) -> None:
        try:
            for question in questions:
                try:
                    answer: Json | Refused = ctx.pipelines.evaluate(question.expression, question.context)
                except Refused as error:
                    answer = error
                with self._lock:
                    self._known[question.key] = answer
                    while len(self._known) > MAX_ANSWERS:
                        self._known.popitem(last=False)
            then()
        except Exception:
            # The engine goes on with all pipelines from time to time, and asks again.
            log.exception("The pipeline run %s cannot go on yet.", questions[0].context.run_id)
        finally:
            with self._lock:
                self._asked.difference_update(question.key for question in questions)


answers = Answers()
