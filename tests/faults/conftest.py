"""What the tests of faults share."""

from tests.concurrency.conftest import processes

__all__ = ["processes"]
