"""The images of a real daemon and of a real registry."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import platform
import tarfile
import uuid
from dataclasses import replace

import docker
import pytest

from dataops_lab.domain.images import BuildRecipe, Login, PinnedImage, Probe, protective_tag
from dataops_lab.errors import DataOpsError, Refused, Unavailable
from dataops_lab.executors.docker.build import installer_settings, make_plan
from dataops_lab.executors.docker.images import DockerImages
from dataops_lab.executors.docker.probe import probe_spec
from tests.registry import PASSWORD, USERNAME

NOW = dt.datetime(2026, 1, 31, 8, 0, tzinfo=dt.UTC)
USER = "1000:1000"


@pytest.fixture
def images(docker_client) -> DockerImages:
    return DockerImages(None)


@pytest.fixture
def lean(images, docker_images) -> PinnedImage:
    return images.find(docker_images["lean"])


@pytest.fixture
def remove(docker_client):
    """A function that takes names of images or tags. They are removed at the end of the test."""
    given: list[str] = []
    yield given.append
    for name in reversed(given):
        try:
            docker_client.images.remove(name, force=True)
        except docker.errors.ImageNotFound:
            pass


BASE = Probe(
    NOW,
    "3.11.2",
    "/opt/python/bin/python3",
    "2.6.0",
    (),
    {"pip": "24.0", "papermill": "2.6.0", "ipykernel": "6.0"},
    USER,
)


def quiet(_line: str) -> None:
    pass


def empty_image(client: docker.DockerClient, architecture: str) -> str:
    """Load a new image with a single file in it, as `docker save` would write it, and return its tag."""
    layer = packed({"nothing": b""})
    config = {
        "os": "linux",
        "architecture": architecture,
        "config": {"Labels": {"once": uuid.uuid4().hex}},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    name = f"dataops-lab-test/{uuid.uuid4().hex}:1"
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    files = {"manifest.json": json.dumps(manifest), "config.json": json.dumps(config)}
    client.images.load(packed({**{path: text.encode() for path, text in files.items()}, "layer.tar": layer}))
    return name


def packed(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return archive.getvalue()


MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


# --- finding and keeping ------------------------------------------------------------------------


def test_an_image_that_was_never_pushed_is_pinned_to_its_id(images, docker_images, lean):
    assert lean.id == lean.digest == docker_images["lean"]
    assert (lean.user, lean.size_bytes > 10_000_000) == (USER, True)
    assert lean.platform == f"linux/{MACHINE}"


def test_what_the_daemon_does_not_have_is_not_found(images):
    assert images.find("dataops-lab-test/nothing:1") is None


def test_an_image_for_another_architecture_is_refused_and_named(images, docker_client, remove):
    other = "arm64" if MACHINE == "amd64" else "amd64"
    name = empty_image(docker_client, other)
    remove(name)
    with pytest.raises(Refused, match=f"linux/{other}.*Take the image for") as refused:
        images.find(name)
    assert refused.value.precise_code == "wrong_platform"


def test_a_kept_image_outlives_its_own_tag_and_a_clean_up(images, docker_client, lean, remove):
    name = f"dataops-lab-test/passing-{uuid.uuid4().hex}"
    container = docker_client.containers.create(lean.id, ["true"])
    # The clean-up finds the image by the label, because the daemon may have images of others.
    built = container.commit(name, "1", changes=[f"LABEL {name}=1"])
    container.remove()
    pinned = images.find(built.id)
    tag = protective_tag("passing", pinned)
    remove(tag)
    images.add_tag(pinned, tag)
    docker_client.images.remove(f"{name}:1")
    docker_client.images.prune({"dangling": True, "label": name})
    assert images.find(pinned.id) == pinned
    images.remove_tag(tag)
    images.remove_tag(tag)
    assert images.find(pinned.id) is None


def test_a_daemon_that_is_not_there_is_said_to_be(tmp_path):
    with pytest.raises(Unavailable) as unavailable:
        DockerImages(f"unix://{tmp_path}/docker.sock").check()
    assert unavailable.value.precise_code == "docker_unreachable"


# --- probes -------------------------------------------------------------------------------------


def test_a_probe_tells_python_kernels_and_packages(images, docker_images):
    found = images.probe(images.find(docker_images["bash"]), user=USER, at=NOW)
    assert found.problems == ()
    assert (found.python[:2], found.user, found.papermill) == ("3.", USER, found.packages["papermill"])
    assert [kernel.name for kernel in found.kernels] == ["bash", "python3"]
    assert "bash-kernel" in {package.lower().replace("_", "-") for package in found.packages}
    assert all(kernel.argv[0].startswith("/") and "{connection_file}" in kernel.argv for kernel in found.kernels)


def test_what_is_missing_is_said_with_its_mend(images, docker_images):
    found = images.probe(images.find(docker_images["no-papermill"]), user=USER, at=NOW)
    [problem] = found.problems
    assert problem.startswith("papermill is missing. In its Dockerfile: `RUN python3 -m pip install papermill")


def test_an_image_that_says_root_is_looked_into_as_somebody_else(images, docker_images):
    root = images.find(docker_images["root"])
    assert (root.user, images.probe(root, user=USER, at=NOW).user) == ("root", USER)


def test_an_image_without_python_has_that_problem(images, docker_client, remove):
    empty = empty_image(docker_client, MACHINE)
    remove(empty)
    found = images.probe(images.find(empty), user=USER, at=NOW)
    assert found.python is None
    assert "no `python3` on its PATH" in found.problems[0]


def test_a_probe_is_as_hardened_as_a_run_and_leaves_no_container(images, docker_client, lean):
    host = probe_spec(lean.id, USER)["HostConfig"]
    assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and host["NetworkMode"] == "none"
    # Other processes may use this daemon, but only this test has this user.
    somebody = "4321:4321"
    assert images.probe(lean, user=somebody, at=NOW).user == somebody
    left = docker_client.api.containers(all=True, filters={"label": "dataops-lab.probe"})
    assert somebody not in [user_of(docker_client, container["Id"]) for container in left]


# --- building -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A tiny wheel that the test makes itself."""
    import zipfile

    folder = tmp_path_factory.mktemp("wheels")
    wheel = folder / "tiny_thing-1.0-py3-none-any.whl"
    info = "tiny_thing-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_thing.py", "ANSWER = 42\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.fixture
