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
    assert kernels.resolve_kernel("native").argv == (
        sys.executable,
        "-m",
        "ipykernel_launcher",
        "-f",
        "{connection_file}",
    )


def test_another_program_is_found_now_and_its_folders_are_filled_in(install: Callable[..., Path]) -> None:
    folder = install(
        "bashy", argv=["bash", "{resource_dir}/start", "{connection_file}"], language="bash", env={"A": "1"}
    )
    choice = kernels.resolve_kernel("bashy")
    assert Path(choice.argv[0]).is_absolute()
    assert choice.argv[1:] == (f"{folder}/start", "{connection_file}")
    assert (choice.language, choice.display_name, choice.env) == ("bash", "Bashy", {"A": "1"})


@pytest.mark.parametrize("name", ["absent", "../../etc", "a b", "", "a\0b"])
def test_a_kernel_that_is_not_installed_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(KernelUnavailable) as refused:
        kernels.resolve_kernel(name)
    assert refused.value.precise_code == "kernel_not_installed"
    assert "python3" in refused.value.detail["installed"]
    assert "python3" in refused.value.message


def test_a_kernel_whose_environment_was_removed_is_refused(install: Callable[..., Path]) -> None:
    install("gone", argv=["/no/such/env/bin/python", "-m", "ipykernel_launcher"])
    with pytest.raises(KernelUnavailable, match="/no/such/env/bin/python"):
        kernels.resolve_kernel("gone")


@pytest.mark.parametrize("spec", [{"argv": []}, {}])
def test_a_kernelspec_without_a_program_is_refused(spec: dict[str, Any], install: Callable[..., Path]) -> None:
    install("empty", **spec)
    with pytest.raises(KernelUnavailable):
        kernels.resolve_kernel("empty")


GOOD = {
    "argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "Odd",
    "language": "python",
    "env": {"A": "1"},
    "interrupt_mode": "signal",
    "metadata": {},
}
ODD_VALUES = [None, 7, "x", [], ["x", 5], {}, {"x": None}, {"kernel_provisioner": 5}, True, "\ud800"]


@pytest.mark.parametrize("member", GOOD)
@pytest.mark.parametrize("value", ODD_VALUES, ids=repr)
def test_any_member_of_a_kernelspec_may_be_anything(
    member: str, value: Any, install: Callable[..., Path], make: Cells
) -> None:
    install("odd", **{**GOOD, member: value})
    install("fine", **GOOD)
    try:
        choice = kernels.select_kernel(parse_notebook(make(kernel={"name": "odd", "display_name": "Odd"})), None)
    except KernelUnavailable as refused:
        assert refused.precise_code in ("kernelspec_broken", "kernel_not_installed")
        assert "\n" not in refused.message
        assert "odd" not in refused.detail["installed"]
    else:
        texts = [choice.language, choice.display_name, choice.interrupt_mode, *choice.argv, *choice.env.values()]
        assert all(isinstance(text, str) for text in texts)
    assert "fine" in kernels.installed_kernels()


@pytest.mark.parametrize("content", [b"{", b"", b"[]", b"null", b"5", b"\xff\xfe", b"[" * 100_000, b'{"argv": ['])
def test_a_kernelspec_that_cannot_be_read_is_named_and_not_called_uninstalled(
    content: bytes, install: Callable[..., Path]
) -> None:
    file = install("broken") / "kernel.json"
    file.write_bytes(content)
    with pytest.raises(KernelUnavailable) as refused:
        kernels.resolve_kernel("broken")
    assert refused.value.precise_code == "kernelspec_broken"
    assert str(file) in refused.value.message
    assert "not installed" not in refused.value.message
    assert "broken" not in refused.value.detail["installed"]
    assert kernels.survey_kernels()[1].keys() == {"broken"}


def test_a_kernelspec_without_a_language_has_the_notebooks(make: Cells, install: Callable[..., Path]) -> None:
    install("silent", **{**GOOD, "language": ""})
    parsed_notebook = parse_notebook(
        make(kernel={"name": "silent", "display_name": "S"}, language_info={"name": "python"})
    )
    assert kernels.select_kernel(parsed_notebook, None).language == "python"


def test_the_chosen_kernel_goes_before_the_notebooks_own(make: Cells) -> None:
    parsed_notebook = parse_notebook(make(kernel={"name": "absent", "display_name": "Absent"}))
    assert kernels.select_kernel(parsed_notebook, "python3").name == "python3"
    with pytest.raises(KernelUnavailable, match="absent"):
        kernels.select_kernel(parsed_notebook, None)


def test_a_notebook_without_a_kernelspec_is_refused_and_told_of_kernel(make: Cells) -> None:
    with pytest.raises(KernelUnavailable) as refused:
        kernels.select_kernel(parse_notebook(make(kernel=None)), None)
    assert refused.value.precise_code == "no_kernelspec"
    assert "--kernel" in refused.value.message


def test_the_only_kernel_of_the_notebooks_language_is_suggested_but_not_taken(
    make: Cells, install: Callable[..., Path]
) -> None:
    install("juliana", argv=["bash"], language="julia")
    with pytest.raises(KernelUnavailable, match="--kernel juliana") as refused:
        kernels.select_kernel(parse_notebook(make(kernel=None, language_info={"name": "julia"})), None)
    assert refused.value.detail["suggested"] == "juliana"


def test_for_a_kernel_that_is_not_here_the_only_one_of_its_language_is_suggested(
    make: Cells, install: Callable[..., Path]
) -> None:
    install("juliana", argv=["bash"], language="julia")
    parsed_notebook = parse_notebook(make(kernel={"name": "conda-env-j-jl", "display_name": "J", "language": "Julia"}))
    with pytest.raises(KernelUnavailable, match="--kernel juliana") as refused:
        kernels.select_kernel(parsed_notebook, None)
    assert refused.value.detail["suggested"] == "juliana"


def test_of_two_kernels_of_its_language_none_is_suggested(make: Cells, install: Callable[..., Path]) -> None:
    install("one", argv=["bash"], language="julia")
    install("two", argv=["bash"], language="julia")
    parsed_notebook = parse_notebook(make(kernel={"name": "conda-env-j-jl", "display_name": "J", "language": "julia"}))
    with pytest.raises(KernelUnavailable) as refused:
        kernels.select_kernel(parsed_notebook, None)
    assert refused.value.detail["suggested"] is None


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernel": {"name": "python2", "display_name": "Python 2", "language": "python"}},
        {
            "kernel": {"name": "conda-env-old-py", "display_name": "Old", "language": "python"},
            "language_info": {"name": "python", "version": "2.7.18"},
        },
    ],
)
def test_nothing_is_suggested_for_python_2(metadata: dict[str, Any], make: Cells) -> None:
    with pytest.raises(KernelUnavailable) as refused:
        kernels.select_kernel(parse_notebook(make(**metadata)), None)
    assert refused.value.detail["suggested"] is None


@pytest.mark.parametrize("metadata", [{"kernelspec": []}, {"kernelspec": {"name": 5}}, {"language_info": "x"}])
def test_hostile_kernel_metadata_count_as_none(metadata: dict[str, Any], make: Cells) -> None:
    with pytest.raises(KernelUnavailable) as refused:
        kernels.select_kernel(parse_notebook(make(**{"kernel": None, **metadata})), None)
    assert refused.value.precise_code == "no_kernelspec"
