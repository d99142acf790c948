"""Where the platforms reach us."""

from django.urls import path

from channels_app.web.webhooks.availability import Availability
from channels_app.web.webhooks.bot import BotWebhook
from channels_app.web.webhooks.inbox import InboxWebhook
from channels_app.web.webhooks.offload import OffloadWebhook, WriteBackWebhook

urlpatterns = [
    path("inbox/<uuid:uuid>/", InboxWebhook.as_view(), name="inbox_webhook"),
    path("bot/<uuid:uuid>/", BotWebhook.as_view(), name="bot_webhook"),
    path("bot/<uuid:uuid>/availability/", Availability.as_view(), name="availability"),
    path("offload/<uuid:uuid>/", OffloadWebhook.as_view(), name="offload_webhook"),
    path("write-back/<uuid:uuid>/", WriteBackWebhook.as_view(), name="write_back_webhook"),
]