def index(package):
    """The URL, with a password in it, of a simple index on loopback that has the package."""
    import http.server
    import threading

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.endswith(".whl"):
                content, kind = package.read_bytes(), "application/octet-stream"
            else:
                content, kind = f'<a href="/{package.name}">{package.name}</a>'.encode(), "text/html"
            self.send_response(200 if self.path.startswith(("/tiny-thing/", "/tiny_thing-")) else 404)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://ada:hush-hush@127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_packages_are_installed_and_nothing_of_the_installer_stays(images, docker_client, lean, index, remove):
    said: list[str] = []
    base = images.probe(lean, user=USER, at=NOW)
    recipe = BuildRecipe("lean", "tiny-thing==1.0\n", variables={"PIP_INDEX_URL": index}, network="host")
    built = images.build(lean, base, recipe, said.append)
    remove(built.id)
    found = images.probe(built, user=USER, at=NOW)
    assert found.packages["tiny-thing"] == "1.0"
    assert {name: version for name, version in found.packages.items() if name != "tiny-thing"} == base.packages
    assert any(line.startswith("Successfully installed tiny-thing") for line in said)
    before, after = (docker_client.images.get(image.id).attrs["Config"] for image in (lean, built))
    assert (after["User"], after["Env"], after["Entrypoint"]) == (before["User"], before["Env"], before["Entrypoint"])
    told = json.dumps([docker_client.images.get(built.id).attrs, docker_client.images.get(built.id).history()])
    assert "hush-hush" not in told + "".join(said)
    script = "import os; assert not os.path.exists('/tmp/dataops-build')"
    docker_client.containers.run(built.id, ["python3", "-c", script], remove=True)


def user_of(client: docker.DockerClient, container: str) -> str | None:
    try:
        return client.api.inspect_container(container)["Config"]["User"]
    except docker.errors.NotFound:
        return None


def built_on(client: docker.DockerClient, base: PinnedImage) -> set[str]:
    """Return the ids of the images that are built on it, and of the containers in which such images are built."""
    images = {image["Id"] for image in client.api.images(all=True) if image["ParentId"] == base.id}
    return images | {container["Id"] for container in client.api.containers(all=True, filters={"ancestor": base.id})}


def test_a_build_that_fails_says_why_and_leaves_nothing(images, docker_client, own_image, index):
    own = images.find(own_image)
    base = images.probe(own, user=USER, at=NOW)
    recipe = BuildRecipe("lean", "no-such-thing==1.0\n", variables={"PIP_INDEX_URL": index}, network="host")
    with pytest.raises(Refused, match="no-such-thing") as refused:
        images.build(own, base, recipe, quiet)
    assert refused.value.precise_code == "build_failed"
    assert built_on(docker_client, own) == set()


def test_a_build_that_nobody_wants_ends_also_while_its_installer_says_nothing(
    images, docker_client, own_image, silent_index
):
    own = images.find(own_image)
    base = images.probe(own, user=USER, at=NOW)
    seen: list[set[str]] = []

    def say(_line: str) -> None:
        if silent_index.asked.is_set():
            seen.append(built_on(docker_client, own))
            raise DataOpsError("Nobody wants it any more.")

    patient = {"PIP_INDEX_URL": silent_index.url, "PIP_DEFAULT_TIMEOUT": "600"}
    recipe = BuildRecipe("lean", "tiny-thing==1.0\n", variables=patient, network="host")
    with pytest.raises(DataOpsError):
        images.build(own, base, recipe, say)
    assert seen[0], "it was looked at"
    assert built_on(docker_client, own) == set()


def test_what_runs_need_is_installed_where_the_base_lacks_it():
    [command] = make_plan(
        BuildRecipe("x", "pandas"), replace(BASE, packages={"pip": "24.0", "ipykernel": "6.0"})
    ).commands
    assert command[-1] == "papermill"
    assert "ipykernel" not in command


