"""How long a connection is waited for that can be done without."""

from __future__ import annotations

import math
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg


@contextmanager
def wait_at_most(seconds: float, connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Ends a connection that has not answered after some seconds: a pooler that has none left lets it wait for long.

    Raises:
        psycopg.OperationalError: it has not.
    """
    ended = threading.Event()

    def end() -> None:
        ended.set()
        # Neither libpq nor a pooler can be asked: whoever waits for the socket is told that nothing comes any more.
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)

    timer = None if math.isinf(seconds) else threading.Timer(seconds, end)
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        yield
    except psycopg.Error:
        if not ended.is_set():
            raise
        raise psycopg.OperationalError(f"it did not answer within {seconds:g} s") from None
    finally:
        if timer is not None:
            timer.cancel()
