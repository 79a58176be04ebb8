from __future__ import annotations

import socket
from threading import Thread

import pytest

from dataops_lab.domain.mail import MailServer, Security, check_address, read_mail_server
from dataops_lab.domain.notifications import ChannelKind, Content, Destination, File
from dataops_lab.errors import DeliveryFailed, InvalidRequest
from dataops_lab.senders import Guard
from dataops_lab.senders.mail import MailSender, mail_message

from ..receivers import certificate_for, mail_receiver

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
ANN = "ann@example.org"
PNG = b"\x89PNG"
CONTENT = Content(
    "weekly failed – “x”",
    "The cell 3 failed.\n\nKeyError: 'ä'",
    html='<p>The cell 3 failed.</p><img src="cid:chart.png">',
    images=(File("chart.png", "image/png", PNG),),
    attachments=(File("report.html", "text/html", b"<p>all</p>"), File("t.csv", "text/csv; charset=utf-8", b"a,b\n")),
)


def server(port: int, **settings) -> MailServer:
    return MailServer("mail.test", port, "lab@example.org", **{"security": Security.NONE, **settings})


def sender(port: int, *, timeout_s: float = 60.0, **settings) -> MailSender:
    guard = Guard(resolve=lambda _host, _port: ["127.0.0.1"])
    return MailSender(server(port, **settings), guard, timeout_s=timeout_s)


def send(mail_sender: MailSender, to: str = ANN, *, password: str | None = None, content=CONTENT) -> None:
    mail_sender.send(content, Destination(ChannelKind.MAIL, to, to, password), id="d1")


def failure(mail_sender: MailSender, to: str = ANN, **given) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        send(mail_sender, to, **given)
    return caught.value


def test_a_mail_arrives_with_its_text_html_images_and_attachments():
    with mail_receiver() as receiver:
        send(sender(receiver.port))
    [(mail_from, to, _)] = receiver.taken
    [mail] = receiver.mails
    assert (mail_from, to) == ("lab@example.org", [ANN])
    assert (mail["Subject"], mail["To"], mail["From"]) == (CONTENT.subject, ANN, "dataops_lab <lab@example.org>")
    assert (mail["Message-ID"], mail["Auto-Submitted"]) == ("<d1@example.org>", "auto-generated")
    assert mail.get_body(("plain",)).get_content().split() == CONTENT.text.split()
    html = mail.get_body(("html",))
    [image] = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert image.get_content() == PNG
    assert f'src="cid:{image["Content-ID"].strip("<>")}"' in html.get_content()
    assert [part.get_filename() for part in mail.iter_attachments()] == ["report.html", "t.csv"]


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "tls"])
def test_a_session_is_encrypted_with_a_certificate_of_the_right_name(implicit, tmp_path):
    context, trusted = certificate_for("mail.test", tmp_path)
    security = Security.TLS if implicit else Security.STARTTLS
    with mail_receiver(context, implicit=implicit, login=True) as receiver:
        good = sender(receiver.port, security=security, ca_file=str(trusted), user="lab")
        send(good, password="right")
        assert receiver.logins == [(b"lab", b"right")]
        other = certificate_for("elsewhere.test", tmp_path)[1]
        for ca_file in (str(other), None):
            error = failure(sender(receiver.port, security=security, ca_file=ca_file, user="lab"), password="right")
            assert "certificate" in error.message
    assert (len(receiver.taken), len(receiver.logins)) == (1, 1)


def test_a_server_that_cannot_encrypt_gets_no_mail_and_no_password():
    with mail_receiver(login=True) as receiver:
        error = failure(sender(receiver.port, security=Security.STARTTLS, user="lab"), password="canary")
    assert error.again
    assert (receiver.taken, receiver.logins) == ([], [])


def test_a_wrong_password_is_said_without_it():
    with mail_receiver(login=True) as receiver:
        error = failure(sender(receiver.port, user="lab"), password="canary")
    assert "password" in error.message
    assert "canary" not in error.message
    assert error.again


