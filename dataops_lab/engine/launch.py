"""Launching: from a claimed attempt to a runner that has taken it over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from ..domain.environments import inherited_of
from ..domain.runs import Attempt, AttemptState, Run
from ..domain.secrets import of_environment
from ..domain.versions import Version
from ..errors import StaleWrite
from ..ports import Bundle, BundleFile, Container, Transaction
from ..runner import protocol
from ..services import Services
from ..services.runs import fill_in
from ..services.secrets import opened

OUTPUT_LIMITS: protocol.OutputLimits = {"cell_bytes": 16 * 1024**2, "run_bytes": 256 * 1024**2}
STARTUP_TIMEOUT_S = 120.0
INTERRUPT_GRACE_S = 5.0


def bundle_of(
    ctx: Services, attempt: Attempt, run: Run, inherited: Mapping[str, str], imports: Sequence[str] = ()
) -> Bundle:
    """What the attempt takes along, read from the stored version: the working files play no part any more.

    StaleWrite when it is no longer to be launched: a process may sleep between its intent and here.
    """
    scope = of_environment(run.environment)
    with ctx.store.read() as tx:
        if tx.attempts.of_run(run.id)[attempt.number - 1].state is not AttemptState.LAUNCHING:
            raise StaleWrite(f"Another engine has gone on with {attempt.name}.", id=attempt.name)
        version = tx.versions.get(run.job_id, run.version_digest)
        variables = {it.name: it.value for it in tx.variables.of(run.environment)}
        container = _container(tx, run)
        has_secrets = bool(tx.secrets.of(scope))
    secrets = opened(ctx, scope) if has_secrets else {}
    manifest = version.manifest
    return Bundle(
        name=attempt.name,
        spec=_spec(attempt, run, version, secrets, container),
        notebook=fill_in(ctx, manifest.notebook_digest, manifest.language, manifest.parameters, run.parameters),
        # Its own notebook lies there as well, as it does for people: without the values and outputs of this run.
        files=[
            BundleFile(manifest.notebook_path, manifest.notebook_digest),
            *(BundleFile(f.path, f.digest, f.executable) for f in manifest.files),
        ],
        # A container has the variables of its image; this machine's would name what is not in there.
        environment={**({} if container else run.kernel.inherited or inherited_of(inherited)), **variables},
        secrets=secrets,
        container=container,
        imports=imports,
    )


def _container(tx: Transaction, run: Run) -> Container | None:
    if run.image is None:
        return None
    environment = tx.environments.get(run.environment)
    entry = tx.images.find(run.image.name)
    user = environment.docker.user
    if entry is not None and entry.digest == run.image.digest:
        user = entry.user(user)
    return Container(
        image=run.image.id or run.image.digest,
        user=user,
        resources=run.resources,
        network=environment.network,
        mounts=environment.mounts,
        warm=environment.docker.warm,
    )


def _spec(
    attempt: Attempt, run: Run, version: Version, secrets: Iterable[str], container: Container | None
) -> protocol.Spec:
    folder = str(PurePosixPath(version.manifest.notebook_path).parent)
    return {
        "format": 1,
        "attempt": attempt.name,
        "kernel": {
            "name": run.kernel.name,
            "language": run.kernel.language,
            "argv": list(run.kernel.argv),
            "env": run.kernel.env,
            "interrupt_mode": run.kernel.interrupt_mode,
        },
        "folder": "" if folder == "." else folder,
        "files": [file.path for file in version.manifest.files],
        "folders": list(version.manifest.folders),
        "output_limits": OUTPUT_LIMITS,
        "secrets": sorted(secrets),
        "startup_timeout_s": STARTUP_TIMEOUT_S,
        "interrupt_grace_s": INTERRUPT_GRACE_S,
        "memory_bytes": container.resources.memory_bytes if container else None,
    }
