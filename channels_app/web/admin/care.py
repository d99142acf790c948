"""The pages below a channel's own: each act asks first, is permitted by itself, and is written down."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path

from channels_app.access.permissions import actor_of
from channels_app.models import Channel
from channels_app.protocol.errors import BridgeError
from channels_app.web.admin.base import ModelAdmin, page
from channels_app.web.admin.care_acts import ACTS, Act


class CareAdmin(ModelAdmin):
    """The pages of the acts, below the channel's own."""

    def get_urls(self) -> list[URLPattern]:
        return [self.care_url(act.path, self.act_view, act=act) for act in ACTS] + super().get_urls()

    def care_url(self, tail: str, view: Any, **more: Any) -> URLPattern:
        name = f"channels_app_channel_{tail.replace('-', '_')}"
        pattern: URLPattern = path(f"<path:object_id>/{tail}/", self.admin_site.admin_view(view), more, name=name)
        return pattern

    def channel_for(self, request: HttpRequest, object_id: str, permission: str) -> Channel:
        """The channel of a page, for somebody who has this permission."""
        channel = self.get_object(request, unquote(object_id))
        if channel is None:
            raise Http404
        if not request.user.has_perm(permission):
            raise PermissionDenied
        return channel  # type: ignore[no-any-return]

    def act_view(self, request: HttpRequest, object_id: str, act: type[Act]) -> HttpResponse:
        channel, doing = self.channel_for(request, object_id, act.permission), act()
        form = act.form_class(request.POST or None, channel=channel, initial=doing.initial(channel))
        if request.method == "POST" and form.is_valid():
            try:
                done = doing.perform(channel, form.cleaned_data, actor_of(request, via="admin"))
            except BridgeError as error:
                form.add_error(None, error.detail)
            else:
                self.log_change(request, channel, done)
                self.message_user(request, done, messages.SUCCESS)
                return HttpResponseRedirect(doing.leads_to(channel))
        return page(self, request, "care", act.title, channel, form=form, texts=doing.text(channel), button=act.button)
