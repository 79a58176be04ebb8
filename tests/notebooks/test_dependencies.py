from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from dataops_lab.domain.snapshots import SnapshotLimits, include_line
from dataops_lab.errors import SnapshotTooLarge


def test_the_folder_of_the_notebook_travels_with_its_subfolders_and_other_notebooks(project: Any) -> None:
    for path in ("analysis/a.csv", "analysis/deep/er/b.csv", "analysis/other.ipynb", "elsewhere/c.csv"):
        project.file(path)
    project.notebook("1")
    assert project.travels() == ["analysis/a.csv", "analysis/deep/er/b.csv", "analysis/other.ipynb"]


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".ipynb_checkpoints/sales-checkpoint.ipynb",
        "__pycache__/a.pyc",
        "node_modules/x/index.js",
        "venv/bin/activate",
        ".dataops/state",
        "deep/.mypy_cache/x",
        "a.pyc",
        ".DS_Store",
    ],
)
def test_what_tools_leave_stays_behind_silently(path: str, project: Any) -> None:
    project.file(f"analysis/{path}")
    project.notebook("1")
    assert (project.travels(), project.findings()) == ([], [])


@pytest.mark.parametrize(
    "marker", ["pyvenv.cfg", "conda-meta/history", "dataops.sqlite", ".dataops-reproduction/run.json"]
)
def test_environments_and_our_own_state_stay_behind_by_any_name(marker: str, project: Any) -> None:
    project.file(f"analysis/my-env/{marker}")
    project.file("analysis/my-env/lib/python3.11/site.py")
    project.notebook("1")
    assert project.travels() == []


@pytest.mark.parametrize(
    "name",
    [
        *(".env", ".env.local", "server.pem", "tls.key", "id_rsa", "id_ed25519", ".netrc", ".ssh/config"),
        *(".kube/config", ".ENV", "id_RSA", "prod.env", ".npmrc", ".vault-token", ".aws-credentials"),
        *(".dockerconfigjson", ".htpasswd", ".Renviron", "credentials.json", "service-account.json", "secrets.toml"),
        *(".streamlit/secrets.toml", "kubeconfig", "terraform.tfstate", "app.jks", "Vault.kdbx", "password.txt"),
        *("Passwords.txt", "client_secret_1.json", ".pgpass", "application_default_credentials.json"),
    ],
)
def test_secrets_stay_behind_and_it_is_said(name: str, project: Any) -> None:
    project.file(f"analysis/{name}")
    project.notebook("1")
    assert (project.travels(), project.findings()) == ([], ["secret_left_behind"])


@pytest.mark.parametrize(
    "name",
    [
        ".env.example",
        "id_rsa.pub",
        "environment.yml",
        "keys.csv",
        "tokens.txt",
        "tokenizer.json",
        "secrets.py",
        "dem.asc",
    ],
)
def test_what_only_sounds_like_a_secret_travels(name: str, project: Any) -> None:
    project.file(f"analysis/{name}")
    project.notebook("1")
    assert project.travels() == [f"analysis/{name}"]


