"""The stream to PID 1 of a container: frames over the stdin and stdout of a relay that is executed there."""

from __future__ import annotations

import io
import json
import socket
import struct
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from ...ports import Blobs, Bundle
from ...rundir import protocol
from . import init
from .container_spec import PYTHON, tmpfs_bytes

if TYPE_CHECKING:
    from docker import APIClient

RELAY_PROGRAM = f"""
import array, os, socket, time
link = socket.socket(socket.AF_UNIX)
for _ in range(3000):
    try:
        link.connect({init.ADDRESS!r})
        break
    except OSError:
        time.sleep(0.01)
link.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1]))])
os.close(0), os.close(1)
link.recv(1)
"""
"""A program that lends its stdin and stdout to PID 1, which may not listen yet, and stays until they are given back."""

CONNECT_TIMEOUT_S = 60.0
MAX_HEADER_BYTES = 1024**2
MAX_BODY_BYTES = 512 * 1024**2


MAX_FILES = protocol.MAX_ARTIFACTS + 10
"""The most files of one attempt: its artifacts, and those that a runner always leaves."""


class StreamCut(ConnectionError):
    """The container, the daemon or the way to it is gone. The daemon may tell which one."""


class QuotaExceeded(ValueError):
    """More bytes arrive than a container of this size can hold, or more files than a run may leave."""


