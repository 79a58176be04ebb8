from __future__ import annotations

import shutil

from dataops_lab.cli import exit_codes


def test_what_was_backed_up_is_there_again_after_the_folder_was_lost(own_shell):
    assert own_shell("run", own_shell.notebook("hello.ipynb", "print('hello')")).code == exit_codes.SUCCEEDED
    before = [own_shell.invoke("runs", "show", "last", "--json").json, own_shell.invoke("runs", "log", "last").out]
    own_shell.invoke("engine", "stop")
    made = own_shell.invoke("backup", "backup.tar.gz", "--json").json
    assert made["damaged"] == [] and made["blobs"] >= 4
    shutil.rmtree(own_shell.home)
    restored = own_shell("restore", str(own_shell.folder / "backup.tar.gz"))
    assert (restored.code, restored.err) == (exit_codes.SUCCEEDED, "")
    assert [
        own_shell.invoke("runs", "show", "last", "--json").json,
        own_shell.invoke("runs", "log", "last").out,
    ] == before


def test_secrets_open_after_a_restore_with_their_key_and_never_without(own_shell):
    (own_shell.folder / "value").write_text("correct horse battery")
    own_shell.invoke("secrets", "set", "sandbox", "PASSWORD", "--file", "value")
    without = own_shell.invoke("backup", "without.tar.gz")
    assert "--with-key" in without.err
    assert own_shell.invoke("backup", "with.tar.gz", "--with-key").err == ""
    notebook = own_shell.notebook("whose.ipynb", "import os\nassert os.environ['PASSWORD'].startswith('correct')")
    own_shell.invoke("restore", "without.tar.gz", "--force")
    refused = own_shell.invoke("run", notebook, "--json")
    assert (refused.code, refused.json["error"]["code"]) == (exit_codes.UNREACHABLE, "secrets_locked")
    own_shell.invoke("restore", "with.tar.gz", "--force")
    assert (own_shell.home / "keys.json").stat().st_mode & 0o077 == 0
    assert own_shell("run", notebook).code == exit_codes.SUCCEEDED


def test_a_folder_in_use_is_named_and_what_to_do_about_it(own_shell):
    own_shell.invoke("backup", "backup.tar.gz")
    refused = own_shell.invoke("restore", "backup.tar.gz")
    assert refused.code == exit_codes.REFUSED
    assert "--force" in refused.err
    forced = own_shell.invoke("restore", "backup.tar.gz", "--force")
    assert forced.code == exit_codes.SUCCEEDED
    assert "replaced-1" in forced.out


def test_what_is_no_backup_is_refused_and_leaves_no_folder(own_shell):
    (own_shell.folder / "file").write_text("no backup")
    assert own_shell.invoke("restore", "file").code == exit_codes.FAILED
    assert own_shell.invoke("restore", "absent").code == exit_codes.REFUSED
    assert not own_shell.home.exists()
