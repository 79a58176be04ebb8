"""The address to which other programs send: the only one without a login, and so with nothing else in it.

The signature of the body takes the place of the login. A browser cannot sign, so there is nothing to protect from the
pages of others.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado.web import stream_request_body

from ..api_models import ReceiptModel
from ..domain.rate_limits import RateLimit
from ..domain.webhooks import HOOK_ID, MAX_BODY_BYTES, Delivery
from ..errors import DataOpsError, RequestTooLarge, TooManyRequests, UnsupportedMedia
from ..services import webhooks
from ..services.webhooks import Receipt
from .base import Answer, DataOpsHandler

HOOKS = f"/dataops/hooks/({HOOK_ID})"
"""The whole address. Nothing that begins or ends with it is open."""


class HookLimits:
    """How often deliveries may come: to one address, and to all of them, those that there are not included."""

    def __init__(self) -> None:
        self._of_address = RateLimit(per_s=2.0, burst=60)
        self._of_all = RateLimit(per_s=50.0, burst=200)

    def check(self, hook_id: str) -> None:
        """Raise TooManyRequests when this one is too many. It asks nobody whether there is such an address."""
        now_s = time.monotonic()
        wait_s = max(self._of_address.take(hook_id, now_s), self._of_all.take("", now_s))
        if wait_s:
            seconds = math.ceil(wait_s)
            raise TooManyRequests(
                f"More deliveries came than are taken at once. Send it again in {seconds} s.", retry_after_s=seconds
            )


@stream_request_body
class HookHandler(DataOpsHandler):
    def initialize(self, limits: HookLimits, **shared: Any) -> None:  # type: ignore[override]
        super().initialize(**shared)
        self._limits = limits
        self._chunks: list[bytes] = []
        self._size = 0

    def check_xsrf_cookie(self) -> None:
        """Check nothing: the cookie of a login has no meaning here, and only the signature counts."""

    async def prepare(self) -> None:
        """Refuse what need not be read. Neither answer depends on whether there is such an address."""
        await super().prepare()
        if self.request.method != "POST":
            return
        self._limits.check(self.path_args[0])
        self._check_size(int(self.request.headers.get("Content-Length", "0")))
        media_type = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise UnsupportedMedia("A delivery is JSON: send it with the content type application/json.")
        # A body in pieces does not say how long it is.
        self.request.connection.set_max_body_size(2 * MAX_BODY_BYTES)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        self._size += len(chunk)
        if self._size <= MAX_BODY_BYTES:
            self._chunks.append(chunk)
        return None

    @allow_unauthenticated
    async def post(self, hook_id: str) -> None:
        self._check_size(self._size)
        self.request.body = b"".join(self._chunks)
        headers = {name.lower(): value for name, value in self.request.headers.get_all()}
        receipt = await self.in_thread(self._receive, hook_id, Delivery(headers, self.request.body))
        status = HTTPStatus.OK if receipt.is_replay or not receipt.ticks else HTTPStatus.ACCEPTED
        content = ReceiptModel.from_domain(receipt).model_dump_json().encode()
        await self.reply(Answer(status, content, "application/json", {}))

    def _receive(self, hook_id: str, delivery: Delivery) -> Receipt:
        # Read the body only when it is known whose it is: to read a large one takes long.
        genuine = webhooks.check_signature(self.services, hook_id, delivery)
        body = self._json()
        return Receipt(()) if delivery.is_ping else webhooks.receive(self.services, genuine, body)

    def _check_size(self, size: int) -> None:
        if size > MAX_BODY_BYTES:
            raise RequestTooLarge(
                f"A delivery has at most {MAX_BODY_BYTES} bytes. Send a link to the data.", limit=MAX_BODY_BYTES
            )

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, DataOpsError) and "retry_after_s" in error.detail:
            self.set_header("Retry-After", str(error.detail["retry_after_s"]))
        super().write_error(status_code, **kwargs)
