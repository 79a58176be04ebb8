"""One guarded POST of JSON: to the address that was checked, without redirects, within a time and a size."""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from ssl import SSLContext, SSLError
from urllib.parse import SplitResult, urlsplit

import httpx

from ..errors import DeliveryFailed, InvalidRequest
from .guard import Guard

TIMEOUT_S = 30.0
"""The time that a call may take in all."""
CONNECT_TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 16 * 1024
_MAX_URL_LENGTH = 4000
_NO_URL = "The address is not a URL such as https://hooks.example.org/…"
_LATER = frozenset(
    [HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.CONFLICT]
)


@dataclass(frozen=True)
class Answer:
    """The beginning of the answer of a receiver that has taken a message."""

    status: int
    text: str


def check_url(url: str, guard: Guard) -> None:
    """Raise InvalidRequest unless messages may be sent to such a URL. The text does not repeat the URL, a secret."""
    parts = _split(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise InvalidRequest(_NO_URL, code="invalid_address")
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest("The address has a user name or password in it. Leave it out.", code="invalid_address")
    if parts.scheme == "http" and not guard.allows_inside(parts.hostname):
        raise InvalidRequest(
            "The address begins with http://, so everybody on the way could read it. Use https://, or let an "
            "administrator of the server allow the host by the setting `notification_hosts`.",
            code="invalid_address",
        )


def post(
    url: str, body: bytes, guard: Guard, *, name: str, headers: Mapping[str, str], timeout_s: float = TIMEOUT_S
) -> Answer:
    """Send `body` as JSON and return the answer to it. DeliveryFailed unless the receiver has said that it took it.

    `name` is that of the receiver, for errors, which never have the URL.
    """
    try:
        check_url(url, guard)
    except InvalidRequest as error:
        raise DeliveryFailed(f"{name}: {error.message}", again=False, code=error.precise_code) from error
    parts = _split(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    address = guard.find_address(host, port)
    request = _request(parts, address, port, body, headers)
    try:
        # The whole exchange has one limit: a receiver that drips a byte now and then would outlast all others.
        response, text = asyncio.run(asyncio.wait_for(_exchange(request), timeout_s))
    except TimeoutError:
        raise DeliveryFailed(f"{name} did not answer within {timeout_s:g} seconds.", again=True) from None
    except httpx.TimeoutException:
        raise DeliveryFailed(f"{name} did not answer in time.", again=True) from None
    except httpx.HTTPError as error:
        raise DeliveryFailed(f"{name} could not be reached: {_reason(error)}.", again=True) from None
    return _judge(response, text, name)


def _split(url: str) -> SplitResult:
    try:
        if len(url) > _MAX_URL_LENGTH or not url.isascii() or not url.isprintable() or " " in url:
            raise ValueError
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise InvalidRequest(_NO_URL, code="invalid_address") from None
    return parts


def _request(parts: SplitResult, address: str, port: int, body: bytes, headers: Mapping[str, str]) -> httpx.Request:
    """Return a request to the address, with the name of the host in the header, and in TLS, where it is checked."""
    host = parts.hostname or ""
    pinned = f"[{address}]" if ":" in address else address
    shown = f"[{host}]" if ":" in host else host
    target = httpx.URL(parts._replace(netloc=f"{pinned}:{port}", fragment="").geturl())
    own = {
        "Host": shown if port in (80, 443) else f"{shown}:{port}",
        "Content-Type": "application/json",
        "User-Agent": "dataops_lab",
        "Accept-Encoding": "identity",
    }
    extensions = {"sni_hostname": host} if parts.scheme == "https" else {}
    return httpx.Request("POST", target, content=body, headers={**own, **headers}, extensions=extensions)


async def _exchange(request: httpx.Request) -> tuple[httpx.Response, str]:
    timeout = httpx.Timeout(TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    # No proxies: the guard has checked another address than that of a proxy.
    async with httpx.AsyncClient(verify=_tls(), timeout=timeout, trust_env=False, follow_redirects=False) as client:
        response = await client.send(request, stream=True)
        data = b""
        async for chunk in response.aiter_raw():
            data += chunk
            if len(data) >= MAX_ANSWER_BYTES:
                break
        await response.aclose()
    return response, data[:MAX_ANSWER_BYTES].decode(errors="replace")


@cache
def _tls() -> SSLContext:
    return httpx.create_ssl_context()


def _judge(response: httpx.Response, text: str, name: str) -> Answer:
    status = response.status_code
    if response.is_success:
        return Answer(status, text)
    if response.is_redirect or 300 <= status < 400:
        raise DeliveryFailed(f"{name} redirects, and redirects are not followed. Set its final address.", again=False)
    if status == HTTPStatus.GONE:
        raise DeliveryFailed(f"{name} is gone (410). Remove the target, or set its new address.", again=False)
    again = status >= 500 or status in _LATER
    phrase = f"{name} answered {status}{_word(text)}."
    hint = "" if again else " Check its address."
    raise DeliveryFailed(phrase + hint, again=again, after_s=_retry_after(response))


def _word(text: str) -> str:
    """Return the code that services such as Slack answer with, and no other text of theirs."""
    word = text.strip()
    return f" ({word})" if word.isascii() and word.replace("_", "").isalpha() and len(word) <= 60 else ""


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _reason(error: httpx.HTTPError) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SSLError):
            return f"its certificate or TLS is not accepted ({cause.reason or 'unknown'})"
        cause = cause.__cause__ or cause.__context__
    reasons: dict[type[httpx.HTTPError], str] = {
        httpx.ConnectError: "nothing accepts connections there",
        httpx.RemoteProtocolError: "it ended the connection",
        httpx.ReadError: "it broke the connection",
        httpx.WriteError: "it broke the connection",
    }
    return reasons.get(type(error), type(error).__name__)
