from __future__ import annotations

import base64
import gzip
import html
import json
import os
import random
import subprocess
import sys
import zipfile
from urllib.parse import quote, quote_plus

import jinja2
import markupsafe
import pytest
from requests.utils import requote_uri

from dataops_lab.domain.secrets import is_masked
from dataops_lab.runner.artifacts import collect, fingerprint_files
from dataops_lab.runner.log import Log
from dataops_lab.runner.masking import MASK, Masking
from dataops_lab.runner.secrets import open_secrets

UTF8 = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
SECRET = "p@ss/wörd'+\"%& <x>\\ 12"


@pytest.fixture
def masking() -> Masking:
    return Masking([SECRET])


@pytest.mark.parametrize(
    "spelt",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        repr(SECRET)[1:-1],
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        "p%40ss%2fw%c3%b6rd%27%2b%22%25%26+%3cx%3e%5c+12",
        html.escape(SECRET),
        SECRET.encode().hex(),
        str(markupsafe.escape(SECRET)),
        html.escape(SECRET).replace("&#x27;", "&apos;"),
        jinja2.filters.htmlsafe_json_dumps(SECRET)[1:-1],
        json.dumps(SECRET)[1:-1].replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e"),
        quote(SECRET, safe="!'()*"),
        requote_uri(SECRET),
        quote(SECRET, safe=" +"),
        SECRET.replace("'", "''"),
        SECRET.replace('"', '""'),
        subprocess.run(
            ["bash", "-c", 'printf %q "$1"', "-", SECRET], capture_output=True, check=True, text=True, env=UTF8
        ).stdout,
        base64.b32encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_a_secret_is_masked_however_it_is_spelt(masking, spelt):
    assert masking.mask_text(f"it is {spelt}!") == f"it is {MASK}!"


@pytest.mark.parametrize(
    ("shown", "masked"),
    [
        ("\x1b[1mhunter\x1b[0m\x1b[36m0815\x1b[0m!", f"\x1b[1m{MASK}\x1b[0m\x1b[36m\x1b[0m!"),
        ('<b>hunter</b><span style="x">08</span>15!', f'<b>{MASK}</b><span style="x"></span>!'),
        ("<i>hun</i>ter\x1b[1m0815", f"<i>{MASK}</i>\x1b[1m"),
        ("a < hunter > 0815", "a < hunter > 0815"),
    ],
)
def test_a_secret_is_masked_as_it_is_shown(shown, masked):
    assert Masking(["hunter0815"]).mask_text(shown) == masked


def test_a_coloured_secret_in_pieces_is_masked():
    shown = "so \x1b[1mhunter\x1b[0m\x1b[36m0815\x1b[0m!"
    for cut in range(1, len(shown)):
        masking = Masking(["hunter0815"])
        told = masking.mask_stream("stdout", shown[:cut]) + masking.mask_stream("stdout", shown[cut:])
        told += "".join(rest for _, rest in masking.flush("stdout"))
        assert told == masking.mask_text(shown)


def test_two_streams_do_not_cut_one_another(masking):
    told = masking.mask_message(message("stream", name="stdout", text=SECRET[:7]))
    told += masking.mask_message(message("stream", name="stderr", text="careful\n"))
    told += masking.mask_message(message("stream", name="stdout", text=SECRET[7:]))
    assert [output["content"]["text"] for output in told if output["content"]["text"]] == ["careful\n", MASK]


def test_the_log_masks_what_a_process_writes_around_an_output_and_under_colours(tmp_path):
    log = Log(tmp_path / "log.txt")
    log.mask(Masking(["hunter0815"]))
    log.write_process_output("x hunter")
    log.write("an output\n")
    log.write_message("[dataops] hunter\x1b[1m0815")
    log.write_process_output("0815 y")
    log.close()
    assert (tmp_path / "log.txt").read_text() == f"x an output\n[dataops] {MASK}\n{MASK} y"


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("behind", range(4))
def test_base64_is_masked_wherever_the_secret_stands_in_it(masking, before, behind):
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(b"u" * before + SECRET.encode() + b"v" * behind).decode()
        masked = masking.mask_text(text)
        # Beside the mask, a few characters with bits of the neighbours stay.
        assert MASK in masked and len(masked) <= len(MASK) + 2 + (before + behind) * 4 / 3 + 4


def test_the_lines_of_a_key_are_masked_one_by_one():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nw0BAQEFAASCBKcwggSj\n}\n-----END KEY-----"
    masking = Masking([key])
    assert masking.mask_text("got MIIEvQIBADANBgkqhkiG") == f"got {MASK}"
    assert masking.mask_text("}") == "}"


