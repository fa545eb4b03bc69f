"""The example projects say GO of what they migrate, and NO-GO of what went wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from postmigration.testing import Server, run_script
from selftest.conftest import ROOT
from selftest.tiers import few

WEBSHOP = ROOT / "examples" / "webshop"

# What went wrong, and the check that must say so.
DAMAGE = {
    "": "",
    'UPDATE "Order" SET "totalCents" = "totalCents" + 1 WHERE "orderId" = 7': "builtin/test_rows.py",
    'UPDATE "Invoice" SET "invoiceNo" = \'R-1\' WHERE "orderId" = 9': "builtin/test_rows.py",
    'UPDATE "Invoice" SET "invoiceNo" = \'9\' WHERE "orderId" = 9': "test_invoice_numbers_are_in_order",
    'UPDATE "Customer" SET "eMail" = lower("eMail") || \' \' WHERE "customerId" = 3': "builtin/test_rows.py",
    'ALTER TABLE "Customer" DROP CONSTRAINT "Customer_eMail_key"': "builtin/test_objects.py",
}


@pytest.mark.parametrize("damage", few(list(DAMAGE), 0))
def test_the_web_shop_is_judged(server: Server, tmp_path: Path, damage: str) -> None:
    names = [f"webshop_{name}_{os.getpid()}" for name in ("before", "after")]
    try:
        server.create(names[0])
        with server.connect(names[0]) as connection:
            run_script(connection, WEBSHOP / "before.sql")
        server.create(names[1], template=names[0])
        with server.connect(names[1]) as connection:
            run_script(connection, WEBSHOP / "migration.sql")
            connection.execute(damage.encode())
        before, after = map(server.conninfo, names)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
                *(f"--db-url={after}", f"--baseline={before}"),
                *(f"--html={tmp_path / 'page.html'}", f"--junit-xml={tmp_path / 'page.xml'}"),
            ],
            cwd=WEBSHOP,
            env={name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PG", "POSTM"))},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        for name in names:
            server.drop(name)
    assert done.stdout.splitlines()[-1].startswith("NO-GO: " if damage else "GO: 2 of 2 plan checks passed"), done
    assert done.returncode == (1 if damage else 0)
    assert DAMAGE[damage] in done.stdout
