"""A run on preloaded interpreters and the same run without them: only the time tells which was which.

A cell before all others tells by its ancestors which one it was: see `Site.start`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.kernelspec import KernelSpecManager

from dataops_lab.executors.fork_server import ForkServerPool
from dataops_lab.ports import AttemptStatus, BundleFile
from dataops_lab.rundir import protocol
from dataops_lab.runner import preload
from dataops_lab.testing import MemoryBlobs

from ..waiting import TIMEOUT_S, eventually
from ..warm_site import BASH, COLD, EXAMPLES, PYTHON, Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("warm"), ForkServerPool(4, library_bytes=2 * 1024**3), MemoryBlobs())
    made.make_ready()
    yield made
    made.warm.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Site]:
    """A site with interpreters of its own, for a test that breaks them."""
    made = Site(tmp_path, ForkServerPool(2), MemoryBlobs())
    yield made
    made.warm.close()


PROBE = """
import gc, locale, os, random, resource, signal, sys, threading
main = sys.modules["__main__"]
print(sys.argv, sys.orig_argv, sys.executable, sys.prefix, sys.warnoptions, sys._xoptions)
print(sys.path)
print(sys.flags)
print(sorted(item for item in os.environ.items() if item[0] != "JPY_PARENT_PID"))
print(sorted(line for line in open("/proc/self/environ").read().split("\\0") if line and not line.startswith("JPY_")))
print([argument for argument in open("/proc/self/cmdline").read().split("\\0") if argument])
print(os.getcwd(), os.umask(0o22), os.getpriority(os.PRIO_PROCESS, 0), os.getsid(0) == os.getpgid(0) == os.getpid())
print(os.environ["JPY_PARENT_PID"] == str(os.getppid()))
print(main.__name__, main.__spec__, hasattr(main, "__file__"), sorted(name for name in vars(main) if name[0] != "_"))
print(threading.active_count(), threading.current_thread() is threading.main_thread())
print({name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")})
print({number: str(signal.getsignal(number)).split(" at ")[0] for number in signal.valid_signals()})
print([line for line in open("/proc/self/status") if line.startswith(("SigB", "SigI", "SigC", "Umask", "Groups"))])
print(os.path.realpath("/proc/self/fd/0"), sys.stdin, sys.__stdout__, sys.__stderr__)
print(locale.getlocale(), sys.getfilesystemencoding(), gc.get_threshold(), sys.getrecursionlimit())
print(sorted(sys.modules))
"""


def test_a_notebook_finds_the_same_around_it(site: Site) -> None:
    cold, warm = site.run(PROBE, warm=False), site.run(PROBE, warm=True)
    assert warm.log == cold.log
    assert "ipykernel_launcher" in cold.log


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.ipynb")), ids=lambda path: path.stem)
def test_the_examples_leave_the_same_record(site: Site, path: Path) -> None:
    notebook = path.read_bytes()
    files = [
        BundleFile(str(Path("work") / file.relative_to(path.parent)), site.blobs.put(file.read_bytes()))
        for file in path.parent.rglob("*")
        if file.is_file() and file.suffix != ".ipynb" and "__pycache__" not in file.parts
    ]
    files += [BundleFile(f"data/{file.name}", site.blobs.put(file.read_bytes())) for file in EXAMPLES.glob("data/*")]
    language = json.loads(notebook)["metadata"]["kernelspec"]["language"]
    kernel = {"language": language, "argv": BASH if language == "bash" else PYTHON}
    kernel |= {"env": {"PS1": "$"}} if language == "bash" else {}
    cold = site.run(notebook, warm=False, files=files, **kernel)
    warm = site.run_ahead(notebook, cold, files=files, **kernel)
    assert warm.record() == cold.record()
    assert cold.result["done"] > 0
    assert bool(cold.result["imports"]) is (language == "python")


SAME = {
    "shell": "!echo $OF_THE_ENVIRONMENT; pwd | wc -l; exit 3",
    "figures": "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);",
    "exit": "import sys\nsys.exit('no')",
    "input": "input('Your name?')",
    "spawned": (
        "import multiprocessing, os\nif __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(2) as pool: print(pool.map(abs, [-1, 2]))"
    ),
    "forked": (
        "import multiprocessing\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool: print(pool.map(abs, [-1, 2]))"
    ),
    "last words": (
        "open('helper.py', 'w').write('file = open(\"helper.txt\", \"w\"); file.write(\"its own\")')\nimport helper\n"
        "import atexit\nfile = open('open.txt', 'w')\nfile.write('to the last byte')\n"
        "class Last:\n    def __del__(self): open('finalized.txt', 'w').close()\nlast = [Last()]; last.append(last)\n"
        "atexit.register(lambda: open('atexit.txt', 'w').close());"
    ),
    "error": "def f(x): return 1 / x\nf(0)",
    "killed": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nimport time; time.sleep(60)",
}

NOT_ENDED = "[dataops] The kernel had not ended"


@pytest.mark.parametrize("source", SAME.values(), ids=SAME.keys())
def test_what_it_does_has_the_same_consequences(site: Site, source: str) -> None:
    cold, warm = (site.run(source, warm=warm).record() for warm in (False, True))
    for record in (cold, warm):
        if record["ended"]["failure"]:
            # The message tells the memory that was used, and a kernel that kills itself may be quicker than its first
            # message.
            for part, key in ((record["ended"]["failure"], "message"), (record, "log"), (record, "counts")):
                part.pop(key)
        if NOT_ENDED in record.get("log", ""):
            # ipykernel 7.4 often goes on after a shutdown when the notebook had a pool of spawned processes.
            record["log"] = record["log"].partition(NOT_ENDED)[0]
            record["events"].remove("note")
    assert warm == cold


def test_no_two_runs_draw_the_same_random_numbers(site: Site) -> None:
    source = (
        "import random, uuid, os, tempfile; print(random.random(), uuid.uuid4(), next(tempfile._get_candidate_names()))"
    )
    first, second = site.run(source, warm=True), site.run(source, warm=True)
    assert not set(first.log.split()) & set(second.log.split())


def test_what_only_a_new_process_can_take_from_its_environment_is_taken(site: Site) -> None:
    source, env = "print(hash('a'))", {"PYTHONHASHSEED": "7"}
    first = site.start_once(source, warm=True, env=env).ended()
    # No interpreter that stands ready has this variable.
    assert site.started_by(first).kernel == "runner"
    assert site.warm.wait(60)
    then = site.run(source, warm=True, env=env)
    expected = subprocess.check_output([sys.executable, "-c", source], env={**os.environ, **env}, text=True)
    assert first.log == then.log == expected


@pytest.mark.parametrize("language", ["bash", "R"])
def test_a_kernel_that_is_not_python_starts_cold_below_a_preloaded_runner_and_does_the_same(
    site: Site, language: str, request: pytest.FixtureRequest
) -> None:
    if language == "bash":
        kernel: dict[str, Any] = {"argv": BASH, "env": {"PS1": "$"}}
        source = 'echo "$OF_THE_ENVIRONMENT"\npwd | wc -l\necho made > made.txt\nfalse'
    else:
        kernel = {"argv": KernelSpecManager().get_kernel_spec(request.getfixturevalue("r_kernel")).argv}
        source = "cat(Sys.getenv('OF_THE_ENVIRONMENT'), length(getwd()))\ncat('made', file = 'made.txt')\nstop('no')"
    before = set(site.warm._servers)
    cold, warm = (site.run(source, warm=warm, language=language, **kernel) for warm in (False, True))
    assert site.started_by(cold) == ("engine", "runner")
    assert site.started_by(warm) == ("preloaded", "runner")
    assert warm.record() == cold.record()
    assert cold.record()["artifacts"].keys() == {"work/made.txt"}
    # No interpreter was preloaded for the next kernel of this kind, because it could not serve it.
    assert set(site.warm._servers) == before


THREADED = """
import sys, threading, time
if "preload.py" in " ".join(sys.orig_argv):
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
"""

DAEMON = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 1000)
        while True: time.sleep(100)
    os._exit(0)
os.wait()
"""


def processes_of(name: str) -> list[int]:
    """List the pids of processes with this name in their environment, without the executor's own code."""
    found = []
    for pid in psutil.pids():
        try:
            if name.encode() in Path(f"/proc/{pid}/environ").read_bytes():
                found.append(pid)
        except OSError:
            continue
    return found


def test_a_daemon_that_was_forked_and_shed_everything_is_found_and_killed(site: Site) -> None:
    run = site.start(DAEMON + "print('ready', flush=True)\nwhile True: time.sleep(0.1)", warm=True)
    eventually(lambda: (run.directory / protocol.LOG).exists() and "ready" in run.log)
    daemons = [pid for pid in processes_of(run.name) if not list(Path(f"/proc/{pid}/fd").iterdir())]
    assert len(daemons) == 1
    run.executor.stop(run.name, force=True)
    eventually(lambda: run.executor.observe(run.name).is_dead)
    assert not psutil.pid_exists(daemons[0]) or psutil.Process(daemons[0]).status() == psutil.STATUS_ZOMBIE
    assert processes_of(run.name) == []


def test_a_daemon_does_not_outlive_its_run(site: Site) -> None:
    run = site.run(DAEMON, warm=True)
    assert run.result["state"] == "succeeded"
    assert processes_of(run.name) == []


@pytest.mark.parametrize("forced", [True, False], ids=["forced", "killed"])
def test_what_has_an_empty_environment_is_dead_before_its_attempt_is(site: Site, forced: bool) -> None:
    source = (
        "import os, subprocess, time\n"
        "subprocess.Popen(['setsid', 'env', '-i', 'sh', '-c', 'echo $$ > child; while :; do sleep 0.01; done'])\n"
        "while not (os.path.exists('child') and open('child').read()): time.sleep(0.01)\n"
        "print('left', flush=True)\nwhile True: time.sleep(0.1)"
    )
    run = site.start(source, warm=True)
    eventually(lambda: (run.directory / protocol.LOG).exists() and "left" in run.log)
    child = psutil.Process(int((run.directory / "files" / "work" / "child").read_text()))
    if forced:
        run.executor.stop(run.name, force=True)
    else:
        psutil.Process(run.executor.observe(run.name).detail["pid"]).kill()
    eventually(lambda: run.executor.observe(run.name).has_ended)
    eventually(lambda: run.executor.observe(run.name).is_dead)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_kernel_whose_own_keeper_was_killed_is_not_dead_by_the_word_of_another(site: Site) -> None:
    run = site.start("import time\nprint('ready', flush=True)\nwhile True: time.sleep(0.1)", warm=True)
    eventually(lambda: (run.directory / protocol.LOG).exists() and "ready" in run.log)
    of_kernel = psutil.Process(run.ancestors[2])
    assert of_kernel.pid != run.ancestors[0]
    of_kernel.kill()
    eventually(lambda: run.executor.observe(run.name).has_ended)
    assert run.executor.observe(run.name).status is AttemptStatus.EXITED
    run.executor.stop(run.name, force=True)
    assert run.executor.observe(run.name).is_dead


def test_a_kernel_dies_with_a_runner_that_is_killed(site: Site) -> None:
    run = site.start("import time\nprint('ready', flush=True)\nwhile True: time.sleep(0.1)", warm=True)
    eventually(lambda: (run.directory / protocol.LOG).exists() and "ready" in run.log)
    psutil.Process(run.executor.observe(run.name).detail["pid"]).kill()
    eventually(lambda: run.executor.observe(run.name).is_dead)
    assert processes_of(run.name) == []


def test_what_runs_goes_on_when_the_preloaded_interpreters_end_and_the_next_one_starts_cold(own: Site) -> None:
    own.make_ready()
    preloaded = [each.process for each in own.warm._servers.values()]
    source = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\nprint(os.getppid())"
    run = own.start(source, warm=True)
    for process in preloaded:
        process.send_signal(signal.SIGKILL)
        process.wait()
    (run.directory / "files" / "work" / "go").touch()
    assert run.ended().result["state"] == "succeeded"
    following = own.start_once("1", warm=True).ended()
    assert own.started_by(following) == COLD
    assert following.result["state"] == "succeeded"


def test_one_that_does_not_answer_costs_time_and_nothing_else(own: Site) -> None:
    own.make_ready()
    preloaded = [each.process for each in own.warm._servers.values()]
    for process in preloaded:
        process.send_signal(signal.SIGSTOP)
    try:
        run = own.start_once("print('once')", warm=True).ended()
    finally:
        for process in preloaded:
            process.send_signal(signal.SIGCONT)
    assert own.started_by(run) == COLD
    assert run.result["state"] == "succeeded"
    assert run.log.splitlines().count("once") == 1


def test_where_pyarrow_is_installed_a_preloaded_runner_has_one_thread_and_a_warm_start(site: Site) -> None:
    assert find_spec("pyarrow")
    (runner,) = (each for each in site.warm._servers.values() if each.role == "runner")
    assert (runner.problem, len(psutil.Process(runner.process.pid).threads())) == ("", 1)
    site.run("1", warm=True)


def test_one_that_has_threads_is_not_used_and_says_what_started_them(own: Site) -> None:
    (own.folder / "sitecustomize.py").write_text(THREADED)
    env = {"PYTHONPATH": str(own.folder)}
    own.start_once("1", warm=True, env=env).ended()
    assert not own.warm.wait(60)
    (kernel,) = (interpreter for interpreter in own.warm.describe()["interpreters"] if interpreter["role"] == "kernel")
    assert (kernel["state"], kernel["problem"]) == ("failed", "The import of ipykernel.kernelapp starts threads.")
    following = own.start_once("1", warm=True, env=env).ended()
    assert own.started_by(following) == ("preloaded", "runner")


def test_they_begin_anew_after_something_was_installed(own: Site) -> None:
    own.make_ready()
    before = {each.process.pid for each in own.warm._servers.values()}
    for each in own.warm._servers.values():
        each.packages = {**(each.packages or {}), str(own.folder): 1}
    own.make_ready()
    assert not before & {each.process.pid for each in own.warm._servers.values()}
    own.run("1", warm=True)


def test_they_end_with_the_engine(own: Site) -> None:
    own.make_ready()
    preloaded = [each.process for each in own.warm._servers.values()]
    assert len(preloaded) == 2
    own.warm.close()
    for process in preloaded:
        assert process.wait(30) == 0


def test_size_0_has_none(tmp_path: Path) -> None:
    warm = ForkServerPool(0)
    assert warm.connect(PYTHON, dict(os.environ)) is None
    assert warm._servers == {}


def test_one_that_nobody_has_asked_yet_ends_without_a_word_when_its_engine_does() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        begun = subprocess.Popen(
            [sys.executable, preload.__file__, "runner", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stderr=subprocess.PIPE,
        )
    assert select.select([ours], [], [], TIMEOUT_S)[0]
    ours.close()
    _, said = begun.communicate(timeout=TIMEOUT_S)
    assert (begun.returncode, said) == (0, b"")
