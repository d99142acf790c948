"""Django looks here for the admin's pages."""

from channels_app.web import admin

__all__ = ["admin"]
