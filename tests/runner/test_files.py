import os

from dataops_lab.runner.files import remove_all

from ..hostile import deep


def test_a_folder_goes_with_all_that_is_in_it(tmp_path):
    root = tmp_path / "run"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "file").touch()
    os.mkfifo(root / "a" / "pipe")
    remove_all(root)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_is_no_trouble(tmp_path):
    remove_all(tmp_path / "missing")
    (tmp_path / "file").touch()
    remove_all(tmp_path / "file" / "below")
    assert (tmp_path / "file").exists()


def test_links_go_and_what_they_lead_to_stays(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link").symlink_to(tmp_path / "elsewhere")
    remove_all(tmp_path / "run")
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    remove_all(tmp_path / "run")
    assert (tmp_path / "elsewhere" / "file").exists()


def test_folders_may_lie_inside_one_another_deeper_than_python_may_call_and_than_a_path_is_long(tmp_path):
    (tmp_path / "run").mkdir()
    with deep(tmp_path / "run"):
        remove_all(tmp_path / "run")
        assert list(tmp_path.iterdir()) == []
