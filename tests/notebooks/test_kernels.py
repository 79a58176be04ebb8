from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataops_lab.errors import KernelUnavailable
from dataops_lab.notebooks import kernels
from dataops_lab.notebooks.read import parse_notebook

Cells = Callable[..., Any]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    def installed(name: str, **spec: Any) -> Path:
        folder = tmp_path / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps({"display_name": name.title(), "language": "python", **spec}))
        return folder

    return installed


@pytest.mark.parametrize("program", ["python", "python3", f"python3.{sys.version_info.minor}"])
def test_the_native_python_is_the_interpreter_that_runs_this(program: str, install: Callable[..., Path]) -> None:
    install("native", argv=[program, "-m", "ipykernel_launcher", "-f", "{connection_file}"])
    assert kernels.kernel("native").argv == (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")


def test_another_program_is_found_now_and_its_folders_are_filled_in(install: Callable[..., Path]) -> None:
    folder = install(
        "bashy", argv=["bash", "{resource_dir}/start", "{connection_file}"], language="bash", env={"A": "1"}
    )
    choice = kernels.kernel("bashy")
    assert Path(choice.argv[0]).is_absolute()
    assert choice.argv[1:] == (f"{folder}/start", "{connection_file}")
    assert (choice.language, choice.display_name, choice.env) == ("bash", "Bashy", {"A": "1"})


@pytest.mark.parametrize("name", ["absent", "../../etc", "a b", "", "a\0b"])
def test_a_kernel_that_is_not_installed_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(KernelUnavailable) as refused:
        kernels.kernel(name)
    assert refused.value.precise_code == "kernel_not_installed"
    assert "python3" in refused.value.detail["installed"]
    assert "python3" in refused.value.message


def test_a_kernel_whose_environment_was_removed_is_refused(install: Callable[..., Path]) -> None:
    install("gone", argv=["/no/such/env/bin/python", "-m", "ipykernel_launcher"])
    with pytest.raises(KernelUnavailable, match="/no/such/env/bin/python"):
        kernels.kernel("gone")


@pytest.mark.parametrize("spec", [{"argv": []}, {}])
def test_a_kernelspec_without_a_program_is_refused(spec: dict[str, Any], install: Callable[..., Path]) -> None:
    install("empty", **spec)
    with pytest.raises(KernelUnavailable):
        kernels.kernel("empty")


def test_a_broken_kernelspec_is_refused(install: Callable[..., Path]) -> None:
    (install("broken") / "kernel.json").write_text("{")
    with pytest.raises(KernelUnavailable):
        kernels.kernel("broken")


def test_the_chosen_kernel_goes_before_the_notebooks_own(make: Cells) -> None:
    it = parse_notebook(make(kernel={"name": "absent", "display_name": "Absent"}))
    assert kernels.kernel_of(it, "python3").name == "python3"
    with pytest.raises(KernelUnavailable, match="absent"):
        kernels.kernel_of(it, None)


def test_a_notebook_without_a_kernelspec_is_refused_and_told_of_kernel(make: Cells) -> None:
    with pytest.raises(KernelUnavailable) as refused:
        kernels.kernel_of(parse_notebook(make(kernel=None)), None)
    assert refused.value.precise_code == "no_kernelspec"
    assert "--kernel" in refused.value.message


def test_the_only_kernel_of_the_notebooks_language_is_suggested_but_not_taken(
    make: Cells, install: Callable[..., Path]
) -> None:
    install("juliana", argv=["bash"], language="julia")
    with pytest.raises(KernelUnavailable, match="--kernel juliana") as refused:
        kernels.kernel_of(parse_notebook(make(kernel=None, language_info={"name": "julia"})), None)
    assert refused.value.detail["suggested"] == "juliana"


@pytest.mark.parametrize("metadata", [{"kernelspec": []}, {"kernelspec": {"name": 5}}, {"language_info": "x"}])
def test_hostile_kernel_metadata_count_as_none(metadata: dict[str, Any], make: Cells) -> None:
    with pytest.raises(KernelUnavailable) as refused:
        kernels.kernel_of(parse_notebook(make(**{"kernel": None, **metadata})), None)
    assert refused.value.precise_code == "no_kernelspec"
