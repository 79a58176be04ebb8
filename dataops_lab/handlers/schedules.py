"""Schedules, their ticks, and the calendars that they ask."""

from __future__ import annotations

from pydantic import Field

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
    ScheduleModel,
    SchedulePreviewModel,
    SchedulePreviewRequest,
    ScheduleRequest,
    TickModel,
    TickSpanModel,
    WebhookSecretModel,
    WebhookSecretRequest,
)
from ..domain.policy import ObjectKind, Verb
from ..domain.ticks import TickState
from ..ports import TickFilter
from ..services import backfills, calendars, lateness, schedules, webhooks
from .base import Cursor, DataOpsHandler, UtcDatetime, operation
from .runs import Query, local_path

SCHEDULES = "dataops:schedules"
CALENDARS = "dataops:calendars"

_STATE = f"({'|'.join(TickState)})"


class SchedulesQuery(Query):
    job: str | None = None
    limit: int = Field(default=50, ge=1, le=500)
    cursor: Cursor | None = None


class TicksQuery(Query):
    """A query for ticks. `state` is a list with commas."""

    schedule: str | None = Field(default=None, max_length=200)
    state: str | None = Field(default=None, pattern=rf"^({_STATE}(,{_STATE})*)?$")
    limit: int = Field(default=50, ge=1, le=500)
    cursor: Cursor | None = None


class SpanQuery(Query):
    """A query for a span of time: at most 370 days."""

    first: UtcDatetime
    last: UtcDatetime
    schedule: str | None = Field(default=None, max_length=200)


class SchedulesHandler(DataOpsHandler):
    @operation(
        "List schedules, newest first",
        action="read",
        resource=SCHEDULES,
        answers={200: PageModel[ScheduleModel]},
        query=SchedulesQuery,
    )
    def get(self, query: SchedulesQuery) -> PageModel[ScheduleModel]:
        page = schedules.page(self.services, limit=query.limit, cursor=query.cursor, job_id=query.job)
        return PageModel[ScheduleModel](items=[ScheduleModel.from_domain(view) for view in page.items], next=page.next)

    @operation(
        "Schedule a notebook, script or pipeline as it is now. It is checked as a submission is, for each preset",
        action="write",
        resource=SCHEDULES,
        answers={201: ScheduleModel},
        body=ScheduleRequest,
        lane="submit",
        permission=(Verb.RUN, ObjectKind.JOB),
    )
    def post(self, body: ScheduleRequest) -> ScheduleModel:
        wish = body.to_wish(local_path(self, body.path))
        return ScheduleModel.from_domain(schedules.add(self.services, wish, by=self.actor))

    @operation(
        "Add a schedule, or bring the one of that name up to date with version, place and settings; safe to repeat",
        action="write",
        resource=SCHEDULES,
        answers={201: ScheduleModel, 200: ScheduleModel},
        body=ScheduleRequest,
        lane="submit",
        permission=(Verb.RUN, ObjectKind.JOB),
    )
    def put(self, body: ScheduleRequest) -> tuple[int, ScheduleModel]:
        wish = body.to_wish(local_path(self, body.path))
        view, is_new = schedules.set_schedule(self.services, wish, by=self.actor)
        return (201 if is_new else 200), ScheduleModel.from_domain(view)


class PreviewHandler(DataOpsHandler):
    @operation(
        "Tell when a schedule with these settings would start next, or why it never would; stores nothing",
        action="read",
        resource=SCHEDULES,
        answers={200: SchedulePreviewModel},
        body=SchedulePreviewRequest,
    )
    def post(self, body: SchedulePreviewRequest) -> SchedulePreviewModel:
        found = schedules.preview(self.services, body.to_settings(), count=body.count)
        return SchedulePreviewModel.from_preview(found, body.timezone)


