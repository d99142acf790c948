from django.urls import path

from tests.bench.naive.views import Webhook

urlpatterns = [path("webhooks/<uuid:uuid>/", Webhook.as_view())]
