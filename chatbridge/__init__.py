"""chatbridge: a chatbot as virtual agent in Sparkcentral, and a good handover to its agents."""

from chatbridge.celery import app as celery_app

__all__ = ["celery_app"]
