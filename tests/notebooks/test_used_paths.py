"""The paths that notebooks and scripts read and write."""

from __future__ import annotations

import json

import pytest

from dataops_lab.domain.snapshots import SnapshotLimits
from dataops_lab.errors import InvalidNotebook, PathOutsideRoot, SnapshotTooLarge
from dataops_lab.notebooks.used_paths import find_used_paths


def used(tmp_path, name, source, *, language="python"):
    path = tmp_path / name
    if path.suffix == ".ipynb":
        cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source}]
        metadata = {"kernelspec": {"name": "k", "display_name": "k", "language": language}}
        source = json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": cells})
    path.write_text(source, encoding="utf-8")
    found = find_used_paths(str(path), root=None, limits=SnapshotLimits())
    return sorted(found.reads), sorted(found.writes)


@pytest.mark.parametrize("name", ["a.ipynb", "a.py"])
@pytest.mark.parametrize(
    ("source", "reads", "writes"),
    [
        ("df = pd.read_csv('raw.csv')\ndf.to_parquet('clean.parquet')", ["raw.csv"], ["clean.parquet"]),
        ("OUT = 'out/data.csv'\ndf.to_csv(OUT)", [], ["out/data.csv"]),
        ("with open('x.txt', 'w') as f:\n    json.dump(value, f)", [], ["x.txt"]),
        ("Path('a').joinpath('b.txt').write_text(text)", [], ["a/b.txt"]),
        ("joblib.dump(model, 'model.pkl')", [], ["model.pkl"]),
        ("torch.save(model.state(), 'model.pt')", [], ["model.pt"]),
        ("np.save('x.npy', values)\nnp.load('y.npy')", ["y.npy"], ["x.npy"]),
        ("plt.savefig(f'figures/{name}.png')", [], ["figures/*.png"]),
        ("shutil.copy('a.csv', 'b.csv')", ["a.csv"], ["b.csv"]),
        ("pd.ExcelWriter('book.xlsx')", [], ["book.xlsx"]),
        ("pd.read_csv(unknown)", [], []),
        ("FILE = 'in/raw.csv'\nload(FILE)", ["in/raw.csv"], []),
        ("df['region']\nprint(f'{a}_{b}', f'{n} of {m}', 'Nothing. At all')", [], []),
    ],
)
def test_python_is_scanned(tmp_path, name, source, reads, writes):
    found_reads, found_writes = used(tmp_path, name, source)
    assert found_reads == reads
    assert [path for path in found_writes if "." in path] == writes


@pytest.mark.parametrize("name", ["a.R", "a.r", "a.ipynb"])
def test_r_is_scanned_also_for_paths_without_a_folder(tmp_path, name):
    source = (
        "d <- read.csv('raw.csv')  # write.csv('no.csv')\n"
        "write.csv(summary(d, digits = max(3, 4)), 'sum.csv')\n"
        'saveRDS(m, file = "out/m.rds")\nx <- readRDS("n.rds")\n'
        "ggsave('plot.png')\nthread.csv('no.csv')\n"
    )
    reads, writes = used(tmp_path, name, source, language="R")
    assert {"raw.csv", "n.rds"} <= set(reads)
    assert writes == ["out/m.rds", "plot.png", "sum.csv"]
    assert "no.csv" not in [*reads, *writes]


def test_shell_is_scanned_for_redirections(tmp_path):
    source = "sort < raw.csv > sorted.csv # > no.csv\ntool in/x.txt 2>err.log >> log.txt\n"
    reads, writes = used(tmp_path, "a.sh", source)
    assert reads == ["in/x.txt", "raw.csv"]
    assert writes == ["log.txt", "sorted.csv"]


@pytest.mark.parametrize("source", ["write.csv(" * 20_000, "'" * 100_000, "read.csv('" + "x" * 100_000, ">" * 100_000])
def test_hostile_text_is_scanned_in_time(tmp_path, source):
    for name in ("a.R", "a.sh", "a.py"):
        used(tmp_path, name, source)


def test_what_cannot_be_read_is_refused(tmp_path):
    for name in ("gone.py", "gone.ipynb", "gone.R"):
        with pytest.raises(InvalidNotebook):
            find_used_paths(str(tmp_path / name), root=None, limits=SnapshotLimits())
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(InvalidNotebook):
        find_used_paths(str(tmp_path / "folder.py"), root=None, limits=SnapshotLimits())


def test_a_script_that_is_too_large_is_refused(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n" * 10)
    with pytest.raises(SnapshotTooLarge):
        find_used_paths(str(tmp_path / "a.py"), root=None, limits=SnapshotLimits(file_bytes=10))


def test_a_file_outside_the_root_is_refused(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "a.py").write_text("")
    with pytest.raises(PathOutsideRoot):
        find_used_paths(str(tmp_path / "a.py"), root=str(tmp_path / "root"), limits=SnapshotLimits())
