"""Launching: from a claimed attempt to a runner that has taken it over."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..domain.environments import inherited_variables
from ..domain.inputs import Inputs, RunFiles
from ..domain.jobs import JobKind
from ..domain.runs import Attempt, AttemptState, Run
from ..domain.secrets import environment_scope
from ..domain.snapshots import KernelChoice
from ..domain.versions import Manifest, Version
from ..errors import StaleWrite
from ..ports import Bundle, BundleFile, Container, Transaction
from ..rundir import protocol
from ..services import Services
from ..services.parameters import inject_parameters
from ..services.placement import container_of
from ..services.secrets import decrypt_all

OUTPUT_LIMITS: protocol.OutputLimits = {"cell_bytes": 16 * 1024**2, "run_bytes": 256 * 1024**2}
STARTUP_TIMEOUT_S = 120.0
INTERRUPT_GRACE_S = 5.0


@dataclass(frozen=True)
class LaunchData:
    """The data from the store that the launch of a run needs."""

    version: Version
    inputs: Inputs
    variables: Mapping[str, str]
    has_secrets: bool
    container: Container | None


def read_launch_data(tx: Transaction, runs: Collection[Run]) -> dict[str, LaunchData]:
    """Read the material of each run, by its id. Versions, inputs and variables that runs share are read once."""
    versions = tx.versions.get_many({(run.job_id, run.version_digest) for run in runs})
    inputs = {digest: tx.inputs.get(digest) for digest in {run.inputs_digest for run in runs}}
    environments = {run.environment for run in runs}
    variables = {
        name: {variable.name: variable.value for variable in tx.variables.list_for_environment(name)}
        for name in environments
    }
    has_secrets = {name: bool(tx.secrets.list_in_scope(environment_scope(name))) for name in environments}
    return {
        run.id: LaunchData(
            versions[run.job_id, run.version_digest],
            inputs[run.inputs_digest],
            variables[run.environment],
            has_secrets[run.environment],
            container_of(tx, run),
        )
        for run in runs
    }


def reread_launch_data(ctx: Services, attempt: Attempt, run: Run) -> LaunchData:
    """Read the material of one run again. Raise StaleWrite when the attempt is not to be launched any more.

    A process may sleep between the moment when it stores its intent and this call.
    """
    with ctx.store.read() as tx:
        if tx.attempts.list_for_run(run.id)[attempt.number - 1].state is not AttemptState.LAUNCHING:
            raise StaleWrite(f"Another engine has gone on with {attempt.name}.", id=attempt.name)
        return read_launch_data(tx, [run])[run.id]


def build_bundle(
    ctx: Services,
    attempt: Attempt,
    run: Run,
    inherited: Mapping[str, str],
    launch_data: LaunchData,
    imports: Sequence[str] = (),
) -> Bundle:
    """Build the bundle that the attempt takes along. All of it is stored: the working files play no part any more."""
    version, variables, container = launch_data.version, launch_data.variables, launch_data.container
    secrets = decrypt_all(ctx, environment_scope(run.environment)) if launch_data.has_secrets else {}
    manifest = version.manifest
    return Bundle(
        name=attempt.name,
        spec=_runner_spec(attempt, run, manifest, launch_data.inputs, secrets, container),
        notebook=inject_parameters(ctx, manifest, run.parameters) if manifest.kind is JobKind.NOTEBOOK else None,
        files=[
            *_source_files(manifest),
            *(
                BundleFile(file.path, file.digest, file.executable)
                for file in RunFiles(manifest.files, launch_data.inputs).all_files
            ),
        ],
        # A container has the variables of its image. Those of this machine would name things that are not in there.
        environment={
            **({} if container else _kernel(run).inherited or inherited_variables(inherited)),
            **variables,
            **run.variables,
        },
        secrets=secrets,
        container=container,
        imports=imports,
    )


def _source_files(manifest: Manifest) -> list[BundleFile]:
    """List the source: a script, or a notebook as people see it, without the values and outputs of this run."""
    digest = manifest.source_digest
    return [] if digest is None else [BundleFile(manifest.path, digest)]


def _kernel(run: Run) -> KernelChoice:
    assert run.kernel is not None, "A run without a kernel or interpreter has no attempts."
    return run.kernel


def _runner_spec(
    attempt: Attempt,
    run: Run,
    manifest: Manifest,
    inputs: Inputs,
    secrets: Iterable[str],
    container: Container | None,
) -> protocol.Spec:
    spec: protocol.Spec = {
        "format": 1,
        "attempt": attempt.name,
        "folder": manifest.folder,
        "files": [file.path for file in RunFiles(manifest.files, inputs).all_files],
        "folders": [*manifest.folders, *inputs.folders],
        "output_limits": OUTPUT_LIMITS,
        "secrets": sorted(secrets),
        "startup_timeout_s": STARTUP_TIMEOUT_S,
        "interrupt_grace_s": INTERRUPT_GRACE_S,
        "memory_bytes": container.resources.memory_bytes if container else None,
    }
    kernel = _kernel(run)
    if manifest.kind is not JobKind.NOTEBOOK:
        spec["program"] = {
            "kind": manifest.kind,
            "argv": manifest.program_argv(kernel.argv),
            "env": kernel.env,
            "parameters": manifest.parameters.complete(run.parameters),
        }
        # It has no cells: the limit of one would be that of the run.
        spec["output_limits"] = {**OUTPUT_LIMITS, "cell_bytes": OUTPUT_LIMITS["run_bytes"]}
        return spec
    spec["kernel"] = {
        "name": kernel.name,
        "language": kernel.language,
        "argv": list(kernel.argv),
        "env": kernel.env,
        "interrupt_mode": kernel.interrupt_mode,
    }
    return spec
