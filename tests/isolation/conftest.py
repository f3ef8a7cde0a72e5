"""Two full shops and who acts for them, made once per file and process."""

from tests.api.conftest import world  # noqa: F401  fixture
