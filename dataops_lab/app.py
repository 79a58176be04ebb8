"""The server extension: its settings, its routes, and the engine that it looks after."""

from __future__ import annotations

import gc
import logging
import os
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, Enum, Integer, List, Unicode, default

from .errors import KernelUnavailable

if TYPE_CHECKING:
    from .engine.process import EngineSupervisor
    from .kernels.specs import KernelspecSync
    from .services import Services
    from .wiring import Home


class DataOpsApp(ExtensionApp):
    name = "dataops_lab"
    app_name = "dataops_lab"
    description = "Notebooks as parameterised jobs that leave a record."
    load_other_extensions = True

    home = Unicode(
        "",
        help="""Folder of all state: database, records, logs. Empty: the environment variable DATAOPS_LAB_HOME,
        else `dataops_lab` in Jupyter's data folder.""",
    ).tag(config=True)

    start_engine = Bool(
        True, help="Start an engine with the server, and again whenever it ends. Runs wait while there is none."
    ).tag(config=True)

    keep_engine = Bool(
        False,
        help="""Leave the engine running when the server ends. Without it, runs that are under way go on and
        are adopted by the next engine, and queued ones wait for it.""",
    ).tag(config=True)

    warm = Integer(
        None,
        allow_none=True,
        min=0,
        max=4,
        help="""How many preloaded interpreters may stand ready, so that runs start at once. Each takes some 60 MB
        while it is used, and is given back after five minutes without a run. 0: every run starts cold.
        Default: the environment variable DATAOPS_LAB_WARM, else 2.""",
    ).tag(config=True)

    preload_bytes = Integer(
        None,
        allow_none=True,
        min=0,
        help="""How many bytes of memory the preloaded interpreters may take that have imported libraries ahead of a
        notebook. A job that runs again then finds the libraries that it imported last time. 0: none are imported
        ahead. Default: the environment variable DATAOPS_LAB_PRELOAD_BYTES, such as 512Mi, else 1 GiB.""",
    ).tag(config=True)

    safe_libraries = List(
        Unicode(),
        help="""Names of modules that may be imported ahead of a notebook beside matplotlib, numpy, pandas, pyarrow,
        scipy and sklearn. Name only a library that draws no random numbers, opens no connection and starts no thread
        while it is imported. Default: the environment variable DATAOPS_LAB_SAFE_LIBRARIES, names with commas
        between.""",
    ).tag(config=True)

    @default("safe_libraries")
    def _safe_libraries(self) -> list[str]:
        from .wiring import safe_libraries

        return safe_libraries()

    identity = Enum(
        ["owner", "provider"],
        default_value=None,
        allow_none=True,
        help="""By which name people are known. owner: everybody who can log in is the one whose server this is, with
        the name of the operating system's account, as on the command line. provider: the user names of Jupyter's
        identity provider. Default: provider where it tells persons apart, else owner.""",
    ).tag(config=True)

    administrators = List(
        Unicode(),
        help="""Ids of those who may change environments, variables, secrets and images, and run in guarded
        environments. Empty: everybody who can log in here. Default: the environment variable
        DATAOPS_LAB_ADMINISTRATORS, names with commas between.""",
    ).tag(config=True)

    @default("administrators")
    def _administrators(self) -> list[str]:
        from .wiring import administrators

        return administrators()

    mount_roots = List(
        Unicode(),
        help="""Folders below which environments may mount data of the executor's host into containers.
        Default: the environment variable DATAOPS_LAB_MOUNT_ROOTS, folders with colons between, else /data, /mnt
        and /srv.""",
    ).tag(config=True)

    @default("mount_roots")
    def _mount_roots(self) -> list[str]:
        from .wiring import mount_roots

        return mount_roots()

    public_url = Unicode(
        "",
        help="""Address at which people reach this server, such as https://hub.example/user/ada/. Messages link to it.
        Empty: the environment variable DATAOPS_LAB_PUBLIC_URL; without that messages have commands in place of links.
        """,
    ).tag(config=True)

    @default("public_url")
    def _public_url(self) -> str:
        return os.environ.get("DATAOPS_LAB_PUBLIC_URL", "")

    output_roots = List(
        Unicode(),
        help="""Folders below which environments may publish outputs. Default: the environment variable
        DATAOPS_LAB_OUTPUT_ROOTS, folders with colons between, else /data, /mnt and /srv.""",
    ).tag(config=True)

    @default("output_roots")
    def _output_roots(self) -> list[str]:
        from .wiring import output_roots

        return output_roots()

    notification_hosts = List(
        Unicode(),
        help="""Hosts, addresses and networks inside of your own network to which messages may go, such as
        chat.example.org or 10.1.0.0/16. Without them, messages go to public addresses alone. Default: the environment
        variable DATAOPS_LAB_NOTIFICATION_HOSTS, with commas between.""",
    ).tag(config=True)

    @default("notification_hosts")
    def _notification_hosts(self) -> list[str]:
        from .wiring import notification_hosts

        return notification_hosts()

    mail_server = Unicode(
        "",
        help="""The server that sends mail, such as smtp.example.org or smtp.example.org:587. Empty: the environment
        variable DATAOPS_LAB_MAIL_SERVER, else no mail is sent.""",
    ).tag(config=True)

    mail_from = Unicode(
        "",
        help="""The address that mail comes from. Empty: the environment variable DATAOPS_LAB_MAIL_FROM.""",
    ).tag(config=True)

    mail_security = Enum(
        ["starttls", "tls", "none"],
        default_value=None,
        allow_none=True,
        help="""The way in which the session with the mail server is encrypted: starttls, from the first command on;
        tls, from the first byte on; or none. Default: the environment variable DATAOPS_LAB_MAIL_SECURITY, else
        starttls.""",
    ).tag(config=True)

    mail_user = Unicode(
        "",
        help="""The user to log in to the mail server as. The password is set by `jupyter dataops notify
        mail-password`. Empty: the environment variable DATAOPS_LAB_MAIL_USER, else nobody logs in.""",
    ).tag(config=True)

    mail_ca_file = Unicode(
        "",
        help="""A file with the certificates that the mail server's may come from. Empty: the environment variable
        DATAOPS_LAB_MAIL_CA_FILE, else those of the system.""",
    ).tag(config=True)

    travel_files = Integer(
        None,
        allow_none=True,
        min=1,
        help="""How many files may travel with a notebook. Default: the environment variable
        DATAOPS_LAB_TRAVEL_FILES, else 2,000.""",
    ).tag(config=True)

    travel_file_bytes = Integer(
        None,
        allow_none=True,
        min=1,
        help="""How many bytes a file that travels with a notebook may have, and the notebook itself. Default: the
        environment variable DATAOPS_LAB_TRAVEL_FILE_BYTES, such as 512Mi, else 256 MiB.""",
    ).tag(config=True)

    travel_total_bytes = Integer(
        None,
        allow_none=True,
        min=1,
        help="""How many bytes may travel with a notebook in all. Default: the environment variable
        DATAOPS_LAB_TRAVEL_TOTAL_BYTES, such as 4Gi, else 1 GiB.""",
    ).tag(config=True)

    api_threads = Integer(
        8,
        min=1,
        help="""How many quick requests are worked on at once; more wait. Submits, and what takes long, have threads of
        their own.""",
    ).tag(config=True)

    max_body_bytes = Integer(
        1024 * 1024,
        min=1024,
        help="""Bytes that the body of a request to the API may have. To read one holds the interpreter, and so
        people's kernels, for up to half a second for each MiB.""",
    ).tag(config=True)

    def initialize_settings(self) -> None:
        self._services_lock = Lock()
        self._services: Services | None = None
        from .handlers.broadcaster import Broadcaster
        from .handlers.lanes import Lanes

        # The services read them, so they are set first.
        self._export_roots()
        self._export_public_url()
        self._export_notifications()
        self._lanes = Lanes(quick=self.api_threads)
        self._broadcaster = Broadcaster(self.services, self._lanes.streams)
        self._supervisor: EngineSupervisor | None = None
        self._specs: KernelspecSync | None = None
        self._export_limits()
        self._export_preloading()
        self._lanes.slow.submit(self._offer_kernels).add_done_callback(_log_failure)
        if self.start_engine:
            # A thread does it: opening the database takes longer than Lab's start should wait.
            self._lanes.slow.submit(self._supervise).add_done_callback(_log_failure)

    def initialize_handlers(self) -> None:
        from .handlers.hooks import HOOKS, HookHandler, HookLimits
        from .handlers.routes import PREFIX, ROUTES

        shared = {"services": self.services, "lanes": self._lanes, "broadcaster": self._broadcaster}
        shared |= {"max_body_bytes": self.max_body_bytes, "identity": self.identity}
        self.handlers.extend((PREFIX + route.pattern, route.handler, shared) for route in ROUTES)
        self.handlers.append((HOOKS, HookHandler, {**shared, "limits": HookLimits()}))

    def services(self) -> Services:
        """Open the services on first use, and return the same ones after that.

        An error is raised again at every use until its cause is fixed.
        """
        with self._services_lock:
            if self._services is None:
                from .wiring import build_services

                self._services = build_services(self._home(), workers=True, administered_by=self.administrators)
            return self._services

    async def stop_extension(self) -> None:
        if self._specs is not None:
            self._specs.stop()
        if self._supervisor is not None:
            self._supervisor.stop()
        self._broadcaster.stop()
        self._lanes.shutdown()

    def _supervise(self) -> None:
        from .engine.process import EngineSupervisor

        self.services()
        home = self._home()
        self._supervisor = EngineSupervisor(
            home.folder, log=home.engine_log, keep_engine=self.keep_engine, warm=self.warm
        )
        self._supervisor.start()
        # The first form should not wait for the worker that reads its notebook to come up.
        with suppress(KernelUnavailable):
            self.services().notebooks.get_kernel("python3")
        # A full garbage collection holds the event loop, and so people's kernels, until it has looked at every object.
        # The objects that are loaded by now stay in any case, and the collection skips them from here on.
        gc.freeze()

    def _offer_kernels(self) -> None:
        """Let Jupyter find the kernels of images, in a folder of dataops_lab that follows the catalogue."""
        from .kernels.specs import KernelspecSync
        from .wiring import owner

        home = self._home()
        manager = self.serverapp.kernel_spec_manager
        manager.kernel_dirs = [*manager.kernel_dirs, str(home.kernels)]
        self._specs = KernelspecSync(self.services, home.kernels, home=home.folder, by=owner())
        self._specs.start()

    def _export_roots(self) -> None:
        """Set the environment variables of the roots, where the engine and the kernel provisioner read it.

        The engine is a process of its own, and Jupyter builds the provisioner.
        """
        from .wiring import MOUNT_ROOTS, OUTPUT_ROOTS, mount_roots, output_roots

        if self.mount_roots != mount_roots():
            os.environ[MOUNT_ROOTS] = os.pathsep.join(self.mount_roots)
        if self.output_roots != output_roots():
            os.environ[OUTPUT_ROOTS] = os.pathsep.join(self.output_roots)

    def _export_public_url(self) -> None:
        """Set the environment variable of the public address, where the engine reads it."""
        from .wiring import PUBLIC_URL, public_url

        os.environ[PUBLIC_URL] = self.public_url
        public_url()  # A wrong one is told now, and not by each message.

    def _export_notifications(self) -> None:
        """Set the environment variables of mail and of messages, where the engine reads them."""
        from .wiring import MAIL_SETTINGS, NOTIFICATION_HOSTS

        os.environ[NOTIFICATION_HOSTS] = ",".join(self.notification_hosts)
        traits = {"sender": "mail_from"}
        for name, variable in MAIL_SETTINGS.items():
            if value := getattr(self, traits.get(name, f"mail_{name}")):
                os.environ[variable] = value

    def _export_preloading(self) -> None:
        """Set the environment variables of preloading, where the engine reads them."""
        from .wiring import PRELOAD_BYTES, SAFE_LIBRARIES

        if self.preload_bytes is not None:
            os.environ[PRELOAD_BYTES] = str(self.preload_bytes)
        os.environ[SAFE_LIBRARIES] = ",".join(self.safe_libraries)

    def _export_limits(self) -> None:
        """Set the environment variables of the travel limits.

        So the command line in a terminal of this server submits by the same limits as its form.
        """
        from .wiring import TRAVEL_LIMITS

        for name, variable in TRAVEL_LIMITS.items():
            if value := getattr(self, f"travel_{name}"):
                os.environ[variable] = str(value)

    def _home(self) -> Home:
        from .wiring import Home, state_folder

        return Home(Path(self.home).expanduser() if self.home else state_folder())


def _log_failure(future: Future[None]) -> None:
    if not future.cancelled() and (error := future.exception()):
        logging.getLogger("dataops_lab").error("No engine was started: %s", error)
