"""All addresses of the bridge. Those of the platforms start with webhooks/ and belong to the apps."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from channels_app.web.pages.menu import home

handler500 = "chatbridge.unavailable.server_error"
admin.site.final_catch_all_view = False  # it asks for a log-in first, and then says that there is no such page
urlpatterns = [
    path("favicon.ico", RedirectView.as_view(url=static("chatbridge/icon.svg"))),
    path("", home, name="home"),
    path("admin/", home),  # instead of Django's lists of all kinds of rows; the same for each app's
    path("admin/auth/", home),
    path("admin/channels_app/", home),
    path("admin/offload/", home),
    path("admin/", include("channels_app.web.pages.bookmarks")),
    path("admin/", admin.site.urls),
    path("ops/", include("channels_app.web.pages.urls")),
    path("api/", include("channels_app.web.api.urls")),
    path("webhooks/", include("channels_app.web.webhooks.urls")),
]
admin.site.site_header = admin.site.site_title = "chatbridge"
admin.site.enable_nav_sidebar = False  # the menu on top has it all
admin.site.site_url = None  # there is no other site to view
