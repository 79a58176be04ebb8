from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from dataops_lab.cli import exit_codes

GUIDE = Path(__file__).parents[2] / "docs/guide/audit.md"


@pytest.fixture
def changed(own_shell):
    """A shell of which three variables were set, one of them by a person who may not."""
    for name, administrators in (("A", ""), ("B", "boss"), ("C", "")):
        own_shell.invoke("variables", "set", "sandbox", name, "1", DATAOPS_LAB_ADMINISTRATORS=administrators)
    return own_shell


def past_the_program(shell, statement):
    with closing(sqlite3.connect(shell.home / "dataops.sqlite")) as database:
        for name in ("audit_stays", "audit_is_not_edited"):
            database.execute(f"DROP TRIGGER IF EXISTS {name}")
        database.execute(statement)
        database.commit()


def test_entries_are_listed_and_found_by_filters(changed):
    listed = changed.invoke("audit", "list")
    assert re.findall(r"(?:set|change|start).*", listed.out) == [
        *("set               variable sandbox/C", "change (refused)  variable", "set               variable sandbox/A"),
        *("start             audit audit",),
    ]

    def found(*options):
        return [entry["seq"] for entry in changed.invoke("audit", "list", "--json", *options).json["items"]]

    assert found("--refused") == [3]
    assert found("--object", "variable:sandbox/A") == [2]
    assert found("--verb", "set", "--environment", "sandbox", "--limit", "1") == [4]
    assert found("--to", "2001-01-01") == found("--from", "2999-01-01T00:00+01:00") == []
    assert changed.invoke("audit", "list", "--from", "yesterday").code == exit_codes.REFUSED


def test_a_trail_that_was_rewritten_is_told_with_the_entry_and_the_exit_code(changed):
    whole = changed.invoke("audit", "verify")
    assert (whole.code, whole.out.splitlines()[0]) == (
        exit_codes.SUCCEEDED,
        "The audit trail is whole: 4 entries, compared with 3 known heads.",
    )
    past_the_program(changed, "UPDATE audit SET object_id = 'sandbox/X' WHERE seq = 2")
    found = changed.invoke("audit", "verify")
    assert (found.code, found.out.splitlines()[0]) == (exit_codes.FAILED, "Wrong: Entry 2 was edited.")
    assert changed.invoke("audit", "verify", "--json").json["findings"][0]["seq"] == 2
    checks = {check["what"]: check for check in changed.invoke("doctor", "--json").json["checks"]}
    assert (checks["audit trail"]["state"], checks["audit trail"]["message"]) == ("broken", "Entry 2 was edited.")


def test_a_kept_export_finds_what_was_cut_off_with_the_witness_file(changed):
    assert changed.invoke("audit", "export", "-o", "kept.jsonl").code == 0
    past_the_program(changed, "DELETE FROM audit WHERE seq > 2")
    (changed.home / "audit-heads.jsonl").write_text("")
    found = changed.invoke("audit", "verify", "--against", "kept.jsonl")
    assert (found.code, "kept.jsonl knows entry 4" in found.out) == (exit_codes.FAILED, True)
    refused = changed.invoke("audit", "verify", "--against", "absent", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (exit_codes.REFUSED, "not_a_head")


def test_the_program_of_the_guide_checks_an_export_without_the_product(changed):
    [program] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    export = changed.folder / "x.jsonl"
    export.write_text(changed.invoke("audit", "export").out)

    def check():
        return subprocess.run([sys.executable, "-I", "-c", program, str(export)], capture_output=True, check=False)

    assert check().stderr == b""
    lines = export.read_text().splitlines()
    assert json.loads(lines[0])["head"]["seq"] == len(lines) - 1 == 4
    for edited in (
        [*lines[:2], lines[2].replace("sandbox/A", "sandbox/B"), *lines[3:]],
        [*lines[:2], *lines[3:]],
        lines[:-1],
        [*lines[:2], lines[2].replace('"actor_name": "', '"actor_name": "x'), *lines[3:]],
    ):
        export.write_text("\n".join(edited))
        assert b"AssertionError" in check().stderr
