import os
from types import SimpleNamespace

from dataops_lab.rundir.files import MAX_HOLE_BYTES, is_sparse, remove_tree, umask

from ..hostile import deep, hollow


def test_a_folder_goes_with_all_that_is_in_it(tmp_path):
    root = tmp_path / "run"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "file").touch()
    os.mkfifo(root / "a" / "pipe")
    remove_tree(root)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_is_no_trouble(tmp_path):
    remove_tree(tmp_path / "missing")
    (tmp_path / "file").touch()
    remove_tree(tmp_path / "file" / "below")
    assert (tmp_path / "file").exists()


def test_links_go_and_what_they_lead_to_stays(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link").symlink_to(tmp_path / "elsewhere")
    remove_tree(tmp_path / "run")
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    remove_tree(tmp_path / "run")
    assert (tmp_path / "elsewhere" / "file").exists()


def test_folders_may_lie_inside_one_another_deeper_than_python_may_call_and_than_a_path_is_long(tmp_path):
    (tmp_path / "run").mkdir()
    with deep(tmp_path / "run"):
        remove_tree(tmp_path / "run")
        assert list(tmp_path.iterdir()) == []


def test_only_a_file_of_which_much_was_never_written_is_hollow(tmp_path):
    def looked_at(name: str) -> bool:
        with (tmp_path / name).open("rb") as file:
            found = is_sparse(file.fileno())
            assert file.tell() == 0
        return found

    (tmp_path / "full").write_bytes(b"x" * 10_000)
    with (tmp_path / "some holes").open("wb") as file:
        file.truncate(MAX_HOLE_BYTES)
    hollow(tmp_path / "hollow")
    (tmp_path / "begun").write_bytes(b"x" * 10_000)
    hollow(tmp_path / "begun")
    assert [looked_at(name) for name in ("full", "some holes", "hollow", "begun")] == [False, False, True, True]


def test_what_the_file_system_compresses_is_not_hollow(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"x" * 10_000)
    real = (tmp_path / "file").stat()
    compressed = SimpleNamespace(st_size=2 * MAX_HOLE_BYTES, st_blocks=real.st_blocks)
    monkeypatch.setattr(os, "fstat", lambda _: compressed)
    monkeypatch.setattr(os, "lseek", lambda _, at, whence: compressed.st_size if whence == os.SEEK_HOLE else at)
    assert not is_sparse(0)


def test_the_umask_is_told_without_being_set(monkeypatch):
    before = os.umask(0o027)
    monkeypatch.setattr("os.umask", None)
    told = umask()
    monkeypatch.undo()
    os.umask(before)
    assert told == 0o027
