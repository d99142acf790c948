"""Servers that misbehave, for whoever calls out."""

from tests.raw_servers import authority, serve, trusted

__all__ = ["authority", "serve", "trusted"]
