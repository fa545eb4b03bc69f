"""The command writes rules for Prometheus and a dashboard for Grafana, and overwrites nothing."""

from pathlib import Path

import pytest

from postmigration.gate.commands import cli


def test_files_are_written_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["dashboards", "out", "--listen=watch.example:9999"]) == 0
    written = sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert sorted(capsys.readouterr().out.split()) == [str(path.relative_to(tmp_path)) for path in written]
    assert {".yml", ".json"} <= {path.suffix for path in written}
    assert any("watch.example:9999" in path.read_text() for path in written)


def test_nothing_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cli.main(["dashboards", "out"])
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    capsys.readouterr()
    assert cli.main(["dashboards", "out", "--listen=other:1"]) == 4
    assert capsys.readouterr().err.startswith("ERROR: out/")
    assert {path: path.read_bytes() for path in before} == before
