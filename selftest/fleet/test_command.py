"""`postmigration fleet`: what it prints, what it leaves, and how it goes on."""

from __future__ import annotations

import hashlib
import json
import signal
from pathlib import Path

import pytest

from postmigration.deployment.records.store import read_records
from postmigration.gate.commands import cli
from selftest.fleet.conftest import LOST, NO_INDEX, Shops, Written
from selftest.processes import Begin, line

PASSWORD = "geheim-5"


@pytest.fixture
def fleet(shops: Shops, written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shops:
    """Shops that variables name, one of which cannot be reached; each address holds a password."""
    monkeypatch.chdir(tmp_path)
    for name, variable in ((shops.make("sound"), "SOUND"), (shops.make("broken", NO_INDEX, LOST), "BROKEN")):
        monkeypatch.setenv(f"SHOP_{variable}_URL", f"{shops.server.conninfo(name)} password={PASSWORD}")
    monkeypatch.setenv("SHOP_AWAY_URL", f"postgresql://judge:{PASSWORD}@127.0.0.1:1/away")
    before = shops.server.conninfo(shops.before)
    written("[[environment]]", 'url_variable = "SHOP_{name}_URL"', f'baseline = "{before}"')
    return shops


def told(directory: Path) -> dict[str, tuple[str, bool]]:
    report = json.loads((directory / "reports" / "fleet.json").read_text())
    return {each["name"]: (each["word"], bool(each["report"])) for each in report["databases"]}


@pytest.mark.full
def test_a_fleet_is_judged_and_goes_on(
    fleet: Shops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    assert cli.main(["fleet", "fleet.toml", "--jobs=2"]) == 1
    # The summary of a job is no place for one of each database.
    assert not (tmp_path / "summary").exists()
    printed = capfd.readouterr()
    lines = printed.out.splitlines()
    assert len(lines) <= 3 + 15
    assert sorted(each.split(" ", 1)[1].partition(",")[0] for each in lines[:3]) == [
        "○ AWAY ERROR",
        "✔ SOUND GO",
        "✘ BROKEN NO-GO",
    ]
    assert "1 of 3: 2 of 40 rows of items are missing. (BROKEN)" in lines
    assert lines[-1].startswith(
        "NO-GO: 1 of 3 databases NO-GO: BROKEN; 1 of 3 databases could not be judged: AWAY; 1 of 3 databases GO, "
    )
    assert told(tmp_path) == {"AWAY": ("ERROR", True), "BROKEN": ("NO-GO", True), "SOUND": ("GO", True)}
    assert "2 of 40 rows of items are missing" in (tmp_path / "reports/fleet/BROKEN/validation.html").read_text()
    # The record of each run lies beside its report, and leads to it.
    records = read_records([tmp_path / "reports" / "fleet" / "BROKEN" / "records"])
    assert ([stored.record.word for stored in records.stored], records.refusals) == (["NO-GO"], [])
    record = records.stored[0].record
    page = (tmp_path / "reports" / "fleet" / "BROKEN" / "records" / record.report).read_bytes()
    assert hashlib.sha256(page).hexdigest() == record.report_sha256
    # What could not be judged is judged now, and nothing else.
    assert cli.main(["fleet", "fleet.toml", "--jobs=2"]) == 1
    again = capfd.readouterr()
    assert again.out.splitlines()[0].startswith("continued: 2 of 3 had been judged, the first at 20")
    assert again.out.splitlines()[1].startswith("3/3 ○ AWAY ERROR, ")
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert PASSWORD.encode() not in path.read_bytes(), path
    assert PASSWORD not in printed.out + printed.err + again.out + again.err


@pytest.mark.parametrize(
    ("called", "said"),
    [
        (["nowhere.toml"], "nowhere.toml cannot be read: No such file or directory"),
        (["--jobs=0"], "--jobs=0: want 1 or more"),
        (["--jobs=2", "--cluster=tls://x:1"], "--jobs is for this machine"),
        (["--cluster=tcp://10.0.0.7:8786"], "is neither encrypted nor on this machine"),
        (["--again=SHOP*"], "--again=SHOP*: no database of the fleet is called so"),
        (["--agian"], "unrecognized arguments: --agian (did you mean --again?)"),
    ],
)
def test_a_wrong_call_is_one_line(
    written: Written,
    called: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    written("[[database]]", 'name = "x"', 'url = "postgresql:///x"')
    file = [] if called[0].endswith(".toml") else ["fleet.toml"]
    assert cli.main(["fleet", *file, *called]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize("field", ["url", "baseline"])
def test_no_password_is_sent_to_a_scheduler(
    written: Written,
    field: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    address = {"url": "postgresql:///x", "baseline": "postgresql:///y"}
    address[field] = f"postgresql://judge:{PASSWORD}@db/x"
    written("[[database]]", 'name = "x"', *(f'{name} = "{url}"' for name, url in address.items()))
    assert cli.main(["fleet", "fleet.toml", "--cluster=tls://db.example:8786"]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{field} of x holds a password, which the scheduler would hold too: name a variable" in line
    assert PASSWORD not in line


@pytest.mark.full
def test_a_run_that_is_interrupted_leaves_nothing_running_and_goes_on(
    shops: Shops, written: Written, tmp_path: Path, begin: Begin
) -> None:
    written(*shops.list_databases(*(shops.make(f"shop_{n}") for n in range(3))))
    run = begin("-m", "postmigration", "fleet", "fleet.toml", "--jobs=1", cwd=tmp_path)
    assert line(run).startswith("1/3 ✔ shop_0 GO, ")
    run.send_signal(signal.SIGTERM)
    printed, _ = run.communicate(timeout=60)
    assert run.returncode == 2
    assert printed.startswith("INTERRUPTED: 2 of 3 databases not come to, 1 of 3 databases GO, ")
    assert told(tmp_path) == {"shop_0": ("GO", True)}
    with shops.server.connect("postgres") as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'shop%'"
        assert connection.execute(query).fetchone() == (0,)
    again = begin("-m", "postmigration", "fleet", "fleet.toml", "--jobs=2", cwd=tmp_path)
    printed, _ = again.communicate(timeout=120)
    assert again.returncode == 0, printed
    assert printed.startswith("continued: 1 of 3 had been judged, ")
    assert printed.splitlines()[-1].startswith("GO: 3 of 3 databases GO, 1 judged by the run that this one continues, ")
    # All were judged: the next run judges all.
    last = begin("-m", "postmigration", "fleet", "fleet.toml", "--jobs=2", "--again=shop_0", cwd=tmp_path)
    printed, _ = last.communicate(timeout=120)
    assert printed.count(" GO, ") == 4, printed


@pytest.mark.full
def test_a_project_declares_for_all(shops: Shops, written: Written, tmp_path: Path, begin: Begin) -> None:
    gate = tmp_path / "gate"
    (gate / "tests").mkdir(parents=True)
    (gate / "pyproject.toml").write_text(
        '[tool.postmigration]\nmigration = "migration.toml"\nchecks = "tests"\n[tool.pytest.ini_options]\n'
        'testpaths = ["tests"]\n'
    )
    (gate / "migration.toml").write_text(
        'name = "no index"\n[[change]]\nkind = "changed_object"\nobject = "index public.items_name"\n'
        'gone = true\nreason = "nobody used it"\n'
    )
    declared, undeclared = shops.make("declared", NO_INDEX), shops.make("undeclared", NO_INDEX, LOST)
    written("project = 'gate'", *shops.list_databases(declared, undeclared))
    run = begin("-m", "postmigration", "fleet", "fleet.toml", cwd=tmp_path)
    printed, _ = run.communicate(timeout=120)
    assert told(tmp_path) == {"declared": ("GO", True), "undeclared": ("NO-GO", True)}, printed
    assert [path.name for path in gate.iterdir() if path.name == "reports"] == []


@pytest.mark.full
def test_a_process_ends_with_the_one_that_started_it(begin: Begin) -> None:
    run = begin(
        "-m", "postmigration.fleet.child", "timeit", "-n", "1", "-r", "1", "print('on', flush=True)\nwhile 1: pass"
    )
    assert line(run) == "on"
    run.communicate(timeout=60)
    assert run.returncode == -signal.SIGTERM
