"""The notebooks of the benchmarks."""

from __future__ import annotations

from typing import Any


def short_cells(count: int) -> dict[str, Any]:
    return _notebook(["total = 0", *(f"total += {number}\nprint(total)" for number in range(count - 1))])


def large_outputs(cells: int, kilobytes: int) -> dict[str, Any]:
    """Make a notebook whose cells print this much text each, in lines of a hundred characters."""
    return _notebook([f"print(('x' * 99 + '\\n') * {kilobytes * 10}, end='')"] * cells)


def _notebook(sources: list[str]) -> dict[str, Any]:
    return {
        "nbformat": 4,
        "nbformat_minor": 4,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [
            {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
            for source in sources
        ],
    }
