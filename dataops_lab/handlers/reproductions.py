"""Reproductions: a folder with all that a run found, and a kernel that starts there as the run did."""

from __future__ import annotations

import os
import posixpath
from http import HTTPStatus
from pathlib import Path

from jupyter_client.kernelspec import NoSuchKernel
from jupyter_core.utils import ensure_async
from jupyter_server.utils import to_os_path

from ..api_models import (
    ReproduceRequest,
    ReproductionKernelModel,
    ReproductionKernelRequest,
    ReproductionModel,
)
from ..domain.policy import ObjectKind, Verb
from ..errors import KernelUnavailable
from ..services import reproductions
from ..services.reproductions import ReproductionKernel
from .base import Answer, DataOpsHandler, operation
from .runs import RUNS, local_path, real_root

_REPRODUCE = (Verb.REPRODUCE, ObjectKind.RUN)


class ReproduceHandler(DataOpsHandler):
    @operation(
        "Fill a folder with the files, parameters and variables of a run, or of a step of a pipeline run; executes "
        "nothing. The same folder again as long as nobody has changed it (200)",
        action="execute",
        resource=RUNS,
        answers={201: ReproductionModel, 200: ReproductionModel},
        body=ReproduceRequest,
        lane="slow",
        permission=_REPRODUCE,
    )
    def post(self, run_id: str, body: ReproduceRequest) -> tuple[int, ReproductionModel]:
        root = real_root(self)
        found = reproductions.reproduce(
            self.services,
            body.to_domain(run_id),
            below=Path(root),
            folder=None if body.folder is None else Path(os.path.realpath(local_path(self, body.folder))),
            by=self.actor,
        )
        folder = os.path.relpath(found.folder, root).replace(os.sep, "/")
        return (201 if found.created else 200), ReproductionModel.from_domain(found, folder)


class ReproductionKernelHandler(DataOpsHandler):
    @operation(
        "Start a kernel in the folder of a reproduction, with the variables and secrets of the run that this person "
        "may use, and a session of it on the notebook there. It replaces the kernel that the notebook has",
        action="execute",
        resource=RUNS,
        answers={201: ReproductionKernelModel},
        body=ReproductionKernelRequest,
        permission=_REPRODUCE,
    )
    async def post(self, run_id: str, body: ReproductionKernelRequest) -> None:
        # It is also what Jupyter itself asks of somebody who starts a session.
        await self.require("execute", "kernels")
        await self.require("write", "sessions")
        kernel = await self.in_thread(self._find_kernel, run_id, body, lane="slow")
        environment = {} if kernel.container else await self.in_thread(self._environment_of, kernel)
        path = posixpath.join(body.folder.strip("/"), kernel.path)
        kernel_id = await self._start(kernel, path, environment)
        try:
            session_id = await self._connect(path, kernel_id)
        except BaseException:
            await ensure_async(self.kernel_manager.shutdown_kernel(kernel_id, now=True))
            raise
        answer = ReproductionKernelModel.from_domain(kernel, session=session_id, kernel_id=kernel_id, path=path)
        await self.reply(Answer(HTTPStatus.CREATED, answer.model_dump_json().encode(), "application/json", {}))

    async def _connect(self, path: str, kernel_id: str) -> str:
        """Give the notebook a session on this kernel, and return its id. The kernel that it has ends."""
        for session in await self.session_manager.list_sessions():
            if session["path"] == path:
                await self.session_manager.update_session(session["id"], kernel_id=kernel_id)
                await ensure_async(self.kernel_manager.shutdown_kernel(session["kernel"]["id"], now=True))
                return str(session["id"])
        session = await self.session_manager.create_session(
            path=path, name=posixpath.basename(path), type="notebook", kernel_id=kernel_id
        )
        return str(session["id"])

    def _find_kernel(self, run_id: str, body: ReproductionKernelRequest) -> ReproductionKernel:
        folder = Path(os.path.realpath(local_path(self, body.folder)))
        return reproductions.find_kernel(self.services, body.to_domain(run_id), folder, place=body.place, by=self.actor)

    def _environment_of(self, kernel: ReproductionKernel) -> dict[str, str]:
        return reproductions.environment_of(self.services, kernel)

    async def _start(self, kernel: ReproductionKernel, path: str, environment: dict[str, str]) -> str:
        """Start the kernel, and return its id.

        Jupyter keeps the arguments for a restart. The provisioner of images asks for the variables itself.
        """
        environment["JPY_SESSION_NAME"] = to_os_path(path, real_root(self))
        arguments = {"reproduction": kernel} if kernel.container else {}
        try:
            # A start that finds no spec would leave something that Jupyter never ends.
            await ensure_async(self.kernel_spec_manager.get_kernel_spec(kernel.name))
            kernel_path = await ensure_async(self.contents_manager.get_kernel_path(path=path))
            return await self.kernel_manager.start_kernel(
                path=kernel_path, kernel_name=kernel.name, env=environment, **arguments
            )
        except NoSuchKernel:
            raise KernelUnavailable(
                f"This server has no kernel {kernel.name!r}. Install it, or choose another place for the kernel.",
                kernel=kernel.name,
            ) from None
