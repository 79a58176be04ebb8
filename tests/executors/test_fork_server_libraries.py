"""Libraries that were imported ahead of a notebook: the notebook can tell it only by the time.

Each source runs cold, in a new process, and in a fork of an interpreter with the imports that the cold run told.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dataops_lab.executors.fork_server import ForkServerPool, NotebookFiles
from dataops_lab.ports import BundleFile
from dataops_lab.rundir import protocol
from dataops_lab.runner import libraries
from dataops_lab.testing import MemoryBlobs

from ..waiting import eventually
from ..warm_site import Run, Site

ENOUGH_BYTES = 2 * 1024**3


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("libraries"), ForkServerPool(4, library_bytes=ENOUGH_BYTES), MemoryBlobs())
    made.make_ready()
    yield made
    made.warm.close()


def with_libraries(site: Site) -> list[dict[str, Any]]:
    return [interpreter for interpreter in site.warm.describe()["interpreters"] if interpreter["imports"]]


LOOK = """
import atexit, builtins, gc, hashlib, importlib.util, inspect, io, json, locale, logging, multiprocessing, os
import pathlib, pickle, random, secrets, signal, subprocess, sys, tempfile, threading, traceback, uuid, warnings
found = {}
def look():
    return {
        "modules": sorted(sys.modules),
        "variables": sorted(item for item in os.environ.items() if not item[0].startswith(("JPY_", "DATAOPS_LAB_"))),
        "filters": [[str(part) for part in each] for each in warnings.filters],
        "path": [sys.path, [type(each).__name__ for each in sys.path_hooks]],
        "hooks": [str(each).split(" at ")[0] for each in (sys.excepthook, sys.displayhook, sys.unraisablehook)],
        "process": [locale.setlocale(locale.LC_ALL), os.getcwd(), threading.active_count(), os.umask(0o22)],
        "limits": [gc.get_threshold(), sys.getrecursionlimit(), sys.getswitchinterval()],
        "signals": {str(number): str(signal.getsignal(number)).split(" at ")[0] for number in signal.valid_signals()},
        "builtins": sorted(vars(builtins)),
    }
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
found["before"] = look()
import numpy, pandas, scipy.stats, pyarrow.parquet, pyarrow.compute
import matplotlib.pyplot as plt
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
found["after"] = look() | {"exits": atexit._ncallbacks()}
"""

SETTINGS = """
import matplotlib, sklearn, joblib, threadpoolctl
found["settings"] = [
    str(pandas._config.config._global_config), numpy.geterr(), numpy.get_printoptions(), sklearn.get_config(),
    str(dict(matplotlib.rcParams)), plt.get_backend(), matplotlib.matplotlib_fname(),
    logging.getLogger("matplotlib.font_manager").level, pyarrow.cpu_count(), pyarrow.io_thread_count(),
    joblib.cpu_count(),
]
found["modules"] = [
    [each.__spec__.origin, type(each.__loader__).__name__, importlib.util.find_spec(each.__name__).origin]
    for each in (numpy, pandas, scipy, pyarrow, sklearn, matplotlib, plt, numpy.random)
]
found["source"] = [inspect.getmodule(pandas.DataFrame).__name__, inspect.getsource(pandas.DataFrame.head)[:40]]
"""

WORK = """
matrix = numpy.arange(90_000, dtype=float).reshape(300, 300) % 7
frame = pandas.DataFrame({"key": numpy.arange(1000) % 3, "value": numpy.arange(1000) * 0.5})
with warnings.catch_warnings(record=True) as warned:
    numpy.mean([]); numpy.float64(1) / 0; frame["value"].astype(str).str.contains("(5)")
found["warned"] = [str(each.message) for each in warned]
rows = matrix[:, :5]; labels = (matrix[:, 7] > 3).astype(int)
forest = RandomForestClassifier(10, n_jobs=2, random_state=1).fit(rows, labels)
boosted = HistGradientBoostingClassifier(max_iter=5, random_state=1).fit(rows, labels)
pyarrow.parquet.write_table(pyarrow.Table.from_pandas(frame), "frame.parquet")
picture = io.BytesIO(); figure = plt.figure(); figure.gca().plot([1, 3, 2]); figure.savefig(picture); plt.close(figure)
found["work"] = [
    float((matrix @ matrix).sum()), float(numpy.linalg.svd(matrix, compute_uv=False)[0]),
    frame.groupby("key").value.sum().tolist(), pandas.read_parquet("frame.parquet").equals(frame),
    forest.predict(rows).tolist(), boosted.predict(rows).tolist(), float(scipy.stats.norm.cdf(1.0)),
    hashlib.sha256(picture.getvalue()).hexdigest(), pickle.loads(pickle.dumps(frame)).equals(frame), repr(frame.head()),
]
found["threads"] = sorted(
    str({key: each[key] for key in ("user_api", "internal_api", "num_threads", "version")})
    for each in threadpoolctl.threadpool_info()
)
with multiprocessing.get_context("fork").Pool(2) as pool:
    found["forked"] = [each.tolist() for each in pool.map(numpy.cumsum, [[1, 2], [3, 4]])]
