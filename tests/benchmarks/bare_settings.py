"""The portal's settings with two pages of one query beside its own (`bare_urls`)."""

from portal.settings import *  # noqa: F403

ROOT_URLCONF = "tests.benchmarks.bare_urls"
