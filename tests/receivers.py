"""Receivers of messages on this machine, real ones: an HTTP server and a mail server, which fail when told to."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .waiting import TIMEOUT_S


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebReceiver:
    """`answers` are taken in turn, each (status, headers, body); then all is well."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    hangs: bool = False
    """True: it answers only when `released` is set."""
    released: Event = field(default_factory=Event)
    drip: bool = False
    """True: it sends a byte of the answer now and then, without an end, until `released` is set."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/secret-part"

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.answers.append((status, {name.replace("_", "-"): value for name, value in headers.items()}, body))


@contextmanager
def web_receiver(tls: ssl.SSLContext | None = None) -> Iterator[WebReceiver]:
    receiver = WebReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.received.append(Received(self.path, dict(self.headers.items()), body))
            if receiver.hangs:
                receiver.released.wait()
            if receiver.drip:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not receiver.released.wait(0.05):
                    self.wfile.write(b"x")
                    self.wfile.flush()
                return
            status, headers, text = receiver.answers.pop(0) if receiver.answers else (200, {}, b"ok")
            self.send_response(status)
            for name, value in {"Content-Length": str(len(text)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Say nothing: the other side has ended the connection, which is what many tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class MailReceiver:
    """`answers` are taken in turn by RCPT and by the end of DATA: a line such as `451 Later`, or None."""

    port: int = 0
    taken: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    rcpt_answers: list[str | None] = field(default_factory=list)
    data_answers: list[str | None] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    password: bytes = b"right"
    before_answer: Callable[[], None] = lambda: None
    """It is called when a mail is there, before that is said."""

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(data, policy=policy.default) for _, _, data in self.taken]  # type: ignore[misc]

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if self.rcpt_answers and (answer := self.rcpt_answers.pop(0)):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        answer = self.data_answers.pop(0) if self.data_answers else None
        if answer:
            return answer
        self.taken.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        self.before_answer()
        return "250 OK"

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == self.password, handled=False)


@contextmanager
def mail_receiver(tls: ssl.SSLContext | None = None, *, implicit: bool = False, login: bool = False, port: int = 0):
    receiver = MailReceiver()
    options: dict[str, Any] = {"server_hostname": "mail.test"}
    if login:
        options |= {"authenticator": receiver.authenticate, "auth_required": True, "auth_require_tls": False}
    if tls and not implicit:
        options |= {"tls_context": tls, "require_starttls": True}
    controller = Controller(
        receiver,
        hostname="127.0.0.1",
        port=port or free_port(),
        ssl_context=tls if implicit else None,
        ready_timeout=TIMEOUT_S,
        **options,
    )
    # Its own way to see whether it has started knows nothing of TLS.
    controller._trigger_server = lambda: _greet(controller.port, implicit)  # type: ignore[method-assign]
    controller.start()
    receiver.port = controller.port
    try:
        yield receiver
    finally:
        controller.stop()


def _greet(port: int, implicit: bool) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        if implicit:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = context.wrap_socket(connection)  # noqa: PLW2901
        connection.recv(100)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def certificate_for(name: str, folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for a host. Return the context of its server, and the file that others trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, own_key = folder / f"{name}.pem", folder / f"{name}.key"
    trusted.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    own_key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, own_key)
    return context, trusted
