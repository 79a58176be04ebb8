from __future__ import annotations

import gc

import pytest

from dataops_lab.cli.lazy_imports import gc_paused


def test_a_second_command_of_a_process_keeps_no_garbage(own_shell):
    own_shell.invoke("runs", "list")
    kept = gc.get_freeze_count()

    own_shell.invoke("runs", "list")

    assert gc.get_freeze_count() <= kept


def test_garbage_is_looked_for_again_after_an_import_that_failed():
    with pytest.raises(ImportError), gc_paused():
        assert not gc.isenabled()
        raise ImportError

    assert gc.isenabled()