class ScheduleHandler(DataOpsHandler):
    @operation(
        "One schedule, by its id or name, compared with the working file",
        action="read",
        resource=SCHEDULES,
        answers={200: ScheduleModel},
        lane="submit",
    )
    def get(self, schedule: str) -> ScheduleModel:
        return ScheduleModel.from_domain(schedules.get(self.services, schedule))

    @operation(
        "Replace the settings of a schedule; its version stays",
        action="write",
        resource=SCHEDULES,
        answers={200: ScheduleModel},
        body=ScheduleChange,
        lane="submit",
    )
    def put(self, schedule: str, body: ScheduleChange) -> ScheduleModel:
        changed = schedules.change(
            self.services,
            schedule,
            body.to_settings(),
            new_name=body.name,
            revision=body.revision,
            by=self.actor,
        )
        return ScheduleModel.from_domain(changed)

    @operation(
        "Remove a schedule with its decision log; as it was. Its runs stay",
        action="write",
        resource=SCHEDULES,
        answers={200: ScheduleModel},
    )
    def delete(self, schedule: str) -> ScheduleModel:
        return ScheduleModel.from_domain(schedules.remove(self.services, schedule, by=self.actor))


class PauseHandler(DataOpsHandler):
    @operation(
        "Let a schedule start nothing until it is resumed; safe to repeat",
        action="write",
        resource=SCHEDULES,
        answers={200: ScheduleModel},
        body=PauseRequest,
        lane="submit",
    )
    def post(self, schedule: str, body: PauseRequest) -> ScheduleModel:
        return ScheduleModel.from_domain(schedules.pause(self.services, schedule, why=body.why, by=self.actor))


class ResumeHandler(DataOpsHandler):
    @operation(
        "Let a schedule go on from now; safe to repeat",
        action="write",
        resource=SCHEDULES,
        answers={200: ScheduleModel},
        lane="submit",
    )
    def post(self, schedule: str) -> ScheduleModel:
        return ScheduleModel.from_domain(schedules.resume(self.services, schedule, by=self.actor))


class TakeOverHandler(DataOpsHandler):
    @operation(
        "Become the owner of a schedule: from now on it runs with one's own rights",
        action="write",
        resource=SCHEDULES,
        answers={200: ScheduleModel},
        lane="submit",
    )
    def post(self, schedule: str) -> ScheduleModel:
        return ScheduleModel.from_domain(schedules.take_over(self.services, schedule, by=self.actor))


class UpdateVersionHandler(DataOpsHandler):
    @operation(
        "Let a schedule run the working file as it is now",
        action="write",
        resource=SCHEDULES,
        answers={200: ScheduleModel},
        lane="submit",
    )
    def post(self, schedule: str) -> ScheduleModel:
        return ScheduleModel.from_domain(schedules.update_version(self.services, schedule, by=self.actor))


class WebhookSecretHandler(DataOpsHandler):
    @operation(
        "Give the webhook of a schedule a new secret, shown only in this answer; the one before counts for a day more",
        action="write",
        resource=SCHEDULES,
        answers={200: WebhookSecretModel},
        body=WebhookSecretRequest,
    )
    def post(self, schedule: str, body: WebhookSecretRequest) -> WebhookSecretModel:
        found, secret = webhooks.put_secret(
            self.services, schedule, body.secret, keep_previous=body.keep_previous, by=self.actor
        )
        return WebhookSecretModel.from_domain(found, secret)


class RunNowHandler(DataOpsHandler):
    @operation(
        "Start a schedule now, whatever is in the way, also while it is paused: a tick with its run for each preset",
        action="execute",
        resource=SCHEDULES,
        answers={201: PageModel[TickModel]},
        body=RunNowRequest,
        lane="submit",
    )
    def post(self, schedule: str, body: RunNowRequest) -> PageModel[TickModel]:
        found = schedules.run_now(self.services, schedule, preset=body.preset, by=self.actor)
        return PageModel[TickModel](items=[TickModel.from_domain(tick) for tick in found])


class BackfillHandler(DataOpsHandler):
    @operation(
        "Run ticks of the past now, a few at a time, on the data of now; people hear of failures if `tells` is set",
        action="execute",
        resource=SCHEDULES,
        answers={201: PageModel[TickModel]},
        body=BackfillRequest,
    )
    def post(self, schedule: str, body: BackfillRequest) -> tuple[int, PageModel[TickModel]]:
        added = backfills.start(self.services, schedule, body.to_domain(), by=self.actor)
        return 201, PageModel[TickModel](items=[TickModel.from_domain(tick) for tick in added])


