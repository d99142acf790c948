"""Where a bot asks for humans, and where the inbox tells what became of it."""

from django.urls import path

from channels_app.web.webhooks.offload import OffloadWebhook, WriteBackWebhook

urlpatterns = [
    path("offload/<uuid:uuid>/", OffloadWebhook.as_view(), name="offload_webhook"),
    path("write-back/<uuid:uuid>/", WriteBackWebhook.as_view(), name="write_back_webhook"),
]
