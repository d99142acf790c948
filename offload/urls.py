"""Where a bot asks for humans, and where the inbox tells what became of it."""

from django.urls import path

from offload.views import OffloadWebhook, WriteBackWebhook

urlpatterns = [
    path("offload/<uuid:uuid>/", OffloadWebhook.as_view(), name="offload_webhook"),
    path("write-back/<uuid:uuid>/", WriteBackWebhook.as_view(), name="write_back_webhook"),
]