source = "import numpy, os; print(numpy.arange(3), os.environ.get('MPLBACKEND'))"
found["started"] = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True).stdout
try:
    import _xxsubinterpreters as interpreters
    inner = interpreters.create()
    interpreters.run_string(inner, "import json; assert json")
    interpreters.destroy(inner)
except ImportError:
    pass
plt.plot([1, 2])
"""

DRAWN = """
drawn = {
    "numpy": numpy.random.rand(), "random": random.random(), "uuid4": uuid.uuid4(), "uuid1": uuid.uuid1(),
    "pandas": frame.sample(frac=1).index.tolist(), "scipy": scipy.stats.norm.rvs(), "secrets": secrets.token_hex(),
    "sklearn": RandomForestClassifier(1).fit(rows, labels).estimators_[0].random_state,
    "pyarrow": str(pyarrow.compute.random(1)), "tempfile": next(tempfile._get_candidate_names()),
    "file": tempfile.mkdtemp(), "generator": numpy.random.default_rng().random(),
}
pathlib.Path("drawn.json").write_text(json.dumps({key: str(value) for key, value in drawn.items()}))
pathlib.Path("found.json").write_text(json.dumps(found))
"""


class Trio(NamedTuple):
    cold: Run
    warm: Run
    again: Run

    @classmethod
    def of(cls, site: Site, source: str) -> Trio:
        cold = site.run(source, warm=False)
        return cls(cold, site.run_ahead(source, cold), site.run_ahead(source, cold))


@pytest.fixture(scope="module")
def corpus(site: Site) -> Trio:
    return Trio.of(site, LOOK + SETTINGS + WORK + DRAWN)


def left(run: Run, name: str) -> dict[str, Any]:
    assert run.result["state"] == "succeeded", run.log
    text = (run.directory / protocol.ARTIFACTS / "work" / name).read_text().replace(run.name, "NAME")
    found: dict[str, Any] = json.loads(text)
    return found


def test_all_that_are_called_safe_take_part(corpus: Trio) -> None:
    assert {name.partition(".")[0] for name in corpus.cold.result["imports"]} == libraries.SAFE


@pytest.mark.parametrize(
    "what",
    ["before", "after", "settings", "modules", "source", "work", "threads", "warned", "forked", "started"],
)
def test_a_notebook_finds_the_same_and_comes_to_the_same(corpus: Trio, what: str) -> None:
    cold, warm = (left(run, "found.json")[what] for run in (corpus.cold, corpus.warm))
    assert warm == cold


def test_the_record_is_the_same(corpus: Trio) -> None:
    cold, warm = corpus.cold.record(), corpus.warm.record()
    for record in (cold, warm):
        record["artifacts"] = sorted(record["artifacts"])
    assert warm == cold


def test_a_run_that_had_them_ahead_tells_of_no_others(corpus: Trio) -> None:
    assert set(corpus.warm.result["imports"]) <= set(corpus.cold.result["imports"])
    assert corpus.again.result["imports"] == corpus.warm.result["imports"]


def test_no_two_runs_draw_the_same(corpus: Trio) -> None:
    first, second = left(corpus.warm, "drawn.json"), left(corpus.again, "drawn.json")
    assert first.keys() == second.keys()
    assert not {name for name in first if first[name] == second[name]}


def test_after_a_variable_was_set_no_import_is_told(site: Site) -> None:
    run = site.run("import os\nimport numpy\nos.environ['MPLBACKEND'] = 'svg'\nimport matplotlib.pyplot", warm=False)
    assert run.result["imports"] == ["numpy"]


def test_a_variable_that_a_library_reads_is_read(site: Site) -> None:
    source = "import numpy, threadpoolctl\nprint([it['num_threads'] for it in threadpoolctl.threadpool_info()])"
    env = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    cold = site.run(source, warm=False, env=env)
    assert site.run_ahead(source, cold, env=env).log == cold.log == "[1]\n"
    assert {tuple(interpreter["imports"]) for interpreter in with_libraries(site)} == {("numpy",)}


def test_a_file_that_a_library_reads_from_the_folder_keeps_it_from_being_imported_ahead(site: Site) -> None:
    source = "import numpy, threadpoolctl, matplotlib\nprint(matplotlib.rcParams['lines.linewidth'])"
    cold = site.run(source, warm=False)
    assert site.run_ahead(source, cold).log == cold.log
    files = [BundleFile("work/matplotlibrc", site.blobs.put(b"lines.linewidth: 7"))]
    run = site.start_once(source, warm=True, imports=cold.result["imports"], files=files).ended()
    assert site.started_by(run).kernel == "preloaded"
    assert run.log == "7.0\n"


@pytest.mark.parametrize(
    ("path", "hides"),
    [
        ("work/six.py", True),
        ("six.cpython-311-x86_64-linux-gnu.so", True),
        ("work/lib/dateutil/__init__.py", True),
        ("work/matplotlibrc", True),
        ("matplotlibrc", False),  # matplotlib reads it only from the folder of the notebook.
        ("work/dateutil/data.csv", False),
        ("work/six.ipynb", False),
        ("work/own.py", False),
    ],
)
def test_a_file_that_python_would_import_instead_of_a_part_of_a_library_hides_it(path: str, hides: bool) -> None:
    assert NotebookFiles.from_paths([path], "work").shadow(frozenset({"six", "dateutil", "numpy"})) is hides


SAYS = "print('Welcome!')"
THREADS = "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,), daemon=True).start()"
PATH = "import sys\nsys.path.append('/somewhere')"
HOOK = "import sys\nsys.excepthook = print"
HANDLER = "import signal\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)"
LOCALE = "import locale\nlocale.setlocale(locale.LC_TIME, 'C.UTF-8')"
CHILD = "import subprocess\nchild = subprocess.Popen(['sleep', '1000'])"
WARNS = "import warnings\nwarnings.warn('old', DeprecationWarning, stacklevel=2)"
FILTERS = "import warnings\nwarnings.filters.pop()"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (SAYS, "says something"),
        (WARNS, "says something"),
        (THREADS, "starts threads"),
        (PATH, "changes the path of imports"),
        (HOOK, "changes hooks of the interpreter"),
        (HANDLER, "changes signal handlers"),
        (LOCALE, "changes the locale"),
        (CHILD, "changes child processes"),
        (FILTERS, "takes away filters of warnings"),
    ],
)
def test_a_library_that_cannot_be_imported_ahead_is_named_with_the_reason(
    tmp_path: Path, source: str, why: str
) -> None:
    (tmp_path / "unsafe.py").write_text(source)
    program = (
        "import sys\nfrom dataops_lab.runner.libraries import Libraries, UnsafeLibrary\n"
        "try: Libraries().load(['json', 'unsafe'])\n"
        "except UnsafeLibrary as unsafe: print(unsafe, unsafe.library, sep='|', file=sys.__stdout__)\n"
        "if 'unsafe' in sys.modules and hasattr(sys.modules['unsafe'], 'child'): sys.modules['unsafe'].child.kill()"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    said = subprocess.check_output([sys.executable, "-c", program], env=environment, text=True)
    sentence, library = said.strip().split("|")
    assert sentence.startswith(f"unsafe {why}")
    assert library == "unsafe"


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("own")  # The path of a socket below it must be short.
    (folder / "extra").mkdir()
    (folder / "extra" / "fine.py").write_text("import json\nvalue = 1")
    (folder / "extra" / "noisy.py").write_text(SAYS)
    made = Site(folder, ForkServerPool(2, report_path=folder / "warm.json", **request.param), MemoryBlobs())
    made.make_ready()
    yield made
    made.warm.close()


@pytest.mark.parametrize("own", [{"library_bytes": ENOUGH_BYTES, "extra_libraries": ["fine", "noisy"]}], indirect=True)
def test_administrators_add_libraries_and_are_told_of_those_that_are_not_safe(own: Site) -> None:
    source = "import noisy, fine, numpy"
    env = {"PYTHONPATH": str(own.folder / "extra")}
    cold = own.run(source, warm=False, env=env)
    assert cold.result["imports"] == ["noisy", "fine", "numpy"]
    # The first interpreter finds that one of them is not safe. The second is begun without it.
    for _ in range(2):
        own.start_once(source, warm=True, env=env, imports=cold.result["imports"]).ended()
        eventually(lambda: all(interpreter["state"] != "starting" for interpreter in with_libraries(own)))
    assert own.run(source, warm=True, env=env, imports=cold.result["imports"]).log == cold.log == "Welcome!\n"
    report = json.loads((own.folder / "warm.json").read_text())
    (left_out,) = report["left_out"]
    assert (left_out["library"], left_out["problem"]) == ("noisy", "noisy says something while it is imported.")
    assert [interpreter["imports"] for interpreter in report["interpreters"] if interpreter["imports"]] == [
        ["fine", "numpy"]
    ]


@pytest.mark.parametrize("own", [{"library_bytes": 1024**2}], indirect=True)
def test_libraries_that_take_more_than_their_memory_are_not_kept_and_the_report_says_so(own: Site) -> None:
    run = own.start_once("import json", warm=True, imports=["numpy"]).ended()
    assert own.started_by(run).kernel == "preloaded"
    eventually(lambda: with_libraries(own)[0]["state"] == "failed")
    assert "more than the 1 MiB" in with_libraries(own)[0]["problem"]


@pytest.mark.parametrize("own", [{"library_bytes": 0}], indirect=True)
def test_nothing_is_imported_ahead_or_noted_when_it_is_switched_off(own: Site) -> None:
    run = own.start_once("import numpy", warm=True, imports=["numpy"]).ended()
    assert run.result["imports"] == []
    assert with_libraries(own) == []
