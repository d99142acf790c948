"""Addresses of the REST API, version 1, and of its documentation."""

from django.urls import include, path, re_path

from channels_app.web.api import (
    bots,
    calls,
    channel_care,
    channels,
    codes,
    conversations,
    docs,
    failures,
    figures,
    handovers,
    people,
)
from channels_app.web.api.base import NothingHere
from channels_app.web.api.channel_acts import ACTS, act_view

one_channel = [
    path("", channels.OneChannel.as_view()),
    *(path(f"{act.path}/", act_view(act)) for act in ACTS),
    path("replace-keys/", channel_care.ReplaceKeys.as_view()),
    path("test/", channel_care.TestConnection.as_view()),
    path("set-up/", channel_care.SetUp.as_view()),
    path("intents/", channel_care.Intents.as_view()),
    path("routing/try/", channel_care.TryRouting.as_view()),
    path("refusals/", channel_care.RefusedEvents.as_view()),
    path("diagnostics/", channel_care.Diagnostics.as_view()),
    path("clone/", channel_care.Clone.as_view()),
    path("delete/", channel_care.Deletion.as_view()),
]

one_conversation = [
    path("", conversations.OneConversation.as_view()),
    path("explain/", conversations.Why.as_view()),
    path("hand-over/", conversations.HandOver.as_view()),
    path("messages/", conversations.Messages.as_view()),
    path("bug-report/", conversations.BugReport.as_view()),
]
v1 = [
    path("me/", people.Me.as_view()),
    path("channels/", channels.Channels.as_view()),
    path("channels/<int:pk>/", include(one_channel)),
    path("bots/", bots.Bots.as_view()),
    path("bots/<int:pk>/", bots.OneBot.as_view()),
    path("bots/<int:pk>/test/", bots.TestBot.as_view()),
    path("bots/<int:pk>/try/", bots.TryBot.as_view()),
    path("conversations/", conversations.Conversations.as_view()),
    path("conversations/<int:pk>/", include(one_conversation)),
    path("calls/", calls.Calls.as_view()),
    path("exchanges/<int:pk>/", calls.OneExchange.as_view()),
    path("events/", calls.Events.as_view()),
    path("events/<int:pk>/", calls.OneEvent.as_view()),
    path("events/<int:pk>/replay/", calls.ReplayEvent.as_view()),
    path("deliveries/", calls.Deliveries.as_view()),
    path("deliveries/<int:pk>/", calls.OneDelivery.as_view()),
    path("deliveries/<int:pk>/replay/", calls.ReplayDelivery.as_view()),
    path("failures/", failures.Failures.as_view()),
    path("failures/<int:pk>/", failures.OneFailureGroup.as_view()),
    *(path(f"failures/<int:pk>/{act.path}/", failures.group_act_view(act)) for act in failures.GROUP_ACTS),
    path("bulk-retries/", failures.BulkRetries.as_view()),
    path("bulk-retries/<int:pk>/", failures.OneBulkRetry.as_view()),
    *(path(f"bulk-retries/<int:pk>/{act.path}/", failures.bulk_act_view(act)) for act in failures.BULK_ACTS),
    path("handovers/", handovers.Handovers.as_view()),
    path("handovers/conversations/", handovers.BehindLine.as_view()),
    path("figures/", figures.Figures.as_view()),
    path("queue/", figures.Queue.as_view()),
    path("audit/", people.AuditLog.as_view()),
    path("codes/", codes.Catalogue.as_view()),
    path("codes/<str:code>/", codes.CatalogueEntry.as_view()),
]
app_name = "api"
urlpatterns = [
    path("v1/", include(v1)),
    path("schema/", docs.Schema.as_view(), name="schema"),
    path("docs/", docs.docs, name="docs"),
    re_path(r"^(?!(?:docs|schema)$)", NothingHere.as_view()),
]
