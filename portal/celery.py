"""Celery application: workers run nights, deliver notices and sweep the outbox.

Tasks take ids, call one service and keep no state in Celery: what happened is read from the database.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
