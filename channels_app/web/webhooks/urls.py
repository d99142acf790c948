"""Where the platforms reach us."""

from django.urls import path

from channels_app.web.webhooks.views import BotWebhook, InboxWebhook

urlpatterns = [
    path("inbox/<uuid:uuid>/", InboxWebhook.as_view(), name="inbox_webhook"),
    path("bot/<uuid:uuid>/", BotWebhook.as_view(), name="bot_webhook"),
]
