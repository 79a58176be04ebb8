from __future__ import annotations

import json
import sys

import pytest

from dataops_lab.errors import KernelUnavailable
from dataops_lab.notebooks.freeze import list_requirements


@pytest.fixture
def kernelspec(tmp_path, monkeypatch):
    """A function that installs a kernelspec of this program, known only to this test."""

    def installed(*argv: str) -> str:
        folder = tmp_path / "kernels" / "made-up"
        folder.mkdir(parents=True)
        spec = {"argv": [*argv, "{connection_file}"], "display_name": "Made up", "language": "python"}
        (folder / "kernel.json").write_text(json.dumps(spec))
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
        return "made-up"

    return installed


def test_a_kernel_is_frozen_to_versions_and_what_lies_on_this_machine_is_left_out():
    found = list_requirements("python3")
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert any(line.startswith("papermill==") for line in found.requirements)
    assert dict(found.left_out)["dataops-lab"] == "it is installed for development from a folder of this machine"


def test_packages_from_addresses_keep_them(tmp_path, kernelspec):
    from venv import create

    create(tmp_path / "env", symlinks=True)
    python = tmp_path / "env/bin/python"
    for name, direct in {
        "of-git": {"url": "https://git.example/x.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
        "of-web": {"url": "https://files.example/x.whl", "archive_info": {}},
        "of-here": {"url": "file:///home/x", "dir_info": {}},
    }.items():
        [site] = (tmp_path / "env/lib").glob("python*/site-packages")
        info = site / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "direct_url.json").write_text(json.dumps(direct))
    found = list_requirements(kernelspec(str(python), "-m", "ipykernel_launcher"))
    assert found.requirements == (
        "of-git @ git+https://git.example/x.git@abc",
        "of-web @ https://files.example/x.whl",
    )
    assert found.left_out == (("of-here", "it is installed from a folder of this machine"),)


@pytest.mark.parametrize("program", [("/bin/bash",), (sys.executable + "-is-not-there",)])
def test_a_kernel_that_is_no_python_or_is_gone_says_so(kernelspec, program):
    with pytest.raises(KernelUnavailable):
        list_requirements(kernelspec(*program))
