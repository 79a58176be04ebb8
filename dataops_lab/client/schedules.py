"""`client.schedules`: schedules with their decision log, and the calendars that they ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from ..api_models import (
    BackfillCellModel,
    BackfillModel,
    BackfillRequest,
    CalendarModel,
    CalendarRequest,
    PageModel,
    PauseRequest,
    RunNowRequest,
    ScheduleChange,
    ScheduleImportModel,
    ScheduleImportRequest,
    ScheduleModel,
    SchedulePreviewModel,
    SchedulePreviewRequest,
    ScheduleRequest,
    TickModel,
    WebhookSecretModel,
    WebhookSecretRequest,
)
from ..domain.actors import Actor
from ..domain.ticks import TickState
from ..errors import InvalidRequest
from ..ports import TickFilter
from ..services import Services, backfills, calendars, lateness, schedule_imports, schedules, webhooks

if TYPE_CHECKING:
    from .http import HttpClient


class Schedules(Protocol):
    """The calls for schedules. `schedule` is the id or the name of one; NotFound when there is none."""

    def add(self, request: ScheduleRequest) -> ScheduleModel:
        """Schedule the source at `request.path` as it is now. Conflict when the name is taken."""
        ...

    def set(self, request: ScheduleRequest) -> ScheduleModel:
        """Add the schedule, or bring the one of that name up to date with version, place and settings."""
        ...

    def preview(self, request: SchedulePreviewRequest) -> SchedulePreviewModel:
        """Tell when it would start next. It stores nothing."""
        ...

    def list(self, *, limit: int = 50, cursor: str | None = None, job: str | None = None) -> PageModel[ScheduleModel]:
        """List them, newest first."""
        ...

    def get(self, schedule: str) -> ScheduleModel: ...
    def change(self, schedule: str, request: ScheduleChange) -> ScheduleModel:
        """Replace the settings. StaleWrite when somebody has changed it since `request.revision`."""
        ...

    def update_version(self, schedule: str) -> ScheduleModel:
        """Let it run the working file as it is now."""
        ...

    def pause(self, schedule: str, *, why: str = "") -> ScheduleModel: ...
    def resume(self, schedule: str) -> ScheduleModel: ...
    def take_over(self, schedule: str) -> ScheduleModel: ...
    def put_webhook_secret(
        self, schedule: str, secret: str | None = None, *, keep_previous: bool = True
    ) -> WebhookSecretModel:
        """Give its webhook the secret of the sender, or a new one, which only this answer shows.

        The secret before it counts for a day more, unless `keep_previous` is False. Refused when no webhook starts it.
        """
        ...

    def remove(self, schedule: str) -> ScheduleModel:
        """Remove it with its decision log, and return it as it was."""
        ...

    def run_now(self, schedule: str, *, preset: str | None = None) -> Sequence[TickModel]:
        """Start it now. Return a tick with its run for each preset."""
        ...

    def ticks(
        self,
        *,
        schedule: str | None = None,
        states: Sequence[TickState] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> PageModel[TickModel]:
        """Return the decision log, newest first."""
        ...

    def preview_backfill(self, schedule: str, request: BackfillRequest) -> Sequence[BackfillCellModel]:
        """Tell for each tick of the span whether a backfill would run it. It starts nothing."""
        ...

    def backfill(self, schedule: str, request: BackfillRequest) -> Sequence[TickModel]:
        """Run ticks of the past now, a few at a time."""
        ...

    def backfills(self, schedule: str) -> Sequence[BackfillModel]:
        """Return the newest backfills, and how far each is."""
        ...

    def cancel_backfill(self, schedule: str) -> ScheduleModel:
        """Start no more ticks of the backfills of the schedule. Runs that have begun go on."""
        ...

    def preview_import(self, request: ScheduleImportRequest, *, url: str | None = None) -> ScheduleImportModel:
        """Tell what an import from jupyter-scheduler would do. A server reads its own database and takes no `url`."""
        ...

    def run_import(self, request: ScheduleImportRequest, *, url: str | None = None) -> ScheduleImportModel:
        """Import schedules from jupyter-scheduler. Safe to repeat."""
        ...

    def calendars(self) -> Sequence[CalendarModel]: ...
    def put_calendar(self, name: str, request: CalendarRequest) -> CalendarModel:
        """Add it, or replace the one of that name. Refused, and nothing is changed, when it cannot be read."""
        ...

    def remove_calendar(self, name: str) -> CalendarModel: ...


class LocalSchedules(Schedules):
    def __init__(self, services: Services, *, user: Actor, root: str | None) -> None:
        self._ctx, self._user, self._root = services, user, root

    def add(self, request: ScheduleRequest) -> ScheduleModel:
        return ScheduleModel.from_domain(
            schedules.add(self._ctx, request.to_wish(request.path, root=self._root), by=self._user)
        )

    def set(self, request: ScheduleRequest) -> ScheduleModel:
        view, _ = schedules.set_schedule(self._ctx, request.to_wish(request.path, root=self._root), by=self._user)
        return ScheduleModel.from_domain(view)

    def preview(self, request: SchedulePreviewRequest) -> SchedulePreviewModel:
        found = schedules.preview(self._ctx, request.to_settings(), count=request.count)
        return SchedulePreviewModel.from_preview(found, request.timezone)

    def list(self, *, limit: int = 50, cursor: str | None = None, job: str | None = None) -> PageModel[ScheduleModel]:
        page = schedules.page(self._ctx, limit=limit, cursor=cursor, job_id=job)
        return PageModel[ScheduleModel](items=[ScheduleModel.from_domain(view) for view in page.items], next=page.next)

    def get(self, schedule: str) -> ScheduleModel:
        return ScheduleModel.from_domain(schedules.get(self._ctx, schedule))

    def change(self, schedule: str, request: ScheduleChange) -> ScheduleModel:
        return ScheduleModel.from_domain(
            schedules.change(
                self._ctx,
                schedule,
                request.to_settings(),
                new_name=request.name,
                revision=request.revision,
                by=self._user,
            )
        )

    def update_version(self, schedule: str) -> ScheduleModel:
        return ScheduleModel.from_domain(schedules.update_version(self._ctx, schedule, by=self._user))

    def pause(self, schedule: str, *, why: str = "") -> ScheduleModel:
        return ScheduleModel.from_domain(schedules.pause(self._ctx, schedule, why=why, by=self._user))

    def resume(self, schedule: str) -> ScheduleModel:
        return ScheduleModel.from_domain(schedules.resume(self._ctx, schedule, by=self._user))

    def take_over(self, schedule: str) -> ScheduleModel:
        return ScheduleModel.from_domain(schedules.take_over(self._ctx, schedule, by=self._user))

    def put_webhook_secret(
        self, schedule: str, secret: str | None = None, *, keep_previous: bool = True
    ) -> WebhookSecretModel:
        found = webhooks.put_secret(self._ctx, schedule, secret, keep_previous=keep_previous, by=self._user)
        return WebhookSecretModel.from_domain(*found)

    def remove(self, schedule: str) -> ScheduleModel:
        return ScheduleModel.from_domain(schedules.remove(self._ctx, schedule, by=self._user))

    def run_now(self, schedule: str, *, preset: str | None = None) -> Sequence[TickModel]:
        found = schedules.run_now(self._ctx, schedule, preset=preset, by=self._user)
        return [TickModel.from_domain(tick) for tick in found]

    def ticks(
        self,
        *,
        schedule: str | None = None,
        states: Sequence[TickState] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> PageModel[TickModel]:
        page = schedules.tick_page(self._ctx, TickFilter(schedule, tuple(states)), limit=limit, cursor=cursor)
        foreseen = lateness.foresee(self._ctx, page.items)
        return PageModel[TickModel](
            items=[TickModel.from_domain(tick, foreseen) for tick in page.items], next=page.next
        )

    def preview_backfill(self, schedule: str, request: BackfillRequest) -> Sequence[BackfillCellModel]:
        cells = backfills.preview(self._ctx, schedule, request.to_domain())
        return [BackfillCellModel.model_validate(cell) for cell in cells]

    def backfill(self, schedule: str, request: BackfillRequest) -> Sequence[TickModel]:
        added = backfills.start(self._ctx, schedule, request.to_domain(), by=self._user)
        return [TickModel.from_domain(tick) for tick in added]

    def backfills(self, schedule: str) -> Sequence[BackfillModel]:
        return [BackfillModel.model_validate(each) for each in backfills.list_newest(self._ctx, schedule)]

    def cancel_backfill(self, schedule: str) -> ScheduleModel:
        backfills.cancel(self._ctx, schedule, by=self._user)
        return self.get(schedule)

    def preview_import(self, request: ScheduleImportRequest, *, url: str | None = None) -> ScheduleImportModel:
        wish = request.to_wish(request.folder, url=url)
        return ScheduleImportModel.from_domain(schedule_imports.preview(self._ctx, wish, by=self._user))

    def run_import(self, request: ScheduleImportRequest, *, url: str | None = None) -> ScheduleImportModel:
        wish = request.to_wish(request.folder, url=url)
        return ScheduleImportModel.from_domain(schedule_imports.run(self._ctx, wish, by=self._user))

    def calendars(self) -> Sequence[CalendarModel]:
        return [CalendarModel.from_domain(calendar) for calendar in calendars.list_all(self._ctx)]

    def put_calendar(self, name: str, request: CalendarRequest) -> CalendarModel:
        return CalendarModel.from_domain(calendars.put(self._ctx, name, request.to_wish(), by=self._user))

    def remove_calendar(self, name: str) -> CalendarModel:
        return CalendarModel.from_domain(calendars.remove(self._ctx, name, by=self._user))


class HttpSchedules(Schedules):
    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def add(self, request: ScheduleRequest) -> ScheduleModel:
        return self._client.request(ScheduleModel, "POST", "schedules", request)

    def set(self, request: ScheduleRequest) -> ScheduleModel:
        return self._client.request(ScheduleModel, "PUT", "schedules", request)

    def preview(self, request: SchedulePreviewRequest) -> SchedulePreviewModel:
        return self._client.request(SchedulePreviewModel, "POST", "schedules/preview", request)

    def list(self, *, limit: int = 50, cursor: str | None = None, job: str | None = None) -> PageModel[ScheduleModel]:
        return self._client.request(PageModel[ScheduleModel], "GET", "schedules", limit=limit, cursor=cursor, job=job)

    def get(self, schedule: str) -> ScheduleModel:
        return self._client.request(ScheduleModel, "GET", _address(schedule))

    def change(self, schedule: str, request: ScheduleChange) -> ScheduleModel:
        return self._client.request(ScheduleModel, "PUT", _address(schedule), request)

    def update_version(self, schedule: str) -> ScheduleModel:
        return self._client.request(ScheduleModel, "POST", f"{_address(schedule)}/update-version")

    def pause(self, schedule: str, *, why: str = "") -> ScheduleModel:
        return self._client.request(ScheduleModel, "POST", f"{_address(schedule)}/pause", PauseRequest(why=why))

    def resume(self, schedule: str) -> ScheduleModel:
        return self._client.request(ScheduleModel, "POST", f"{_address(schedule)}/resume")

    def take_over(self, schedule: str) -> ScheduleModel:
        return self._client.request(ScheduleModel, "POST", f"{_address(schedule)}/take-over")

    def put_webhook_secret(
        self, schedule: str, secret: str | None = None, *, keep_previous: bool = True
    ) -> WebhookSecretModel:
        asked = WebhookSecretRequest(secret=secret, keep_previous=keep_previous)
        return self._client.request(WebhookSecretModel, "POST", f"{_address(schedule)}/webhook-secret", asked)

    def remove(self, schedule: str) -> ScheduleModel:
        return self._client.request(ScheduleModel, "DELETE", _address(schedule))

    def run_now(self, schedule: str, *, preset: str | None = None) -> Sequence[TickModel]:
        asked = RunNowRequest(preset=preset)
        return self._client.request(PageModel[TickModel], "POST", f"{_address(schedule)}/run-now", asked).items

    def ticks(
        self,
        *,
        schedule: str | None = None,
        states: Sequence[TickState] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> PageModel[TickModel]:
        state = ",".join(states) or None
        return self._client.request(
            PageModel[TickModel], "GET", "ticks", schedule=schedule, state=state, limit=limit, cursor=cursor
        )

    def preview_backfill(self, schedule: str, request: BackfillRequest) -> Sequence[BackfillCellModel]:
        address = f"{_address(schedule)}/backfill/preview"
        return self._client.request(PageModel[BackfillCellModel], "POST", address, request).items

    def backfill(self, schedule: str, request: BackfillRequest) -> Sequence[TickModel]:
        return self._client.request(PageModel[TickModel], "POST", f"{_address(schedule)}/backfill", request).items

    def backfills(self, schedule: str) -> Sequence[BackfillModel]:
        return self._client.request(PageModel[BackfillModel], "GET", f"{_address(schedule)}/backfills").items

    def cancel_backfill(self, schedule: str) -> ScheduleModel:
        return self._client.request(ScheduleModel, "POST", f"{_address(schedule)}/backfill/cancel")

    def preview_import(self, request: ScheduleImportRequest, *, url: str | None = None) -> ScheduleImportModel:
        _refuse_url(url)
        return self._client.request(ScheduleImportModel, "POST", "schedule-imports/preview", request)

    def run_import(self, request: ScheduleImportRequest, *, url: str | None = None) -> ScheduleImportModel:
        _refuse_url(url)
        return self._client.request(ScheduleImportModel, "POST", "schedule-imports", request)

    def calendars(self) -> Sequence[CalendarModel]:
        return self._client.request(PageModel[CalendarModel], "GET", "calendars").items

    def put_calendar(self, name: str, request: CalendarRequest) -> CalendarModel:
        return self._client.request(CalendarModel, "PUT", f"calendars/{quote(name, safe='')}", request)

    def remove_calendar(self, name: str) -> CalendarModel:
        return self._client.request(CalendarModel, "DELETE", f"calendars/{quote(name, safe='')}")


def _refuse_url(url: str | None) -> None:
    if url is not None:
        raise InvalidRequest("A server reads the database in its own data folder. Leave the URL out.")


def _address(schedule: str) -> str:
    return f"schedules/{quote(schedule, safe='')}"
