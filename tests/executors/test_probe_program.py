from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from dataops_lab.executors.docker.probe import PROGRAM

GOOD = {
    "argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "Odd",
    "language": "python",
    "env": {"A": "1"},
    "interrupt_mode": "signal",
    "metadata": {},
}
ODD_VALUES = [None, 7, "x", [], ["x", 5], {"x": None}, {"kernel_provisioner": 5}]


def test_an_image_is_probed_whatever_its_kernelspecs_hold(tmp_path: Path) -> None:
    odd = [{**GOOD, member: value} for member in GOOD for value in ODD_VALUES]
    contents = {f"odd-{number}": json.dumps(spec) for number, spec in enumerate(odd)}
    contents |= {"broken": "{", "listed": "[]", "fine": json.dumps(GOOD)}
    for name, content in contents.items():
        folder = tmp_path / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(content)

    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "JUPYTER_PATH": str(tmp_path)},
        capture_output=True,
        check=True,
    )

    found = json.loads(done.stdout)
    usable = {kernel["name"]: kernel for kernel in found["kernels"]}
    assert contents.keys() <= usable.keys() | found["broken_kernels"].keys()
    assert {"broken", "listed"} <= found["broken_kernels"].keys()
    assert usable["fine"]["argv"][0] == sys.executable
    for kernel in usable.values():
        texts = [kernel["language"], kernel["display_name"], *kernel["argv"], *kernel["env"].values()]
        assert all(isinstance(text, str) for text in texts)
