"""Pipeline runs without kernels: a test ends each step as it likes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from dataops_lab.domain.environments import ExecutorKind
from dataops_lab.domain.images import Image, PinnedImage, Probe
from dataops_lab.domain.runs import Run, RunState, Submission
from dataops_lab.domain.snapshots import KernelChoice
from dataops_lab.engine import Engine, Settings
from dataops_lab.ports import Store
from dataops_lab.rundir import protocol
from dataops_lab.services import Services, environments, pipelines, runs
from dataops_lab.services.pipelines import StepView
from dataops_lab.services.slow_expressions import answers
from dataops_lab.testing import FakeBackends, FakeExecutor, FakeNotebooks, person

ANN = person("ann")
PATH = "/n/chain.pipeline.yaml"


class PromptStore:
    """A store whose commits are known at once. PostgreSQL tells of them a moment later."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def change_counter(self) -> int:
        with self._store.read() as tx:
            return tx.events.last_seq()


def engine_of(ctx: Services, executor: FakeExecutor, *, slots: int = 50) -> Engine:
    prompt = replace(ctx, store=PromptStore(ctx.store))
    return Engine(prompt, FakeBackends(executor), Settings(slots=slots), inherited={})


class PipelineLab:
    """An engine with as many slots as one likes. `end` ends the runner of a step or item, `settle` lets all follow."""

    def __init__(self, ctx: Services, engine: Engine, executor: FakeExecutor) -> None:
        self.ctx, self.engine, self.executor = ctx, engine, executor

    @property
    def notebooks(self) -> FakeNotebooks:
        assert isinstance(self.ctx.notebooks, FakeNotebooks)
        return self.ctx.notebooks

    def submit(self, text: str, *, by: Any = ANN, path: str = PATH, **wishes: Any) -> str:
        self.notebooks.pipeline_files[path] = text.encode()
        return runs.submit(self.ctx, Submission(path, **wishes), by=by).view.run.id

    def start(self, text: str, **wishes: Any) -> str:
        run_id = self.submit(text, **wishes)
        self.settle()
        return run_id

    def settle(self) -> None:
        """Let the engine do all that it can do now."""
        for _ in range(8):
            self.engine.step()
            self.engine.wait_for_threads()
            answers.wait()

    def end(self, run_id: str, key: str, state: str | None = "succeeded", **left: Any) -> None:
        """End the run with this key, and let all follow. See `end_soon`."""
        self.end_soon(run_id, key, state, **left)
        self.settle()

    def end_soon(
        self,
        run_id: str,
        key: str,
        state: str | None = "succeeded",
        *,
        values: Mapping[str, Any] | None = None,
        files: Mapping[str, str] | None = None,
        nothing_to_do: bool = False,
    ) -> None:
        """End the runner of the run with this key. With the state None it was lost."""
        name = self.attempt_of(run_id, key)
        folder = self.executor.directory(name)
        if values is not None:
            (folder / protocol.VALUES).write_text(json.dumps(values))
        for path, content in (files or {}).items():
            target = folder / protocol.ARTIFACTS / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
        failure = {"code": "cell_error", "message": "KeyError: 'x'"} if state == "failed" else None
        self.executor.end(name, state, nothing_to_do=nothing_to_do, failure=failure)

    def attempt_of(self, run_id: str, key: str) -> str:
        part = self.part(run_id, key)
        return next(name for name in self.executor.alive if name.startswith(part.id))

    def part(self, run_id: str, key: str) -> Run:
        with self.ctx.store.read() as tx:
            found = tx.runs.find_part(run_id, key)
        assert found is not None, f"{key} did not start"
        return found

    def run(self, run_id: str) -> Run:
        return runs.get(self.ctx, run_id).run

    def state(self, run_id: str) -> RunState:
        return self.run(run_id).state

    def steps(self, run_id: str, *, by: Any = ANN) -> dict[str, StepView]:
        return {view.step.id: view for view in pipelines.steps(self.ctx, run_id, by=by)}

    def states(self, run_id: str) -> dict[str, str]:
        return {step_id: str(view.status.state) for step_id, view in self.steps(run_id).items()}

    def reason(self, run_id: str, step_id: str) -> str:
        reason = self.steps(run_id)[step_id].status.reason
        assert reason is not None
        return reason.message

    def alive(self, run_id: str) -> set[str]:
        """Return the keys of the runs of steps whose runners are alive."""
        with self.ctx.store.read() as tx:
            found = tx.runs.get_many([name.rpartition("-")[0] for name in self.executor.alive]).values()
        return {run.parent_key for run in found if run.parent_id == run_id and run.parent_key}

    def inputs(self, run_id: str, key: str) -> dict[str, str]:
        """Return the contents of the inputs of a run of a step, by path."""
        with self.ctx.store.read() as tx:
            files = tx.inputs.get(self.part(run_id, key).inputs_digest).files
        return {file.path: self.ctx.blobs.read(file.digest).decode() for file in files}


Lab = Callable[..., PipelineLab]


PYTHON = KernelChoice("python3", "python", "Python 3", ("/bin/python3", "-m", "ipykernel_launcher"))


def run_in_images(ctx: Services) -> None:
    """Let the sandbox run in containers, with the images `lean` and `full`."""
    now, probe = ctx.clock.now(), Probe(ctx.clock.now(), "3.11", "/bin/python3", "2.6", (PYTHON,), {}, "1000")
    with ctx.store.begin() as tx:
        for name in ("lean", "full"):
            pinned = PinnedImage(f"sha256:{name:0<64}", None, "linux/amd64", "", 1000)
            tx.images.put(Image(name, f"{name}:1", pinned, now, ANN, probe=probe), at=now, by=ANN)
    sandbox = replace(environments.get(ctx, "sandbox"), executor=ExecutorKind.DOCKER, images=("lean", "full"))
    environments.change(ctx, sandbox, by=ANN)
