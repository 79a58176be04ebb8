"""Make `corpus/` with jupyter-scheduler itself: run this with a Python that has it and ipykernel.

    python make_corpus.py FOLDER

It leaves `scheduler.sql`, a dump of the database, and the staging area in the folder.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from jupyter_scheduler.environments import StaticEnvironmentManager
from jupyter_scheduler.models import CreateJobDefinition, CreateJobFromDefinition, UpdateJobDefinition
from jupyter_scheduler.orm import create_tables
from jupyter_scheduler.scheduler import Scheduler

SALES = ("region = 'none'\nlimit = 10\nshare = 0.5", "print(region, limit, share)")


def notebook(*sources: str) -> str:
    cells = [
        {
            "id": f"cell-{position}",
            "cell_type": "code",
            "execution_count": None,
            "metadata": {"tags": ["parameters"]} if position == 0 and len(sources) > 1 else {},
            "outputs": [],
            "source": source,
        }
        for position, source in enumerate(sources)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return json.dumps({"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root, database, staging = folder / "root", folder / "scheduler.sqlite", target / "scheduler_staging_area"
        for each, sources in {"sales": SALES, "report": ("1 + 1",), "nightly": ("print(2)",)}.items():
            (root / each).mkdir(parents=True)
            (root / each / f"{each}.ipynb").write_text(notebook(*sources))
        (root / "report" / "helper.py").write_text("LIMIT = 3\n")
        url = f"sqlite:///{database}"
        create_tables(url)
        scheduler = Scheduler(
            root_dir=str(root), environments_manager=StaticEnvironmentManager(), db_url=url, staging_path=str(staging)
        )
        common = {"runtime_environment_name": "python3", "output_formats": ["ipynb", "html"]}
        sales = scheduler.create_job_definition(
            CreateJobDefinition(
                input_uri="sales/sales.ipynb",
                name="sales",
                schedule="0 8 * * 1",
                timezone="Europe/Paris",
                parameters={"region": "'north'", "limit": "5", "share": "1"},
                tags=["weekly"],
                **common,
            )
        )
        scheduler.create_job_definition(
            CreateJobDefinition(
                input_uri="report/report.ipynb",
                name="report/of: the day",
                schedule="30 6 * * *",
                timezone="America/New_York",
                package_input_folder=True,
                **{**common, "output_formats": ["ipynb", "pdf"]},
            )
        )
        nightly = scheduler.create_job_definition(
            CreateJobDefinition(input_uri="nightly/nightly.ipynb", name="nightly", schedule="15 2 * * 0", **common)
        )
        scheduler.update_job_definition(nightly, UpdateJobDefinition(active=False))
        scheduler.create_job_definition(
            CreateJobDefinition(
                input_uri="sales/sales.ipynb",
                name="sales",
                schedule="0 9 * * *",
                timezone="UTC",
                parameters={"region": "datetime.now()"},
                **common,
            )
        )
        job = scheduler.create_job_from_definition(sales, CreateJobFromDefinition(parameters={"region": "'north'"}))
        # A job that has not begun is STOPPED.
        while scheduler.get_job(job, False).status in ("CREATED", "QUEUED", "IN_PROGRESS", "STOPPED"):
            time.sleep(0.2)
        shutil.rmtree(staging / job, ignore_errors=True)
        with sqlite3.connect(database) as connection:
            dump = "\n".join(connection.iterdump()) + "\n"
        (target / "scheduler.sql").write_text(dump.replace(str(folder), ""))


if __name__ == "__main__":
    os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")
    main(Path(sys.argv[1]).resolve())
