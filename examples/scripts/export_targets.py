"""Export the targets of one region and year as JSON.

Run it as it is, or as a job: jupyter dataops run scripts/export_targets.py -p region South
"""

# /// dataops
# [parameters]
# region = {choices = ["North", "South", "East", "West"], default = "North", description = "Sales region"}
# since = {type = "date", default = 2026-01-01, description = "The first month of the export"}
# ///

import csv
import json
import os
from pathlib import Path

from dataops_lab import record

HERE = Path(__file__).parent


def main() -> None:
    region = os.environ.get("DATAOPS_PARAM_REGION", "North")
    since = os.environ.get("DATAOPS_PARAM_SINCE", "2026-01-01")
    with (HERE / "../data/targets.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["region"] == region and row["month"] >= since[:7]]
    if not rows:
        raise SystemExit(f"There are no targets of {region} since {since}.")
    Path("targets.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(f"{len(rows)} targets of {region} since {since}")
    record("targets", len(rows))


if __name__ == "__main__":
    main()
