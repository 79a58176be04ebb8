"""Mail by one server, which administrators have named."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate
from threading import Timer

from ..domain.mail import MailServer, Security, check_address
from ..domain.notifications import Content, Destination, File
from ..errors import DeliveryFailed, InvalidRequest
from .guard import Guard

STEP_TIMEOUT_S = 20.0
"""The time that one answer of the server may take."""
TIMEOUT_S = 90.0
"""The time that a mail may take in all."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def mail_message(content: Content, server: MailServer, to: str, *, id: str) -> EmailMessage:
    """Return the mail: plain text, HTML with its images, and attachments. No text of it can become a header."""
    mail = EmailMessage(policy=SMTP_POLICY)
    sender = Address(display_name=server.sender_name, addr_spec=server.sender)
    mail["From"] = sender
    mail["To"] = Address(addr_spec=to)
    mail["Subject"] = _one_line(content.subject)
    mail["Date"] = formatdate(usegmt=True)
    # A server or a person that sees this id twice knows the second mail for a repetition.
    mail["Message-ID"] = f"<{id}@{sender.domain}>"
    # No answering machine answers this.
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(content.text, cte="quoted-printable")
    if content.html is not None:
        mail.add_alternative(_with_cids(content, id), subtype="html", cte="quoted-printable")
        html = mail.get_payload()[1]  # type: ignore[index]
        for number, image in enumerate(content.images):
            _attach(html, image, related=True, cid=f"<{_cid(number, id)}>")  # type: ignore[arg-type]
    for file in content.attachments:
        _attach(mail, file)
    return mail


def _with_cids(content: Content, id: str) -> str:
    html = content.html or ""
    for number, image in enumerate(content.images):
        html = html.replace(f'"cid:{image.name}"', f'"cid:{_cid(number, id)}"')
    return html


def _cid(number: int, id: str) -> str:
    return f"image-{number}.{id}@dataops-lab"


def _attach(part: EmailMessage, file: File, *, related: bool = False, cid: str | None = None) -> None:
    main, _, sub = file.media_type.partition(";")[0].strip().partition("/")
    if not re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", f"{main}/{sub}"):
        main, sub = "application", "octet-stream"
    name = _one_line(file.name).replace("/", "_").replace("\\", "_")[:200] or "file"
    if related:
        part.add_related(file.data, maintype=main, subtype=sub, cid=cid, filename=name, disposition="inline")
    else:
        part.add_attachment(file.data, maintype=main, subtype=sub, filename=name)


def _one_line(text: str) -> str:
    return " ".join(_UNSAFE.sub(" ", text).split())


class MailSender:
    def __init__(self, server: MailServer, guard: Guard, *, timeout_s: float = TIMEOUT_S) -> None:
        self._server = server
        self._guard = guard
        self._timeout_s = timeout_s

    def check(self, address: str) -> None:
        check_address(address)

    def send(self, content: Content, to: Destination, *, id: str) -> None:
        try:
            check_address(to.address)
            mail = mail_message(content, self._server, to.address, id=id)
        except (InvalidRequest, ValueError) as error:
            raise DeliveryFailed(f"The mail cannot be written: {error}", again=False) from None
        host = self._server.host
        # Administrators have named the server, so it may be inside.
        address = self._guard.find_address(host, self._server.port, trusted=True)
        try:
            with self._session(address) as session:
                if self._server.user:
                    session.login(self._server.user, to.key or "")
                session.send_message(mail, from_addr=self._server.sender, to_addrs=[to.address])
        except (smtplib.SMTPException, OSError) as error:
            raise _explain(error, host, to.address) from None

    @contextmanager
    def _session(self, address: str) -> Iterator[smtplib.SMTP]:
        """Open a session with the server, which ends after the time that a mail may take in all."""
        session = _session(self._server, address)
        limit = Timer(self._timeout_s, _break, [session])
        limit.daemon = True
        limit.start()
        try:
            code, text = session.connect(self._server.host, self._server.port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, text)
            if self._server.security is Security.STARTTLS:
                session.ehlo_or_helo_if_needed()
                session.starttls(context=ssl.create_default_context(cafile=self._server.ca_file))
            yield session
            # The mail is with the server by now. An error here is none of the mail.
            try:
                session.quit()
            except (smtplib.SMTPException, OSError):
                pass
        finally:
            limit.cancel()
            session.close()


class _Pinned(smtplib.SMTP):
    """A session with an address that was checked. The name stays, for TLS."""

    address: str

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002
        return socket.create_connection((self.address, port), timeout)


class _PinnedTls(smtplib.SMTP_SSL):
    address: str

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002
        plain = socket.create_connection((self.address, port), timeout)
        return self.context.wrap_socket(plain, server_hostname=self._host)  # type: ignore[attr-defined]


def _session(server: MailServer, address: str) -> smtplib.SMTP:
    local_name = server.sender.partition("@")[2]
    if server.security is Security.TLS:
        context = ssl.create_default_context(cafile=server.ca_file)
        session: smtplib.SMTP = _PinnedTls(local_hostname=local_name, timeout=STEP_TIMEOUT_S, context=context)
    else:
        session = _Pinned(local_hostname=local_name, timeout=STEP_TIMEOUT_S)
    session.address = address  # type: ignore[attr-defined]
    session._host = server.host  # type: ignore[attr-defined]
    return session


def _break(session: smtplib.SMTP) -> None:
    sock = session.sock
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def _explain(error: Exception, host: str, to: str) -> DeliveryFailed:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()), (550, b""))
        again = 400 <= code < 500
        return DeliveryFailed(f"The mail server refuses {to} ({code} {_readable(text)}).", again=again)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return DeliveryFailed(
            f"The mail server {host} refuses the user or the password ({error.smtp_code}). "
            "`jupyter dataops notify mail-password` sets it.",
            again=True,
        )
    if isinstance(error, smtplib.SMTPResponseException):
        answer = f"{error.smtp_code} {_readable(error.smtp_error)}"
        return DeliveryFailed(f"The mail server {host} answered {answer}.", again=error.smtp_code < 500)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return DeliveryFailed(f"The mail server {host} cannot do that: {_readable(str(error))}", again=True)
    if isinstance(error, ssl.SSLError):
        return DeliveryFailed(f"The certificate or TLS of {host} is not accepted ({error.reason}).", again=True)
    if isinstance(error, TimeoutError):
        return DeliveryFailed(f"The mail server {host} did not answer in time.", again=True)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return DeliveryFailed(f"The mail server {host} ended the connection.", again=True)
    return DeliveryFailed(f"The mail server {host} could not be reached: {type(error).__name__}.", again=True)


def _readable(text: bytes | str) -> str:
    decoded = text.decode(errors="replace") if isinstance(text, bytes) else text
    return _one_line(decoded)[:200]