class TestDataopsignore:
    def test_patterns_are_those_of_git(self, project: Any) -> None:
        for name in ("a.csv", "a.log", "keep.log", "raw/b.csv", "deep/raw/c.csv"):
            project.file(f"analysis/{name}")
        project.file("analysis/.dataopsignore", "# comment\n\n*.log\n!keep.log\n/raw/\n")
        project.notebook("1")
        assert project.travels() == ["analysis/a.csv", "analysis/deep/raw/c.csv", "analysis/keep.log"]

    def test_the_one_in_the_root_counts_and_a_nearer_one_goes_before_it(self, project: Any) -> None:
        project.file(".dataopsignore", "*.csv\n")
        project.file("analysis/deep/.dataopsignore", "!b.csv\n")
        for name in ("a.csv", "deep/a.csv", "deep/b.csv"):
            project.file(f"analysis/{name}")
        project.notebook("1")
        assert project.travels() == ["analysis/deep/b.csv"]

    def test_it_can_take_a_secret_along(self, project: Any) -> None:
        project.file("analysis/.env")
        project.file(".dataopsignore", "!.env\n")
        project.notebook("1")
        assert (project.travels(), project.findings()) == (["analysis/.env"], [])

    def test_gitignore_does_not_count(self, project: Any) -> None:
        project.file("analysis/.gitignore", "*.csv\n")
        project.file("analysis/a.csv")
        project.notebook("1")
        assert project.travels() == ["analysis/.gitignore", "analysis/a.csv"]

    def test_a_line_that_is_no_pattern_is_passed_over(self, project: Any) -> None:
        project.file(".dataopsignore", "!\n\\\n[\n*.csv\n")
        project.file("analysis/a.csv")
        project.notebook("1")
        assert project.travels() == []

    @pytest.mark.parametrize("path", ["../data/a.csv", "data/a.csv"])
    def test_a_file_that_is_named_but_ignored_is_said(self, path: str, project: Any) -> None:
        project.file(f"analysis/{path}")
        project.file(".dataopsignore", "data/\n")
        project.notebook(f"open('{path}')")
        assert (project.travels(), project.findings()) == ([], ["ignored_file"])
        (finding,) = (finding for finding in project.inspect().findings if finding.code == "ignored_file")
        assert finding.file == path and include_line(path) in finding.hint

    def test_it_names_single_files_that_travel_against_every_rule(self, project: Any) -> None:
        project.file(".dataopsignore", "data/\n")
        project.file("analysis/.dataopsignore", "!/raw/a.csv\n!../data/b.csv  \n!/.cache/c.csv\n/raw/\n")
        for path in ("analysis/raw/a.csv", "analysis/raw/no.csv", "data/b.csv", "data/no.csv", "analysis/.cache/c.csv"):
            project.file(path)
        project.notebook("open('../data/b.csv')")
        assert project.travels() == ["analysis/.cache/c.csv", "analysis/raw/a.csv", "data/b.csv"]
        assert project.findings() == []

    def test_the_files_it_names_are_no_way_out_of_the_root(self, project: Any, tmp_path: Path) -> None:
        (tmp_path / "secret.csv").touch()
        project.file("analysis/.dataopsignore", "!../../secret.csv\n!/../../secret.csv\n!/link.csv\n!../gone.csv\n")
        (project.root / "analysis" / "link.csv").symlink_to(tmp_path / "secret.csv")
        project.notebook("1")
        assert project.travels() == []

    def test_what_a_module_that_it_names_needs_travels_too(self, project: Any) -> None:
        project.file("lib/late.py", "import helper\n")
        project.file("lib/helper.py")
        project.file("analysis/.dataopsignore", "!../lib/late.py\n")
        project.notebook("1")
        assert project.travels() == ["lib/helper.py", "lib/late.py"]


