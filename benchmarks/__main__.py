"""`python -m benchmarks [--quick] [SECTION …]`: measure and write RESULTS.md."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from . import audit, diffs, docker, engine, loop, pipelines, records, results, runner, schedules, service

SECTIONS = {
    "runner": runner,
    "product": service,
    "loop": loop,
    "engine": engine,
    "pipelines": pipelines,
    "records": records,
    "schedules": schedules,
    "audit": audit,
    "docker": docker,
    "diffs": diffs,
}

RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    # With this variable, each process compiles anew all modules that were never compiled.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)}; all by default")
    parser.add_argument(
        "--quick", action="store_true", help="small notebooks, once each: shows that it works, no figures"
    )
    parser.add_argument("-o", "--output", type=Path, help="the file whose sections are replaced instead of RESULTS.md")
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    for name in arguments.sections or SECTIONS:
        section = SECTIONS[name]
        rows = []
        for row in section.measure(quick=arguments.quick):
            print(results.line(row), flush=True)
            rows.append(row)
        if arguments.output or not arguments.quick:
            results.write(arguments.output or RESULTS, section.TITLE, rows)


main()
