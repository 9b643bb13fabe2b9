from pathlib import Path

import pytest

from bcdi_inpaint.studies.cache import cache_folder


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCDI_INPAINT_CACHE", "/somewhere")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_folder() == Path("/somewhere")
    monkeypatch.delenv("BCDI_INPAINT_CACHE")
    assert cache_folder() == Path("/caches/bcdi-inpaint")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "bcdi-inpaint"