class TestLinks:
    @pytest.mark.parametrize(
        ("link", "target"),
        [
            ("analysis/notes.txt", ".env"),
            ("analysis/notes.txt", "analysis/.ssh/config"),
            ("analysis/login", ".aws"),
            ("data/login", ".aws"),
            ("data/notes.txt", "data/first"),
        ],
    )
    def test_a_link_of_any_name_takes_no_secret_along(self, link: str, target: str, project: Any) -> None:
        for path in (".env", "analysis/.ssh/config", ".aws/config", "data/.env"):
            project.file(path)
        (project.root / "data" / "first").symlink_to(".env")
        (project.root / link).symlink_to(project.root / target)
        project.notebook("open('../data/login/config')\nopen('../data/notes.txt')")
        assert project.travels() == []
        assert project.findings("secret_left_behind")

    def test_a_link_to_a_secret_that_a_rule_takes_along_travels(self, project: Any) -> None:
        project.file("analysis/.env")
        project.file(".dataopsignore", "!.env\n")
        (project.root / "analysis" / "notes.txt").symlink_to(".env")
        project.notebook("1")
        assert project.travels() == ["analysis/.env", "analysis/notes.txt"]

    def test_a_link_within_the_root_travels_as_what_it_points_to(self, project: Any) -> None:
        project.file("shared/deep/a.csv")
        project.notebook("1")
        (project.root / "analysis" / "file.csv").symlink_to("../shared/deep/a.csv")
        (project.root / "analysis" / "folder").symlink_to("../shared")
        assert project.travels() == ["analysis/file.csv", "analysis/folder/deep/a.csv"]

    def test_a_link_out_of_the_root_stays_behind_and_it_is_said(self, project: Any, tmp_path: Path) -> None:
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "secret.csv").write_text("x")
        project.notebook("open('../lib/secret.csv')\nimport out")
        (project.root / "analysis" / "folder").symlink_to(tmp_path / "outside")
        (project.root / "analysis" / "file.csv").symlink_to(tmp_path / "outside" / "secret.csv")
        (project.root / "lib").symlink_to(tmp_path / "outside")
        assert project.travels() == []
        assert project.findings("outside_root") == [
            "analysis/file.csv is a link that leads out of the workspace, so it does not travel.",
            "analysis/folder is a link that leads out of the workspace, so it does not travel.",
            "lib/secret.csv is a link that leads out of the workspace, so it does not travel.",
        ]

    def test_a_module_behind_a_link_out_of_the_root_is_not_even_read(self, project: Any, tmp_path: Path) -> None:
        (tmp_path / "outside.py").write_text("open('../data/a.csv')")
        project.file("data/a.csv")
        project.notebook("import linked")
        (project.root / "analysis" / "linked.py").symlink_to(tmp_path / "outside.py")
        assert project.travels() == []

    def test_links_in_circles_end(self, project: Any) -> None:
        project.file("analysis/a.csv")
        project.notebook("1")
        (project.root / "analysis" / "self").symlink_to(".")
        (project.root / "analysis" / "up").symlink_to("..")
        (project.root / "analysis" / "nothing").symlink_to("nothing")
        assert "analysis/a.csv" in project.travels()
        assert len(project.travels()) <= 3

    def test_a_sibling_whose_name_starts_alike_is_outside(self, project: Any) -> None:
        (project.root.parent / "work-private").mkdir()
        (project.root.parent / "work-private" / "a.csv").write_text("x")
        project.notebook("open('../../work-private/a.csv')")
        assert (project.travels(), project.findings()) == ([], ["outside_root"])


