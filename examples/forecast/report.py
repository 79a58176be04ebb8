"""Put the forecasts of all regions into one table and a page.

It finds the forecast of each region below inputs/train, where the pipeline puts them.
"""

# /// dataops
# [parameters]
# title = {default = "Forecast", description = "The heading of the page"}
# ///

import csv
import os
from pathlib import Path

from dataops_lab import record

FORECASTS = Path("inputs/train")


def main() -> None:
    rows = []
    for path in sorted(FORECASTS.glob("*/forecast.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows += csv.DictReader(file)
    if not rows:
        raise SystemExit(f"There are no forecasts below {FORECASTS}.")
    with open("forecasts.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=["region", "month", "revenue"])
        writer.writeheader()
        writer.writerows(rows)
    total = sum(float(row["revenue"]) for row in rows)
    title = os.environ.get("DATAOPS_PARAM_TITLE", "Forecast")
    lines = [f"| {row['region']} | {row['month']} | {float(row['revenue']):,.0f} € |" for row in rows]
    page = [f"# {title}", "", "| region | month | revenue |", "|---|---|---|", *lines, ""]
    Path("forecasts.md").write_text("\n".join(page), encoding="utf-8")
    print(f"{title}: {total:,.0f} € in {len(rows)} rows")
    record("total", round(total, 2))


if __name__ == "__main__":
    main()
