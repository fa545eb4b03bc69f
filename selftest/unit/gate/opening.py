"""Opens databases as a run does, by options as a user gives them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from postmigration.gate import options
from postmigration.gate.session import Run, open_session
from postmigration.model.migration import Migration


@contextmanager
def open_run(*called: str, migration: Migration | None = None) -> Iterator[Run]:
    """Opens what is judged, and closes it."""
    parser = argparse.ArgumentParser()
    options.declare(parser.add_argument)
    chosen = parser.parse_args(called)
    run = open_session(options.request(chosen), options.judging(chosen, 1), migration or Migration(""))
    with run.cleanup:
        yield run