class TestLimits:
    def test_too_many_files_are_refused_with_the_folder_that_holds_them(self, project: Any) -> None:
        for number in range(12):
            project.file(f"analysis/frames/{number}.png")
        project.file("analysis/a.csv")
        project.notebook("os.listdir('frames')")
        with pytest.raises(SnapshotTooLarge, match=r"more than 10 files.*frames/.*\.dataopsignore"):
            project.inspect(limits=SnapshotLimits(files=10))

    def test_a_file_that_is_too_large_is_named(self, project: Any) -> None:
        project.file("analysis/big.bin", "x" * 2000)
        project.notebook("open('big.bin', 'rb')")
        with pytest.raises(SnapshotTooLarge, match=r"analysis/big.bin has 2 kB") as refused:
            project.inspect(limits=SnapshotLimits(file_bytes=1999))
        assert refused.value.detail["largest"] == [{"path": "analysis/big.bin", "bytes": 2000}]
        assert refused.value.detail["ignore_file"] == str(project.root / "analysis" / ".dataopsignore")

    @pytest.mark.parametrize("source", ["open('raw/big.bin')", "os.listdir('raw')", "glob('raw/*')", "name = 'raw'"])
    def test_a_file_that_is_too_large_and_named_is_refused(self, source: str, project: Any) -> None:
        project.file("analysis/raw/big.bin", "x" * 2000)
        project.notebook(source)
        with pytest.raises(SnapshotTooLarge):
            project.inspect(limits=SnapshotLimits(file_bytes=1999))

    @pytest.mark.parametrize("source", ["1", "open('big.bin', 'wb')"])
    def test_a_file_that_is_too_large_and_not_named_stays_behind(self, source: str, project: Any) -> None:
        project.file("analysis/big.bin", "x" * 2000)
        project.file("analysis/a.csv")
        project.notebook(source)
        limits = SnapshotLimits(file_bytes=1999)
        assert project.travels(limits=limits) == ["analysis/a.csv"]
        assert project.findings(limits=limits) == ["large_file"]

    def test_too_much_in_total_names_the_largest_first(self, project: Any) -> None:
        project.file("analysis/a.bin", "x" * 700)
        project.file("analysis/b.bin", "x" * 800)
        project.file("analysis/c.bin", "x" * 900)
        project.notebook("open('a.bin'), open('b.bin')")
        with pytest.raises(SnapshotTooLarge) as refused:
            project.inspect(limits=SnapshotLimits(total_bytes=1000))
        assert [file["path"] for file in refused.value.detail["largest"]] == ["analysis/b.bin", "analysis/a.bin"]

    def test_the_largest_of_all_that_is_named_is_listed_when_the_limit_is_passed_earlier(self, project: Any) -> None:
        for name, size in {"a": 700, "b": 800, "c": 900}.items():
            project.file(f"analysis/{name}.bin", "x" * size)
        project.notebook("open('a.bin'), open('b.bin'), open('c.bin')")
        with pytest.raises(SnapshotTooLarge, match=r"have 2.4 kB, and 1 kB may travel") as refused:
            project.inspect(limits=SnapshotLimits(total_bytes=1000))
        assert refused.value.detail["largest"][0]["path"] == "analysis/c.bin"

    def test_the_most_numerous_files_that_nothing_names_stay_behind_and_it_is_said_once(self, project: Any) -> None:
        for number in range(12):
            project.file(f"analysis/frames/{number}.png")
            project.file(f"analysis/out/{number}.txt")
        project.file("analysis/frames/index.csv")
        project.file("analysis/helpers.py")
        project.notebook("open('out/7.txt')")
        limits = SnapshotLimits(files=10)
        assert project.travels(limits=limits) == [
            *("analysis/frames/index.csv", "analysis/helpers.py", "analysis/out/7.txt")
        ]
        [message] = project.findings("too_much_beside", limits=limits)
        assert "23 files (46 bytes): analysis/frames/*.png (12 files, 24 bytes), analysis/out/*.txt (11" in message

    def test_the_largest_files_that_nothing_names_stay_behind_until_it_fits(self, project: Any) -> None:
        for name, size in {"a": 500, "b": 800, "c": 900, "d": 300}.items():
            project.file(f"analysis/{name}.bin", "x" * size)
        project.notebook("open('a.bin')")
        limits = SnapshotLimits(total_bytes=1000)
        assert project.travels(limits=limits) == ["analysis/a.bin", "analysis/d.bin"]
        [message] = project.findings("too_much_beside", limits=limits)
        assert "2 files (1.7 kB): analysis/c.bin (900 bytes), analysis/b.bin (800 bytes)" in message

    @pytest.mark.parametrize(
        ("source", "ignore"), [("import helpers", ""), ("%run helpers.py", ""), ("1", "!/helpers.py\n")]
    )
    def test_what_is_named_travels_however_much_lies_beside_it(self, source: str, ignore: str, project: Any) -> None:
        for number in range(12):
            project.file(f"analysis/m{number}.py")
        project.file("analysis/helpers.py", "open('table.csv')")
        project.file("analysis/table.csv", "x" * 600)
        project.file("analysis/other.csv", "x" * 600)
        project.file("analysis/.dataopsignore", ignore)
        project.notebook(source)
        named = {"analysis/helpers.py", "analysis/table.csv"}
        assert named <= set(project.travels(limits=SnapshotLimits(files=10, total_bytes=1000)))

    def test_more_empty_folders_than_may_travel_stay_behind_and_it_is_said(self, project: Any) -> None:
        for number in range(12):
            project.file(f"analysis/{number:02d}/part")
        project.notebook("open('07/new.csv', 'w')")
        [finding] = [f for f in project.inspect(limits=SnapshotLimits(files=2)).findings if f.code == "too_much_beside"]
        assert "Folders of which no file travels stay behind too." in finding.message

    def test_a_folder_that_is_named_counts_too(self, project: Any) -> None:
        for number in range(12):
            project.file(f"data/{number}.csv")
        project.notebook("DATA = '../data'")
        with pytest.raises(SnapshotTooLarge, match="files") as refused:
            project.inspect(limits=SnapshotLimits(files=10))
        assert refused.value.detail["ignore_file"] == str(project.root / ".dataopsignore")

    def test_what_is_ignored_does_not_count(self, project: Any) -> None:
        for number in range(12):
            project.file(f"analysis/frames/{number}.png")
        project.file(".dataopsignore", "frames/\n")
        project.notebook("1")
        assert project.travels(limits=SnapshotLimits(files=10)) == []

    def test_a_huge_folder_is_left_at_the_limit_and_not_walked_to_its_end(
        self, project: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for folder in range(20):
            for number in range(5):
                project.file(f"analysis/{folder:02d}/{number}.csv")
        project.notebook("open('19/3.csv')")
        listed: list[Path] = []
        listing = Path.iterdir

        def noted(path: Path) -> Any:
            listed.append(path)
            return listing(path)

        monkeypatch.setattr(Path, "iterdir", noted)
        looked = project.inspect(limits=SnapshotLimits(files=3))
        assert len(listed) < 9
        assert "analysis/19/3.csv" in [file.path for file in looked.files], "though it was not reached"
        assert "not all were looked at" in next(f.message for f in looked.findings if f.code == "too_much_beside")

    def test_a_huge_folder_that_is_named_is_left_as_well(self, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        for folder in range(20):
            for number in range(5):
                project.file(f"data/{folder:02d}/{number}.csv")
        project.notebook("DATA = '../data'")
        listed: list[Path] = []
        listing = Path.iterdir

        def noted(path: Path) -> Any:
            listed.append(path)
            return listing(path)

        monkeypatch.setattr(Path, "iterdir", noted)
        with pytest.raises(SnapshotTooLarge):
            project.inspect(limits=SnapshotLimits(files=3))
        assert len(listed) < 12


def test_brackets_in_the_names_of_folders_mean_nothing(project: Any) -> None:
    project.file("[old]/data/a.csv")
    for pattern in ("f'../data/{name}.csv'", "'../data/**/*.csv'"):
        project.notebook(f"glob.glob({pattern})", path="[old]/analysis/sales.ipynb")
        assert project.travels() == ["[old]/data/a.csv"]


def test_pipes_and_sockets_stay_behind(project: Any) -> None:
    project.notebook("open('../pipe')")
    os.mkfifo(project.root / "analysis" / "pipe")
    os.mkfifo(project.root / "pipe")
    assert project.travels() == []


def test_a_name_that_is_no_text_stays_behind_and_it_is_said(project: Any) -> None:
    project.notebook("1")
    Path(os.fsdecode(os.fsencode(str(project.root)) + b"/analysis/\xff.csv")).write_text("x")
    assert (project.travels(), project.findings()) == ([], ["unreadable_file"])


@pytest.mark.parametrize(
    "source",
    [
        f"open('../{'x' * 900}')",
        f"os.path.exists('../{'x' * 900}')",
        f"open('../{'y/' * 400}{'x' * 300}')",
        f"import {'x' * 5000}",
        f"import {'x.' * 1000}y",
        f"%run {'x' * 5000}",
        f"!cat ../{'x' * 5000}",
        "import sys; sys.path.append('" + "x" * 900 + "'); import a",
        "open('../\\0')",
        "open('" + "../" * 300 + "x')",
        "open('../[')",
        "glob.glob('../[!')",
    ],
)
def test_hostile_paths_do_not_harm(source: str, project: Any) -> None:
    project.notebook(source)
    assert project.travels() == []