def test_what_is_too_short_to_be_told_from_other_text_is_left():
    assert not Masking(["abc", ""]) and Masking(["abc"]).mask_text("abc") == "abc"


@pytest.mark.parametrize("value", ["12345", "123456", " 12345 ", " 123456 ", "12345\n"])
def test_what_is_said_to_be_masked_is_masked_and_nothing_else(value):
    assert (Masking([value]).mask_text(f"<{value}>") != f"<{value}>") is is_masked(value)


def test_everything_of_a_value_is_masked_names_and_numbers_too():
    masking = Masking(["1234567", "hunter22"])
    value = {"hunter22": [1234567, 12, None, True, "x hunter22"], "n": {"m": 0.5}}
    assert masking.mask_value(value) == {MASK: [MASK, 12, None, True, f"x {MASK}"], "n": {"m": 0.5}}


def test_the_longer_of_two_secrets_that_begin_alike_is_masked_whole():
    masking = Masking(["password", "password-of-ann", "ann-and-bob"])
    assert masking.mask_text("password-of-ann, password-of") == f"{MASK}, {MASK}-of"
    assert masking.mask_text("password-of-ann-and-bob.") == f"{MASK}."


def test_a_stream_in_pieces_gives_nothing_away_and_loses_nothing():
    chance = random.Random(7)
    for _ in range(400):
        secrets = ["".join(chance.choices("abc", k=chance.randint(6, 9))) for _ in range(2)]
        masking = Masking(secrets)
        noise = ["".join(chance.choices("abcd", k=chance.randint(0, 9))) for _ in range(3)]
        text = noise[0] + secrets[0] + noise[1] + secrets[1] + noise[2]
        told, at = "", 0
        while at < len(text):
            size = chance.randint(1, 7)
            told += masking.mask_stream("stdout", text[at : at + size])
            at += size
        told += "".join(rest for _, rest in masking.flush("stdout"))
        assert not any(secret in told for secret in secrets), (secrets, text, told)
        assert told == masking.mask_text(text)


def test_what_cannot_become_a_secret_any_more_is_told_at_once(masking):
    assert masking.mask_stream("stdout", "almost p@s") == "almost "
    assert masking.mask_stream("stdout", "t") == "p@st"
    assert masking.flush("stdout") == []


def message(kind: str, **content: object) -> dict:
    return {"msg_type": kind, "content": content, "parent_header": {"msg_id": "1"}}


def test_what_is_kept_of_a_stream_comes_before_the_next_output_and_before_the_end(masking):
    assert masking.mask_message(message("stream", name="stdout", text="so p@s")) == [
        message("stream", name="stdout", text="so ")
    ]
    shown = message("display_data", data={"text/plain": SECRET}, metadata={})
    assert masking.mask_message(shown) == [
        message("stream", name="stdout", text="p@s"),
        message("display_data", data={"text/plain": MASK}, metadata={}),
    ]
    masking.mask_message(message("stream", name="stdout", text="p"))
    assert [shown["msg_type"] for shown in masking.mask_message(message("status", execution_state="idle"))] == [
        "stream",
        "status",
    ]


def test_a_message_that_makes_no_output_does_not_cut_a_secret_in_two(masking):
    told = masking.mask_message(message("stream", name="stdout", text=SECRET[:7]))
    told += masking.mask_message(message("comm_msg", data={}))
    told += masking.mask_message(message("stream", name="stdout", text=SECRET[7:]))
    texts = [shown["content"]["text"] for shown in told if shown["msg_type"] == "stream"]
    assert "".join(texts) == MASK


