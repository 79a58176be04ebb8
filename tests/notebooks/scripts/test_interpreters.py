from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dataops_lab.domain.snapshots import KernelChoice, TargetRuntime
from dataops_lab.errors import KernelUnavailable
from dataops_lab.notebooks.scripts.interpreters import resolve_interpreter, select_interpreter
from dataops_lab.notebooks.scripts.read import Script

IN_IMAGE = TargetRuntime(
    kernels=(
        KernelChoice("python3", "python", "Python", ("/opt/conda/bin/python", "-m", "ipykernel_launcher"), {"A": "1"}),
        KernelChoice("ir", "R", "R", ("R", "--slave")),
    ),
    image="python-2026",
)


def script(name: str, first_line: str = "") -> Script:
    return Script(name, f"{first_line}\n".encode())


def test_a_script_of_python_runs_with_the_python_of_the_kernel_python3() -> None:
    choice = select_interpreter(script("a.py"), None)
    assert (choice.name, choice.language, choice.argv) == ("python3", "python", (sys.executable,))


def test_a_kernel_chooses_the_python_and_its_variables() -> None:
    choice = select_interpreter(script("a.py"), "python3", IN_IMAGE)
    assert (choice.argv, choice.env) == (("/opt/conda/bin/python",), {"A": "1"})


def test_without_a_kernel_of_its_own_an_image_runs_its_python3() -> None:
    bare = TargetRuntime(kernels=(), image="bare")
    assert select_interpreter(script("a.py"), None, bare).argv == ("python3",)


@pytest.mark.parametrize(("name", "kernel"), [("a.py", "ir"), ("a.py", "gone"), ("a.sh", "python3"), ("a.R", "ir")])
def test_a_kernel_that_cannot_run_the_script_is_refused(name: str, kernel: str) -> None:
    with pytest.raises(KernelUnavailable):
        select_interpreter(script(name), kernel, IN_IMAGE)


def test_a_kernel_that_is_not_installed_here_is_refused() -> None:
    with pytest.raises(KernelUnavailable):
        select_interpreter(script("a.py"), "gone")


@pytest.mark.parametrize(
    ("line", "program", "options"),
    [
        ("", "sh", ()),
        ("#!/bin/sh", "sh", ()),
        ("#!/usr/bin/env bash", "bash", ()),
        ("#! /bin/bash -e -u", "bash", ("-e", "-u")),
        ("#!/usr/bin/perl -w", "sh", ()),
    ],
)
def test_the_first_line_of_a_shell_script_chooses_the_shell(line: str, program: str, options: tuple[str, ...]) -> None:
    here = select_interpreter(script("a.sh", line), None)
    assert Path(here.argv[0]).name == program
    assert Path(here.argv[0]).is_absolute()
    assert here.argv[1:] == options
    assert select_interpreter(script("a.sh", line), None, IN_IMAGE).argv == (program, *options)


def test_r_runs_with_rscript(monkeypatch: pytest.MonkeyPatch) -> None:
    assert select_interpreter(script("a.R"), None, IN_IMAGE).argv == ("Rscript",)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(KernelUnavailable) as refusal:
        select_interpreter(script("a.R"), None)
    assert refusal.value.precise_code == "interpreter_not_installed"


def test_the_same_name_gives_the_same_interpreter_again() -> None:
    for each in (script("a.py"), script("a.sh", "#!/bin/bash")):
        choice = select_interpreter(each, None)
        assert resolve_interpreter(choice.name, choice.language) == choice