@pytest.mark.parametrize(("answer", "again"), [("451 Later", True), ("550 No such user here", False)])
@pytest.mark.parametrize("when", ["rcpt_answers", "data_answers"])
def test_a_refusal_is_for_now_or_for_good(when, answer, again):
    with mail_receiver() as receiver:
        getattr(receiver, when).append(answer)
        error = failure(sender(receiver.port))
        assert error.again is again
        assert answer[4:] in error.message
        send(sender(receiver.port))
    assert len(receiver.taken) == 1


def test_a_server_that_says_nothing_costs_a_limited_time():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        error = failure(sender(listening.getsockname()[1], timeout_s=0.5))
    assert error.again


def test_a_server_that_is_away_is_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert failure(sender(port)).again


def test_a_server_that_ends_after_it_has_taken_the_mail_has_taken_it():
    """Take no answer to QUIT as a reason to send the mail again: it is about the session."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, connection.makefile("rwb", buffering=0) as lines:
                lines.write(b"220 hi\r\n")
                for answer in (b"250 hello\r\n", b"250 OK\r\n", b"250 OK\r\n", b"354 go\r\n"):
                    lines.readline()
                    lines.write(answer)
                while lines.readline() != b".\r\n":
                    pass
                lines.write(b"250 taken\r\n")

        thread = Thread(target=serve)
        thread.start()
        send(sender(listening.getsockname()[1]))
        thread.join()


@pytest.mark.parametrize("separator", ["\r\n", "\n", "\r", "\u2028", "\x00", "\x0b"])
def test_no_text_becomes_a_header(separator):
    hostile = f"x{separator}Bcc: eve@evil.example{separator}{separator}<b>"
    content = Content(hostile, hostile, images=(), attachments=(File(hostile, hostile, b"x"),))
    mail = mail_message(content, server(25), ANN, id="d1")
    text = mail.as_bytes()
    assert not any(line.lower().startswith(b"bcc") for line in text.split(b"\r\n\r\n")[0].splitlines())
    assert (mail["Bcc"], mail["To"]) == (None, ANN)
    [attachment] = mail.iter_attachments()
    assert attachment.get_content_type() == "application/octet-stream"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "ann@",
        "@example.org",
        "a@b@c",
        "ann@example.org,eve@evil.example",
        "ann@example.org\r\nBcc: x@y",
        "<ann@example.org>",
        "Ann <ann@example.org>",
        '"a b"@example.org',
        "ann@exa mple.org",
        "änn@example.org",
        "ann@-example.org",
        "a" * 300 + "@example.org",
        "ann@[127.0.0.1]",
    ],
)
def test_only_one_plain_address_is_written_to(address):
    with pytest.raises(InvalidRequest):
        check_address(address)
    assert not failure(sender(1), address).again


def test_the_mail_server_may_be_inside_and_does_not_lead_to_credentials():
    guard = Guard(resolve=lambda _host, _port: ["169.254.169.254"])
    with pytest.raises(DeliveryFailed, match="leads to"):
        send(MailSender(server(25), guard))


def test_settings_of_the_server_are_read():
    assert read_mail_server("", sender="") is None
    assert read_mail_server("smtp.example.org", sender="lab@example.org") == MailServer(
        "smtp.example.org", 587, "lab@example.org"
    )
    found = read_mail_server("10.0.0.1:2525", sender="lab@example.org", security="none", user="u")
    assert (found.host, found.port, found.security, found.user) == ("10.0.0.1", 2525, Security.NONE, "u")
    assert read_mail_server("[::1]", sender="lab@example.org", security="tls").port == 465


@pytest.mark.parametrize(
    "given",
    [
        {"server": "smtp.example.org", "sender": ""},
        {"server": "smtp.example.org", "sender": "no address"},
        {"server": "smtp.example.org", "sender": "lab@example.org", "security": "ssl3"},
        {"server": "smtp://smtp.example.org", "sender": "lab@example.org"},
        {"server": "smtp.example.org:0", "sender": "lab@example.org"},
        {"server": "smtp.example.org:99999", "sender": "lab@example.org"},
    ],
)
def test_settings_that_make_no_sense_are_refused(given):
    with pytest.raises(InvalidRequest):
        read_mail_server(**given)