class Stream:
    """A stream. Data from it is not trusted, because the notebook runs beside PID 1 as the same user."""

    def __init__(self, client: APIClient, container: str) -> None:
        execution = client.exec_create(
            container, [PYTHON, "-S", "-E", "-c", RELAY_PROGRAM], stdin=True, stdout=True, stderr=False
        )
        response: Any = client.exec_start(execution["Id"], socket=True)
        self._response = response  # this object would close the socket when it goes away
        # The SocketIO that docker returns for some kinds of hosts cannot be written to.
        self._socket: socket.socket = getattr(response, "_sock", response)
        self._socket.settimeout(CONNECT_TIMEOUT_S)
        self._stdout = StdoutDemuxer(self._socket)
        try:
            # PID 1 says nothing unasked: bytes that came with the head of the answer would be lost in docker's buffer.
            self.send("hello")
            header, _ = self.receive()
            self.state = str(header["state"])
        except BaseException:
            self.close()
            raise
        self._socket.settimeout(None)

    def send(self, action: str, body: bytes | None = None, **header: Any) -> None:
        header["do"] = action
        if body is not None:
            header["size"] = len(body)
        try:
            self._socket.sendall(json.dumps(header).encode() + b"\n")
            if body is not None:
                self._socket.sendall(body)
        except OSError as error:
            raise StreamCut(str(error)) from error

    def send_file(self, action: str, body: IO[bytes], **header: Any) -> None:
        """Send a command with the whole of `body`, from its start. Raise StreamCut when that fails."""
        size = body.seek(0, io.SEEK_END)
        body.seek(0)
        try:
            self._socket.sendall(json.dumps({**header, "do": action, "size": size}).encode() + b"\n")
            self._socket.sendfile(body)
        except OSError as error:
            raise StreamCut(str(error)) from error

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """Wait for the next frame. Raise StreamCut when none will come."""
        try:
            line = self._stdout.line(MAX_HEADER_BYTES)
            header = json.loads(line)
            size = int(header.get("size", 0))
            if not 0 <= size <= MAX_BODY_BYTES:
                raise ValueError(f"a frame of {size} bytes")
            return header, self._stdout.exactly(size)
        except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise StreamCut(str(error)) from error

    def close(self) -> None:
        """Close the stream. A thread that waits in `receive` gets StreamCut."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
        self._response.close()


class StdoutDemuxer:
    """The stdout of a program, taken out of the packets in which Docker mixes it with stderr."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._buffer = bytearray()
        self._raw = bytearray()

    def line(self, limit: int) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > limit:
                raise ValueError("a header without end")
            self._fill_buffer()
        return self._consume(end + 1)

    def exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill_buffer()
        return self._consume(size)

    def _consume(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _fill_buffer(self) -> None:
        while len(self._raw) < 8 or len(self._raw) < 8 + struct.unpack_from(">L", self._raw, 4)[0]:
            data = self._source.recv(1024 * 1024)
            if not data:
                raise StreamCut("closed")
            self._raw += data
        size = struct.unpack_from(">L", self._raw, 4)[0]
        if self._raw[0] == 1:
            self._buffer += self._raw[8 : 8 + size]
        del self._raw[: 8 + size]


# --- into the container ---


def write_code(target: IO[bytes]) -> None:
    """Write the runner as a package of its own: the image need not have dataops_lab."""
    with tarfile.open(fileobj=target, mode="w") as tar:
        _add_code(tar)


def write_bundle(bundle: Bundle, blobs: Blobs, target: IO[bytes]) -> None:
    """Write code and run directory as a tar. It holds no secrets."""
    with tarfile.open(fileobj=target, mode="w") as tar:
        _add_code(tar)
        for folder in ("", protocol.FILES, f"{protocol.FILES}/{bundle.spec['folder']}"):
            _add_folder(tar, f"run/{folder}".rstrip("/"))
        for file in bundle.files:
            with blobs.open(file.digest) as content:
                _add(tar, f"run/{protocol.FILES}/{file.path}", content, 0o755 if file.executable else 0o644)
        if bundle.notebook is not None:
            _add(tar, f"run/{protocol.INPUT}", io.BytesIO(bundle.notebook))
        _add(tar, f"run/{protocol.SPEC}", io.BytesIO(json.dumps(bundle.spec).encode()))


def _add_code(tar: tarfile.TarFile) -> None:
    _add(tar, "code/dataops_lab/__init__.py", io.BytesIO())
    package = Path(protocol.__file__).parents[1]
    for source in sorted(path for folder in ("rundir", "runner") for path in (package / folder).rglob("*.py")):
        name = source.relative_to(package).as_posix()
        _add(tar, f"code/dataops_lab/{name}", io.BytesIO(source.read_bytes()))


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = content.seek(0, io.SEEK_END)
    content.seek(0)
    entry.mode = mode
    entry.mtime = time.time()  # A notebook cannot put a file of 1970 into a zip archive.
    tar.addfile(entry, content)


def _add_folder(tar: tarfile.TarFile, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    tar.addfile(entry)


# --- out of the container ---


def received_sizes(directory: Path) -> dict[str, int]:
    """Return the sizes of the files that have arrived, for `follow`, but not the notebook: it is always sent whole."""
    return {
        name: path.stat().st_size
        for path in directory.rglob("*")
        if path.is_file() and is_expected_path(name := path.relative_to(directory).as_posix())
    }


class FileQuota:
    """The limit of the run directory of one attempt: the files that a container with `memory` can hold.

    PID 1 counts, too, but it cannot be trusted with the notebook beside it. A file may have holes, which take no room
    in the container.
    """

    def __init__(self, directory: Path, memory: int | None) -> None:
        self._max_bytes = tmpfs_bytes(memory) + init.MAX_HOLE_BYTES
        self._sizes = received_sizes(directory)
        self._used_bytes = sum(self._sizes.values())

    def reserve(self, header: Mapping[str, Any], size: int) -> None:
        """Keep space for a `data` or `file` frame, before it is put. Raise QuotaExceeded when there is none."""
        name = str(header["path"])
        end_offset = int(header.get("at", 0)) + size
        self._used_bytes += end_offset - self._sizes.get(name, 0)
        self._sizes[name] = end_offset
        if self._used_bytes > self._max_bytes:
            raise QuotaExceeded(
                f"It left more than {self._max_bytes / 1024**2:.0f} MiB of files, for which its memory has no room. "
                "Let it write less, or files without holes."
            )
        if len(self._sizes) > MAX_FILES:
            raise QuotaExceeded(f"It left more than {MAX_FILES} files. Let it write fewer.")


def write_frame(directory: Path, header: Mapping[str, Any], body: bytes) -> None:
    """Put the body of a `data` or `file` frame into the run directory. ValueError for a path that no runner writes."""
    name = str(header["path"])
    path = directory / name
    if header["is"] == "file" and name == protocol.OUTPUT:
        part = directory / f"{name}.part"
        part.write_bytes(body)
        part.replace(path)
        return
    if not is_expected_path(name):
        raise ValueError(f"a file {name!r} that no runner writes")
    offset = int(header["at"])
    if not 0 <= offset <= (path.stat().st_size if path.exists() else 0):
        raise ValueError(f"bytes of {name!r} behind its end")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("r+b" if path.exists() else "xb") as file:
        file.truncate(offset)
        file.seek(offset)
        file.write(body)


def is_expected_path(name: str) -> bool:
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or parts[0] == "/":
        return False
    return name in _RUNNER_FILES or (parts[0] == protocol.ARTIFACTS and 1 < len(parts) <= protocol.MAX_DEPTH + 2)


_RUNNER_FILES = frozenset({protocol.JOURNAL, protocol.LOG, protocol.VALUES, protocol.RESULT})
