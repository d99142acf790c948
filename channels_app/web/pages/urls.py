"""Addresses of the operator pages. Each page's module names its own."""

from django.urls import URLPattern, URLResolver, path

from channels_app.web.pages import (
    audit,
    bulk,
    codes,
    conversation_acts,
    conversations,
    dashboard,
    exchange_pages,
    exchanges,
    failures,
    handovers,
    refused,
    time_zone,
    workers,
)

app_name = "ops"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", dashboard.dashboard, name="dashboard"),
    path("figures/<slug:key>.csv", dashboard.figure_csv, name="figure_csv"),
    path("failures/", failures.failure_list, name="failures"),
    path("failures/<int:group_id>/", failures.failure_detail, name="failure"),
    path("failures/<int:group_id>/again/", bulk.plan_for_group, name="bulk_group"),
    path("failures/<int:group_id>/<slug:act>/", failures.failure_act, name="failure_act"),
    path("handovers/", handovers.handovers, name="handovers"),
    path("handovers/conversations/", handovers.handover_conversations, name="handover_conversations"),
    path("bulk/", bulk.plan_for_window, name="bulk_window"),
    path("bulk/<int:bulk_id>/", bulk.bulk_detail, name="bulk"),
    path("bulk/<int:bulk_id>/result.csv", bulk.bulk_csv, name="bulk_csv"),
    path("bulk/<int:bulk_id>/<slug:act>/", bulk.bulk_act, name="bulk_act"),
    path("workers/", workers.workers, name="workers"),
    path("time-zone/", time_zone.time_zone, name="time_zone"),
    path("conversations/", conversations.conversations, name="conversations"),
    path("conversations/hand-over/", conversation_acts.hand_over_several, name="conversations_hand_over"),
    path("conversations/<int:pk>/", conversations.conversation, name="conversation"),
    path("conversations/<int:pk>/hand-over/", conversation_acts.hand_over, name="conversation_hand_over"),
    path("conversations/<int:pk>/say/", conversation_acts.say, name="conversation_say"),
    path("conversations/<int:pk>/again/", conversation_acts.replay, name="conversation_replay"),
    path("conversations/<int:pk>/export/<slug:form>/", conversation_acts.export, name="conversation_export"),
    path("deliveries/<int:pk>/", conversation_acts.delivery, name="delivery"),
    path("deliveries/<int:pk>/again/", conversation_acts.delivery_again, name="delivery_again"),
    path("exchanges/", exchanges.exchanges, name="exchanges"),
    path("exchanges/<int:pk>/", exchange_pages.exchange, name="exchange"),
    path("events/<int:pk>/", exchange_pages.event, name="event"),
    path("refused/", refused.refused, name="refused"),
    path("codes/", codes.codes, name="codes"),
    path("codes/<slug:code>/", codes.code, name="code"),
    path("audit/", audit.audit_log, name="audit"),
    path("audit/export.csv", audit.audit_csv, name="audit_csv"),
]
