"""The time that a kernel of the server takes to answer over its websocket, which a person feels at each keystroke."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

EVERY_S = 0.05


@contextmanager
def start_kernel(api: httpx.Client) -> Iterator[str]:
    """Start a kernel, and yield its id when it has answered."""
    kernel_id = str(api.post("/api/kernels", json={"name": "python3"}).raise_for_status().json()["id"])
    try:
        asyncio.run(_measure_answers(api, kernel_id, request_count=1))
        yield kernel_id
    finally:
        api.delete(f"/api/kernels/{kernel_id}")


@contextmanager
def measure_answers(api: httpx.Client, kernel_id: str) -> Iterator[list[float]]:
    """Ask the kernel again and again meanwhile. The list is filled at the end with the seconds of each request."""
    durations: list[float] = []
    stop = threading.Event()
    thread = threading.Thread(target=lambda: durations.extend(asyncio.run(_measure_answers(api, kernel_id, stop=stop))))
    thread.start()
    try:
        yield durations
    finally:
        stop.set()
        thread.join()


async def _measure_answers(
    api: httpx.Client, kernel_id: str, *, stop: threading.Event | None = None, request_count: int | None = None
) -> list[float]:
    """Ask until `stop` is set, or `request_count` times, and return the seconds of each request."""
    session, durations = uuid.uuid4().hex, []
    url = str(api.base_url).replace("http", "ws", 1).rstrip("/")
    request = HTTPRequest(
        f"{url}/api/kernels/{kernel_id}/channels?session_id={session}",
        headers={"Authorization": api.headers["Authorization"]},
    )
    connection = await websocket_connect(request)
    try:
        while not (stop and stop.is_set()) and (request_count is None or len(durations) < request_count):
            durations.append(await _round_trip(connection, session))
            await asyncio.sleep(EVERY_S)
    finally:
        connection.close()
    return durations


async def _round_trip(connection: WebSocketClientConnection, session: str) -> float:
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "kernel_info_request", "session": session, "version": "5.3"}
    request_id: dict[str, Any] = {"channel": "shell", "parent_header": {}, "metadata": {}, "content": {}}
    began = time.perf_counter()
    await connection.write_message(json.dumps({**request_id, "header": {**header, "username": "", "date": ""}}))
    while True:
        reply = await connection.read_message()
        if reply is None:
            raise ConnectionError("The websocket was closed.")
        message = json.loads(reply)
        if message["msg_type"] == "kernel_info_reply" and message["parent_header"]["msg_id"] == header["msg_id"]:
            return time.perf_counter() - began
