"""The supervisor, with the engine as a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dataops_lab.engine.process import EngineSupervisor

from ..waiting import eventually

pytestmark = pytest.mark.slow


def test_an_engine_that_cannot_be_started_is_tried_again_until_it_can(tmp_path, caplog):
    log = tmp_path / "logs" / "engine.log"
    supervisor = EngineSupervisor(tmp_path / "state", log=log, keep_engine=False)
    supervisor.start()
    try:
        eventually(lambda: "cannot be started" in caplog.text)
        log.parent.mkdir()
        eventually(log.exists)
    finally:
        supervisor.stop()


TALKATIVE = """
import logging, os, sys
from pathlib import Path
from dataops_lab.engine import process
process.LOG_BYTES = 10_000
process.configure_logging(Path(sys.argv[1]))
for number in range(1000):
    logging.getLogger("dataops_lab.engine").info("%d %s", number, "x" * 100)
os.write(1, b"said at last")
raise ValueError("not expected")
"""


def test_the_log_of_engines_is_bounded_and_ends_with_what_was_said_last(tmp_path):
    log = tmp_path / "engine.log"
    with log.open("ab") as said:
        subprocess.run([sys.executable, "-c", TALKATIVE, str(log)], stdout=said, stderr=said, check=False)
    assert {path.name for path in tmp_path.iterdir()} == {"engine.log", "engine.log.1"}
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 22_000
    text = log.read_text()
    assert "INFO 999 x" in text
    assert text.index("said at last") < text.index("ValueError: not expected")