class BackfillsHandler(DataOpsHandler):
    @operation(
        "The newest backfills of a schedule, and how far each is",
        action="read",
        resource=SCHEDULES,
        answers={200: PageModel[BackfillModel]},
    )
    def get(self, schedule: str) -> PageModel[BackfillModel]:
        found = backfills.list_newest(self.services, schedule)
        return PageModel[BackfillModel](items=[BackfillModel.model_validate(each) for each in found])


class BackfillPreviewHandler(DataOpsHandler):
    @operation(
        "Tell for each tick of a span whether a backfill would run it; starts nothing",
        action="read",
        resource=SCHEDULES,
        answers={200: PageModel[BackfillCellModel]},
        body=BackfillRequest,
    )
    def post(self, schedule: str, body: BackfillRequest) -> PageModel[BackfillCellModel]:
        cells = backfills.preview(self.services, schedule, body.to_domain())
        return PageModel[BackfillCellModel](items=[BackfillCellModel.model_validate(cell) for cell in cells])


class BackfillCancelHandler(DataOpsHandler):
    @operation(
        "Start no more ticks of the backfills of a schedule; runs that have begun go on",
        action="execute",
        resource=SCHEDULES,
        answers={200: ScheduleModel},
        lane="submit",
    )
    def post(self, schedule: str) -> ScheduleModel:
        backfills.cancel(self.services, schedule, by=self.actor)
        return ScheduleModel.from_domain(schedules.get(self.services, schedule))


class TicksHandler(DataOpsHandler):
    @operation(
        "The decision log of one schedule or of all, newest first",
        action="read",
        resource=SCHEDULES,
        answers={200: PageModel[TickModel]},
        query=TicksQuery,
    )
    def get(self, query: TicksQuery) -> PageModel[TickModel]:
        states = tuple(TickState(name) for name in query.state.split(",")) if query.state else ()
        where = TickFilter(query.schedule, states)
        page = schedules.tick_page(self.services, where, limit=query.limit, cursor=query.cursor)
        foreseen = lateness.foresee(self.services, page.items)
        return PageModel[TickModel](
            items=[TickModel.from_domain(tick, foreseen) for tick in page.items], next=page.next
        )


class TickSpanHandler(DataOpsHandler):
    @operation(
        "The ticks of a span of time: those that are decided, and those that will come",
        action="read",
        resource=SCHEDULES,
        answers={200: TickSpanModel},
        query=SpanQuery,
    )
    def get(self, query: SpanQuery) -> TickSpanModel:
        found = schedules.ticks_between(self.services, query.first, query.last, name=query.schedule)
        return TickSpanModel.from_domain(found)


class CalendarsHandler(DataOpsHandler):
    @operation("Every calendar, by name", action="read", resource=CALENDARS, answers={200: PageModel[CalendarModel]})
    def get(self) -> PageModel[CalendarModel]:
        found = calendars.list_all(self.services)
        return PageModel[CalendarModel](items=[CalendarModel.from_domain(calendar) for calendar in found])


class CalendarHandler(DataOpsHandler):
    @operation("One calendar", action="read", resource=CALENDARS, answers={200: CalendarModel})
    def get(self, calendar: str) -> CalendarModel:
        return CalendarModel.from_domain(calendars.get(self.services, calendar))

    @operation(
        "Add a calendar, or replace the one of that name. Nothing is changed when its days cannot be read",
        action="write",
        resource=CALENDARS,
        answers={200: CalendarModel},
        body=CalendarRequest,
        lane="submit",
    )
    def put(self, calendar: str, body: CalendarRequest) -> CalendarModel:
        return CalendarModel.from_domain(calendars.put(self.services, calendar, body.to_wish(), by=self.actor))

    @operation(
        "Remove a calendar that no schedule uses; as it was",
        action="write",
        resource=CALENDARS,
        answers={200: CalendarModel},
    )
    def delete(self, calendar: str) -> CalendarModel:
        return CalendarModel.from_domain(calendars.remove(self.services, calendar, by=self.actor))
