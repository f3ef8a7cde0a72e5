"""What Prometheus sees, from one process and from several."""

import pytest

from portal import observability


@pytest.mark.django_db
@pytest.mark.rule("NGT-6")
@pytest.mark.parametrize("processes", ["one", "several"])
def test_the_nights_are_in_the_metrics_however_many_processes_serve(
    processes, tmp_path, monkeypatch
):
    if processes == "several":
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    text = observability.exposition().decode()
    assert "portal_nights_open 0.0" in text
    assert "portal_night_shards_failed 0.0" in text
