"""The project package and shared kernel of the seller back office."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
