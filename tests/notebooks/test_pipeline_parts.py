from __future__ import annotations

import pytest

from dataops_lab.domain.snapshots import SnapshotLimits
from dataops_lab.errors import InvalidNotebook, InvalidPipeline, InvalidScript, PathOutsideRoot
from dataops_lab.notebooks.pipeline_parts import MAX_FILE_BYTES, read_parameters, read_pipeline_file

from .. import written
from ..hostile import a_pipe

HEADER = "# /// dataops\n# [parameters]\n# month = 3\n# ///\n"


def names(path, root=None):
    return [parameter.name for parameter in read_parameters(str(path), root=root, limits=SnapshotLimits()).parameters]


def test_parameters_come_from_the_cell_of_a_notebook(tmp_path):
    (tmp_path / "a.ipynb").write_text(written.notebook("1", parameters="x = 1\ny = 2"))
    assert names(tmp_path / "a.ipynb") == ["x", "y"]


def test_parameters_come_from_the_header_of_a_script_or_from_the_file_beside_it(tmp_path):
    (tmp_path / "a.py").write_text(HEADER)
    assert names(tmp_path / "a.py") == ["month"]
    (tmp_path / "b.sh").write_text("echo")
    assert not read_parameters(str(tmp_path / "b.sh"), root=None, limits=SnapshotLimits()).declared
    (tmp_path / "b.sh.dataops.toml").write_text("[parameters]\nregion = 'North'\n")
    assert names(tmp_path / "b.sh") == ["region"]


def test_a_file_that_is_neither_is_refused(tmp_path):
    (tmp_path / "a.ipynb").write_text("no")
    with pytest.raises(InvalidNotebook):
        names(tmp_path / "a.ipynb")
    with pytest.raises(InvalidScript):
        names(tmp_path / "gone.py")
    with pytest.raises(PathOutsideRoot):
        names("/etc/passwd.py", root=str(tmp_path))


def test_the_bytes_of_a_pipeline_are_those_of_its_file(tmp_path):
    file = tmp_path / "a.pipeline.yaml"
    file.write_bytes(b"version: 1\r\n\xff")
    assert read_pipeline_file(str(file), root=str(tmp_path)) == b"version: 1\r\n\xff"


def test_a_pipeline_that_is_gone_a_folder_a_pipe_too_large_or_elsewhere_is_refused(tmp_path):
    large, pipe = tmp_path / "large.pipeline.yaml", tmp_path / "pipe.pipeline.yaml"
    large.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    a_pipe(pipe)
    for path in (tmp_path, large, pipe, tmp_path / "gone.pipeline.yaml", large / "below", tmp_path / ("x" * 300)):
        with pytest.raises(InvalidPipeline):
            read_pipeline_file(str(path), root=str(tmp_path))
    with pytest.raises(PathOutsideRoot):
        read_pipeline_file(str(tmp_path / ".." / "a.pipeline.yaml"), root=str(tmp_path))
