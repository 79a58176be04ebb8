"""The server of the browser tests. Galata opens it to everybody on this machine: never use it elsewhere."""

import atexit
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from jupyterlab.galata import configure_jupyter_server

configure_jupyter_server(c)  # noqa: F821

home = Path(tempfile.mkdtemp(prefix="dataops-ui-tests-"))
atexit.register(shutil.rmtree, home, ignore_errors=True)
shutil.copytree(Path(__file__).parent.parent / "examples", home / "workspace" / "examples")

# Schedules of jupyter-scheduler, to import.
corpus = Path(__file__).parent.parent / "tests" / "jupyter_scheduler" / "corpus"
shutil.copytree(corpus / "scheduler_staging_area", home / "jupyter" / "scheduler_staging_area")
with closing(sqlite3.connect(home / "jupyter" / "scheduler.sqlite")) as connection:
    connection.executescript((corpus / "scheduler.sql").read_text())
os.environ["JUPYTER_DATA_DIR"] = str(home / "jupyter")

c.ServerApp.ip = "127.0.0.1"  # noqa: F821
c.ServerApp.port = int(os.environ.get("UI_TESTS_PORT", "0"))  # noqa: F821
c.ServerApp.allow_root = True  # noqa: F821
c.ServerApp.root_dir = str(home / "workspace")  # noqa: F821
# These would ask other machines.
c.LabApp.extension_manager = "readonly"  # noqa: F821
# The engine is a process of its own and finds the state by this.
os.environ.setdefault("DATAOPS_LAB_HOME", str(home / "state"))
