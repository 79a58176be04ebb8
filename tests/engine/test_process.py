"""The supervisor, with the engine as a process of its own."""

from __future__ import annotations

from dataops_lab.engine.process import Supervisor

from ..waiting import eventually


def test_an_engine_that_cannot_be_started_is_tried_again_until_it_can(tmp_path, caplog):
    log = tmp_path / "logs" / "engine.log"
    supervisor = Supervisor(tmp_path / "state", log=log, keep=False)
    supervisor.start()
    try:
        eventually(lambda: "cannot be started" in caplog.text)
        log.parent.mkdir()
        eventually(log.exists)
    finally:
        supervisor.stop()