def test_conda_packages_need_a_base_with_conda():
    recipe = BuildRecipe("lean", environment="dependencies: [python=3, gdal>=3, {pip: [pandas]}]")
    with pytest.raises(Refused, match="gdal>=3"):
        make_plan(recipe, BASE)
    plan = make_plan(recipe, replace(BASE, tools={"conda": "/opt/conda/bin/conda"}))
    assert [command[0] for command in plan.commands] == ["/opt/conda/bin/conda", "python3"]
    assert plan.files == {"conda.txt": "gdal>=3\n", "requirements.txt": "pandas\n"}


def test_an_environment_of_pip_packages_needs_no_conda_but_its_python():
    recipe = BuildRecipe("lean", environment="dependencies: [python=3.11, pip, {pip: [pandas]}]")
    assert make_plan(recipe, BASE).files["requirements.txt"] == "pandas\n"
    with pytest.raises(Refused, match="and lean has 3"):
        make_plan(recipe, replace(BASE, python="3.12.1"))


def test_a_base_without_pip_or_python_is_refused():
    with pytest.raises(Refused, match="has no pip"):
        make_plan(BuildRecipe("base", "pandas"), replace(BASE, packages={}))
    with pytest.raises(Refused, match="no Python at all"):
        make_plan(BuildRecipe("base", "pandas"), replace(BASE, python=None, problems=("no Python at all",)))


def test_the_installer_gets_the_index_proxies_and_certificates_of_this_machine(tmp_path):
    bundle = tmp_path / "ca.pem"
    bundle.write_text("-----BEGIN CERTIFICATE-----")
    own = {"PIP_CERT": str(bundle), "HTTPS_PROXY": "http://proxy:8080", "HOME": "/root", "PIP_INDEX_URL": "https://a"}
    settings, certificates = installer_settings(own, {"PIP_INDEX_URL": "https://b"})
    assert certificates == bundle.read_text()
    assert (settings["HTTPS_PROXY"], settings["PIP_INDEX_URL"]) == ("http://proxy:8080", "https://b")
    assert settings["PIP_CERT"].endswith("/certificates.pem")
    assert "HOME" not in settings


# --- registries ---------------------------------------------------------------------------------


@pytest.fixture
def nobody(tmp_path, monkeypatch):
    """The configuration folder of a `docker` that has no logins."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


@pytest.fixture
def push(registry, docker_client, remove):
    """A function that puts a new image into the registry alone. It returns its reference and its digest there."""

    def pushed(name: str) -> tuple[str, str]:
        image = empty_image(docker_client, MACHINE)
        digest = registry.push(image, name)
        docker_client.images.remove(image)
        remove(f"{registry.host}/{name}")
        return f"{registry.host}/{name}", digest

    return pushed


def test_an_image_of_a_private_registry_is_pulled_with_its_login_and_pinned(images, push, nobody):
    reference, digest = push(f"team/{uuid.uuid4().hex}:1")
    said: list[str] = []
    pinned = images.pull(reference, Login(USERNAME, PASSWORD), said.append)
    assert pinned.digest == f"{reference.rpartition(':')[0]}@{digest}"
    assert said
    assert images.resolve_in_registry(reference, Login(USERNAME, PASSWORD)) == pinned.digest


@pytest.mark.parametrize("login", [None, Login(USERNAME, "wrong")])
def test_a_registry_that_wants_another_login_says_so(images, push, nobody, login):
    reference, _ = push(f"team/{uuid.uuid4().hex}:1")
    for ask in (lambda: images.pull(reference, login, quiet), lambda: images.resolve_in_registry(reference, login)):
        with pytest.raises(Refused, match="jupyter dataops image login 127") as refused:
            ask()
        assert refused.value.precise_code == "registry_login"


def test_the_login_of_this_machines_docker_is_used(images, registry, push, nobody):
    import base64

    auth = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    (nobody / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))
    reference, digest = push(f"team/{uuid.uuid4().hex}:1")
    assert images.pull(reference, None, quiet).digest.endswith(digest)


def test_a_tag_that_moves_is_seen_in_the_registry(images, push, nobody):
    name = f"team/{uuid.uuid4().hex}:1"
    login = Login(USERNAME, PASSWORD)
    reference, first = push(name)
    pinned = images.pull(reference, login, quiet)
    _, second = push(name)
    assert images.resolve_in_registry(reference, login).endswith(second)
    assert pinned.digest.endswith(first)


def test_what_no_registry_has_is_not_found(images, registry, nobody):
    with pytest.raises(Refused) as refused:
        images.pull(f"{registry.host}/team/nothing:1", Login(USERNAME, PASSWORD), quiet)
    assert refused.value.precise_code == "image_not_found"


def test_a_registry_that_does_not_answer_is_unavailable(images, nobody):
    with pytest.raises(Unavailable) as unavailable:
        images.pull("127.0.0.1:1/team/data:1", None, quiet)
    assert unavailable.value.precise_code == "registry_unreachable"