def test_the_log_masks_across_cells_and_what_processes_write_to_it_directly(tmp_path, masking):
    log = Log(tmp_path / "log.txt")
    log.mask(masking)
    log.stream(f"one {SECRET[:5]}")
    log.flush()
    log.stream(f"{SECRET[5:]} two\n")
    log.flush()
    say = f"import os; os.write(1, {SECRET.encode()[:6]!r}); os.write(1, {SECRET.encode()[6:] + b' three'!r})"
    subprocess.run([sys.executable, "-c", say], stdout=log.descriptor, check=True)
    assert log.tail(0).startswith(f"one {MASK} two\n{MASK}")
    log.write_message(f"[dataops] {SECRET}")
    log.close()
    assert (tmp_path / "log.txt").read_text() == f"one {MASK} two\n{MASK} three\n[dataops] {MASK}\n"


def test_a_text_that_a_run_made_is_masked_and_other_files_with_a_secret_are_not_kept(tmp_path, masking):
    root, notes = tmp_path / "files", []
    root.mkdir()
    (root / "fine.csv").write_text("a,b\n")
    (root / "login.ini").write_bytes(f"[db]\r\npassword={SECRET}\r\n".encode())
    (root / "model.pkl").write_bytes(b"\x80\x04" + SECRET.encode())
    made = collect(root, {}, tmp_path / "kept", notes.append, masking)
    assert [artifact["path"] for artifact in made] == ["fine.csv", "login.ini"]
    masked = (tmp_path / "kept" / "login.ini").read_bytes()
    assert masked == f"[db]\r\npassword={MASK}\r\n".encode() and made[1]["size"] == len(masked)
    assert [note.split()[2] for note in sorted(notes)] == ["login.ini", "model.pkl"]
    assert fingerprint_files(tmp_path / "kept").keys() == {"fine.csv", "login.ini"}


def test_a_file_with_a_secret_under_its_compression_or_in_wide_characters_is_not_kept(tmp_path, masking):
    root, notes = tmp_path / "files", []
    root.mkdir()
    text = f"password={SECRET}\n".encode()
    (root / "a.gz").write_bytes(gzip.compress(text))
    with zipfile.ZipFile(root / "b.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fine", "x")
        archive.writestr("sheet", text)
    (root / "c.txt").write_bytes(text.decode().encode("utf-16"))
    (root / "fine.gz").write_bytes(gzip.compress(b"fine"))
    (root / "broken.gz").write_bytes(gzip.compress(b"fine" * 1000)[:20])
    (root / "broken.zip").write_bytes(b"PK\3\4")
    made = collect(root, {}, tmp_path / "kept", notes.append, masking)
    assert [artifact["path"] for artifact in made] == ["broken.gz", "broken.zip", "fine.gz"]
    assert [note.split()[2] for note in sorted(notes)] == ["a.gz", "b.xlsx", "c.txt"]


def test_a_secret_at_the_edge_of_what_is_read_at_a_time_is_found(tmp_path, masking, monkeypatch):
    monkeypatch.setattr("dataops_lab.runner.artifacts.SEARCHED_BYTES", 64)
    root, notes = tmp_path / "files", []
    root.mkdir()
    (root / "model.pkl").write_bytes(b"\0" * 55 + SECRET.encode() + b"\0" * 300)
    assert collect(root, {}, tmp_path / "kept", notes.append, masking) == []


def test_secrets_come_whole_over_stdin_which_is_empty_afterwards():
    secrets = {"A": "ä" * 300_000, "B": "b"}
    program = (
        "import json, sys; from dataops_lab.runner.secrets import read_secrets\n"
        "print(json.dumps([read_secrets(['A', 'B']), sys.stdin.read()]))"
    )
    with open_secrets(secrets) as stdin:
        told = subprocess.run([sys.executable, "-c", program], stdin=stdin, capture_output=True, check=True)
    assert json.loads(told.stdout) == [secrets, ""]


def test_a_secret_that_does_not_come_is_named():
    program = "from dataops_lab.runner.secrets import read_secrets; read_secrets(['A'])"
    with open_secrets({}) as stdin:
        told = subprocess.run([sys.executable, "-c", program], stdin=stdin, capture_output=True, check=False)
    assert b"was not given the secrets A" in told.stderr
