"""A process that evaluates one expression within bounds: `python -P -m dataops_lab.pipelines.bounded`."""

from __future__ import annotations

import json
import sys

from . import language


def main() -> None:
    """Read expression, types, data and limit as JSON, and write the value or the problem."""
    language.limit_process()
    try:
        answer = {"value": language.evaluated(*json.load(sys.stdin))}
    except language.NoValue as error:
        answer = {"problem": str(error)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
