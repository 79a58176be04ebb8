"""The pages name what is there."""

import ast
import re
from pathlib import Path

import pytest

from dataops_lab import errors

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "examples/README.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)
TROUBLESHOOTING = (ROOT / "docs/guide/troubleshooting.md").read_text(encoding="utf-8")


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def heading_anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def tree(error):
    return [error] + [below for child in error.__subclasses__() for below in tree(child)]


def precise_codes():
    """Collect the constants given as `code=` to an exception or a reason anywhere in the package."""
    for source in (ROOT / "dataops_lab").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id == "Reason" and node.args and isinstance(node.args[0], ast.Constant):
                yield node.args[0].value
            if issubclass(getattr(errors, node.func.id, type(None)), errors.DataOpsError):
                yield from (
                    k.value.value for k in node.keywords if k.arg == "code" and isinstance(k.value, ast.Constant)
                )


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path) if path else page
        assert linked.exists(), target
        assert not anchor or anchor in heading_anchors(linked), target


def test_every_page_is_linked_from_another():
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    }
    assert [name_of(p) for p in PAGES if p.name != "README.md" and p.resolve() not in linked] == []


@pytest.mark.parametrize("code", sorted({error.code for error in tree(errors.DataOpsError)} | set(precise_codes())))
def test_troubleshooting_has_the_next_step_for(code):
    assert f"| `{code}` |" in TROUBLESHOOTING


def test_make_targets_that_are_named_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    for page in PAGES:
        named = re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert set(named) <= targets, name_of(page)


def test_each_fault_names_a_test_that_is_there():
    named = re.findall(r"`(\S+\.py)::(test_\w+)`", (ROOT / "docs/faults.md").read_text(encoding="utf-8"))
    assert named
    assert [
        f"{file}::{test}" for file, test in named if f"def {test}(" not in (ROOT / "tests" / file).read_text()
    ] == []
