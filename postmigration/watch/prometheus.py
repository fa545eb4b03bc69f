"""Asks a Prometheus server for the values of metrics that a project declares."""

from __future__ import annotations

import base64
import http.client
import math
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import Any

import msgspec

from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Metric

# One operation of the network may take so many seconds, and a whole answer so many.
_TIMEOUT, _WHOLE = 5.0, 10.0
_MOST_BYTES = 1 << 20
OPTION = "--prometheus"


class Unanswered(Exception):
    """Prometheus gave no number; why, in words.

    Args:
        reason: why.
        silent: it cannot be reached, and need not be asked for anything else now.
    """

    def __init__(self, reason: str, *, silent: bool = False) -> None:
        super().__init__(reason)
        self.silent = silent


class _Answer(msgspec.Struct):
    status: str = ""
    error: str = ""
    data: Any = None


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: credentials, and what is believed, belong to the server that was named."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Prometheus:
    """A Prometheus server.

    Args:
        url: where it is; user and password in it are sent to it, and shown nowhere.

    Raises:
        CannotJudge: the URL is none.
    """

    def __init__(self, url: str) -> None:
        try:
            parts = urllib.parse.urlsplit(url)
            port = parts.port
        except ValueError:
            raise CannotJudge(_describe_wrong()) from None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise CannotJudge(_describe_wrong())
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        place = f"{host}:{port}" if port else host
        self._url = f"{parts.scheme}://{place}{parts.path.rstrip('/')}/api/v1/query"
        self._headers = {"Accept": "application/json"}
        if parts.username is not None:
            user = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
        # What the environment says of proxies would lead elsewhere.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)

    def ask(self, query: str) -> float:
        """Asks for the one number that a query gives now.

        Raises:
            Unanswered: there is none.
        """
        address = f"{self._url}?{urllib.parse.urlencode({'query': query})}"
        # It is one of http or https: see above.
        asked = urllib.request.Request(address, headers=self._headers)  # noqa: S310
        until = time.monotonic() + _WHOLE
        try:
            with self._opener.open(asked, timeout=_TIMEOUT) as answer:
                return _find_number(_read(answer, until))
        except urllib.error.HTTPError as error:
            with error:
                raise Unanswered(_describe_status(error, until)) from None
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise Unanswered(f"Prometheus cannot be reached: {reason or type(reason).__name__}", silent=True) from None

    def read(self, metrics: Sequence[Metric]) -> tuple[dict[str, float], dict[str, str]]:
        """Asks for the values of metrics: those that there are, and why there is none of the others."""
        values: dict[str, float] = {}
        unseen: dict[str, str] = {}
        silence = ""
        for metric in metrics:
            if silence:
                unseen[metric.name] = silence
                continue
            try:
                values[metric.name] = self.ask(metric.promql)
            except Unanswered as reason:
                unseen[metric.name] = str(reason)
                silence = str(reason) if reason.silent else ""
        return values, unseen


def _describe_wrong() -> str:
    return f"{OPTION} is no address of a Prometheus server: want one like http://127.0.0.1:9090"


def _read(answer: Any, until: float) -> bytes:
    """What a server answers, unless it takes too long or never ends."""
    parts = []
    size = 0
    while part := answer.read1(1 << 16):
        parts.append(part)
        size += len(part)
        if size > _MOST_BYTES:
            raise Unanswered("Prometheus answers with more than a megabyte: want a query for one number")
        if time.monotonic() > until:
            raise Unanswered(f"Prometheus has not answered within {_WHOLE:g} seconds", silent=True)
    return b"".join(parts)


def _describe_status(error: urllib.error.HTTPError, until: float) -> str:
    if 300 <= error.code < 400:
        return f"Prometheus answers with HTTP {error.code}: it leads elsewhere, where nobody is asked"
    words = ""
    if error.code in (400, 422):
        try:
            words = f": {msgspec.json.decode(_read(error, until), type=_Answer).error}"
        except (msgspec.DecodeError, OSError, Unanswered):
            words = ""
    return f"Prometheus answers with HTTP {error.code}{words}"


def _find_number(text: bytes) -> float:
    try:
        answer = msgspec.json.decode(text, type=_Answer)
        if answer.status != "success":
            raise Unanswered(f"Prometheus could not answer: {answer.error}")
        kind, result = answer.data["resultType"], answer.data["result"]
        if kind == "vector" and len(result) != 1:
            raise Unanswered(f"its query gives {len(result):,} series, want one: put it into sum() or max()")
        if kind not in ("vector", "scalar"):
            raise Unanswered(f"its query gives a {kind}, want one number now")
        number = float(result[0]["value"][1] if kind == "vector" else result[1])
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, ValueError):
        raise Unanswered("what answers is no Prometheus server") from None
    if not math.isfinite(number):
        raise Unanswered(f"its query gives {number}, as after a division by nothing")
    return number
