from __future__ import annotations

import json
import platform
from importlib.metadata import version

import pytest

from dataops_lab.domain.snapshots import KernelChoice, Severity, TargetRuntime

PYTHON = KernelChoice("python3", "python", "Python", ("python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"))


def image(python: str | None = None, **packages: str) -> TargetRuntime:
    named = {name.replace("_", "-"): found for name, found in packages.items()}
    return TargetRuntime((PYTHON,), image="data", python=python or platform.python_version(), packages=named)


@pytest.fixture
def differences(project):
    def found(source: str, where: TargetRuntime, **options) -> dict[str, tuple[Severity, str]]:
        project.notebook(source, **options)
        findings = project.inspect(where=where).findings
        return {
            finding.code: (finding.severity, finding.message)
            for finding in findings
            if finding.code.startswith("image_")
        }

    return found


def test_a_package_that_the_image_lacks_is_named_with_the_module_that_needs_it(differences):
    [(code, (severity, message))] = differences("import sklearn.linear_model", image()).items()
    assert (code, severity) == ("image_lacks_package", Severity.WARNING)
    assert message == "scikit-learn is not in the image data, and the notebook imports sklearn."


def test_another_version_is_told_with_both(differences):
    found = differences("import pandas as pd", image(Pandas="1.0"))
    message = f"pandas is {version('pandas')} on the notebook's kernel and 1.0 in the image data."
    assert found == {"image_other_version": (Severity.INFO, message)}


def test_another_python_is_told_and_a_patch_of_it_is_not(differences):
    assert "image_other_python" in differences("1", image(python="3.9.1"))
    assert differences("1", image(python=".".join([*platform.python_version_tuple()[:2], "99"]))) == {}


def test_the_same_packages_and_what_travels_along_are_no_difference(differences, project):
    project.file("analysis/helpers.py", "import json")
    source = "import json\nimport helpers\nimport typing_extensions\nimport not_installed_here"
    assert differences(source, image(typing_extensions=version("typing_extensions"))) == {}


def test_what_is_installed_after_the_first_look_is_seen_by_the_next(differences, tmp_path, monkeypatch):
    packages, answers = tmp_path / "packages", tmp_path / "answers"
    packages.mkdir()
    answers.mkdir()
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho >> {answers}/asked; cat {answers}/now\n")
    python.chmod(0o755)
    kernel = tmp_path / "kernels" / "own"
    kernel.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"display_name": "Own", "language": "python", "argv": argv}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    def installs(version: str) -> None:
        (packages / f"tidy-{version}.dist-info").mkdir()
        said = {"python": platform.python_version(), "modules": {"tidy": ["tidy", version]}, "folders": [str(packages)]}
        (answers / "now").write_text(json.dumps(said))

    def told() -> str:
        spec = {"name": "own", "display_name": "Own", "language": "python"}
        return differences("import tidy", image(tidy="9.0"), kernel=spec)["image_other_version"][1]

    installs("1.0")
    assert "tidy is 1.0" in told()
    assert "tidy is 1.0" in told()
    assert (answers / "asked").read_text().count("\n") == 1
    installs("2.0")
    assert "tidy is 2.0" in told()


def test_start_up_files_of_ipython_are_told_for_an_image_and_not_for_here(differences, project, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    folder = tmp_path / "ipython" / "profile_default" / "startup"
    folder.mkdir(parents=True)
    (folder / "README").write_text("Files here are run.")
    assert differences("1", image()) == {}

    (folder / "00-numbers.py").write_text("import numpy as np")
    [(code, (severity, message))] = differences("1", image()).items()
    assert (code, severity) == ("image_lacks_start_up", Severity.WARNING)
    assert "00-numbers.py" in message and "README" not in message
    assert "image_lacks_start_up" not in {finding.code for finding in project.inspect().findings}


def test_of_an_image_that_was_written_in_nothing_differs(differences):
    kernel = {"name": "dataops.sandbox.data.python3", "display_name": "x", "language": "python"}
    assert differences("import pandas", image(), kernel=kernel) == {}
