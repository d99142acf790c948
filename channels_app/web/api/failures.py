"""The failures inbox: causes instead of lines, and many events retried."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.access.audit import Actor
from channels_app.access.permissions import REPLAY, SEE
from channels_app.models import BulkRetry, Channel, FailureGroup
from channels_app.operations.failures.bulk_retries import (
    BulkError,
    cancel_bulk_retry,
    pause_bulk_retry,
    plan_bulk_retry,
    resume_bulk_retry,
    start_bulk_retry,
)
from channels_app.operations.failures.groups import (
    Group,
    disown_group,
    failure_groups,
    find_group,
    mute_group,
    own_group,
    reopen_group,
    resolve_group,
)
from channels_app.operations.failures.states import GroupState
from channels_app.web.api.base import ApiView, NothingSerializer, Strict, TimedPageQuery, asked_range, row_or_404
from channels_app.web.api.problems import not_now
from channels_app.web.api.schema import Tag, operations_of
from channels_app.web.api.serializers.failures import (
    BulkRetrySerializer,
    FailureGroupDetailSerializer,
    FailureGroupsSerializer,
    FailureQuery,
    PlanSerializer,
    StartSerializer,
)

operation = operations_of(Tag.FAILURES, SEE)


def _group_or_404(pk: int) -> Group:
    group = find_group(pk)
    if group is None:
        raise NotFound
    return group


class Failures(ApiView):
    @operation(
        "listFailures", "Failures by cause, the latest first", query=FailureQuery, answer=FailureGroupsSerializer
    )
    def get(self, request: Request) -> Response:
        query = self.query(FailureQuery)
        states = [GroupState(query["state"])] if "state" in query else None
        asked = {"code": query.get("code", ""), "during": asked_range(query)}
        groups = failure_groups(channel_id=query.get("channel"), states=states, **asked)
        return self.answer({"results": groups}, FailureGroupsSerializer)


class OneFailureGroup(ApiView):
    @operation(
        "getFailure", "A cause, with the latest events that failed this way", answer=FailureGroupDetailSerializer
    )
    def get(self, request: Request, pk: int) -> Response:
        return self.answer(_group_or_404(pk), FailureGroupDetailSerializer)


@dataclass(frozen=True, slots=True)
class GroupAct:
    """What an operator decides about a group of failures; the answer is the group as it is then."""

    path: str
    name: str
    summary: str
    perform: Callable[[int, Actor], None]


GROUP_ACTS = (
    GroupAct("resolve", "resolveFailure", "Its cause is fixed; the next failure makes it regress", resolve_group),
    GroupAct("mute", "muteFailure", "Hide it until there are twice as many", mute_group),
    GroupAct("reopen", "reopenFailure", "Reopen it: no longer muted or resolved", reopen_group),
    GroupAct("own", "ownFailure", "Become its owner", own_group),
    GroupAct("disown", "disownFailure", "Remove its owner", disown_group),
)


def group_act_view(act: GroupAct) -> Any:
    """The view of an act on a group."""

    class GroupActView(ApiView):
        @operation(act.name, act.summary, needs=REPLAY, body=NothingSerializer, answer=FailureGroupDetailSerializer)
        def post(self, request: Request, pk: int) -> Response:
            self.body(NothingSerializer)
            act.perform(_group_or_404(pk).row.pk, self.actor)
            return self.answer(_group_or_404(pk), FailureGroupDetailSerializer)

    return GroupActView.as_view()


# --- bulk retries -------------------------------------------------------------------------------------------------


def _bulks() -> QuerySet[BulkRetry]:
    return BulkRetry.objects.select_related("channel")


class BulkRetries(ApiView):
    @operation(
        "listBulkRetries", "Bulk retries, newest first", query=TimedPageQuery, answer=BulkRetrySerializer, is_page=True
    )
    def get(self, request: Request) -> Response:
        return self.page(_bulks(), BulkRetrySerializer, self.query(TimedPageQuery))

    @operation(
        "planBulkRetry",
        "Plan a retry: what would be retried and what skipped",
        needs=REPLAY,
        body=PlanSerializer,
        answer=BulkRetrySerializer,
        status=HTTPStatus.CREATED,
        is_act=True,
        problems=[404],
    )
    def post(self, request: Request) -> Response:
        """Nothing is done before it is started."""
        given = self.body(PlanSerializer)
        window = {name: given.get(name) for name in ("since", "until")}
        if "group" in given:
            group = row_or_404(FailureGroup.objects.all(), given["group"])
            bulk = plan_bulk_retry(group.channel_id, self.actor, group_id=group.pk, **window)
        else:
            channel = row_or_404(Channel.objects.all(), given["channel"])
            bulk = plan_bulk_retry(channel.pk, self.actor, **window)
        return self.answer(bulk, BulkRetrySerializer, HTTPStatus.CREATED)


class OneBulkRetry(ApiView):
    @operation("getBulkRetry", "Progress of a bulk retry", answer=BulkRetrySerializer)
    def get(self, request: Request, pk: int) -> Response:
        return self.answer(row_or_404(_bulks(), pk), BulkRetrySerializer)


@dataclass(frozen=True, slots=True)
class BulkAct:
    """What an operator does with a bulk retry; the answer is the bulk retry as it is then."""

    path: str
    name: str
    summary: str
    perform: Callable[..., None]
    body: type[Strict] = NothingSerializer


BULK_ACTS = (
    BulkAct("start", "startBulkRetry", "Start it, two events a second", start_bulk_retry, StartSerializer),
    BulkAct("pause", "pauseBulkRetry", "Pause it: start no more events for now", pause_bulk_retry),
    BulkAct("resume", "resumeBulkRetry", "Continue", resume_bulk_retry),
    BulkAct("cancel", "cancelBulkRetry", "Cancel it: start no more events", cancel_bulk_retry),
)


def bulk_act_view(act: BulkAct) -> Any:
    """The view of an act on a bulk retry."""

    class BulkActView(ApiView):
        @operation(act.name, act.summary, needs=REPLAY, body=act.body, answer=BulkRetrySerializer, is_act=True)
        def post(self, request: Request, pk: int) -> Response:
            given, bulk = self.body(act.body), row_or_404(_bulks(), pk)
            try:
                act.perform(bulk.pk, self.actor, **given)
            except BulkError as error:
                raise not_now(str(error)) from error
            bulk.refresh_from_db()
            return self.answer(bulk, BulkRetrySerializer)

    return BulkActView.as_view()
