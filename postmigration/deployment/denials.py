"""What no single point of a plan outweighs: a gate that has not said GO, or one that was weakened and nobody signed."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from postmigration.deployment.binding import DEVELOPMENT
from postmigration.deployment.evidence import is_go, list_left_out, name_proof, name_record, tell_failure
from postmigration.deployment.records.record import Record
from postmigration.deployment.records.store import Stored
from postmigration.deployment.weaknesses import describe_baseline, has_source, knows_baseline, list_weaknesses
from postmigration.model.migration import Criterion, Proof

_JUDGING = ("gate", "check")
_STAGING, _PRODUCTION = "staging", "production"


def list_places(required: Sequence[Criterion], asked: str) -> list[Proof]:
    """The gates that must say GO before a phase begins, whether a point of the plan asks for them or not.

    Args:
        required: the points of the phases before it.
        asked: the phase.
    """
    places = []
    if asked != _STAGING:
        places.append(Proof(command="gate", environment=_STAGING))
    if asked in ("after", "done"):
        places.append(Proof(command="gate", environment=_PRODUCTION))
    for criterion in required:
        if criterion.decided_by:
            places.append(Proof(command="gate", environment=criterion.place))
        places += [
            Proof(command=proof.command, environment=proof.environment)
            for proof in criterion.proven_by
            if proof.command in _JUDGING
        ]
    return list(dict.fromkeys(places))


def find_denials(
    places: Sequence[Proof],
    used: Collection[Stored],
    stored: Sequence[Stored],
    told: Collection[str],
    live: datetime.datetime | None,
) -> Iterator[str]:
    """Finds gates that have not said GO: the newest of each place, whatever it was of, and those on which points rest.

    A NO-GO of other scripts, or of another database, is none of what is judged. It is what was known last, though, and
    a GO of before must not be chosen beside it.

    Args:
        places: the gates.
        used: the records on which points rest.
        stored: all records, the one that ended first first.
        told: the reasons that points of the plan give already.
        live: when production was migrated: what was judged elsewhere since then is another matter.
    """
    denied: set[Path] = set()
    for place in places:
        here = [one for one in stored if _is_of(one.record, place, live)]
        newest = [one for one in here if one.record.ended >= here[-1].record.started]
        for one in [*newest, *(one for one in used if _is_of(one.record, place, None))]:
            why = describe_denial(one)
            if why and why not in told and one.path not in denied:
                denied.add(one.path)
                yield f"{why} ({name_proof(place)} must say GO first)"


def _is_of(record: Record, place: Proof, live: datetime.datetime | None) -> bool:
    # What is to be tried in development may as well have been tried elsewhere.
    anywhere = place.environment in ("", DEVELOPMENT)
    if record.command != place.command or not (anywhere or record.environment == place.environment):
        return False
    if record.demonstration and place.environment != DEVELOPMENT:
        return False
    return live is None or place.environment == _PRODUCTION or record.started <= live


def describe_denial(stored: Stored) -> str:
    """Why a gate has not said GO of all that it should judge; empty where it has."""
    if is_go(stored):
        return ""
    left = list_left_out(stored)
    return left[0] if left else tell_failure(stored)


def find_unsigned(
    used: Sequence[Stored], signed: Collection[Stored], unsigned: Mapping[Path, Criterion], stored: Sequence[Stored]
) -> Iterator[str]:
    """Finds gates that were weakened, where no point of the plan asks a person to sign that.

    Args:
        used: the records by which checks decide points.
        signed: the records that prove points which say whether a person must sign them, or are signed.
        unsigned: points of later phases that could be signed, by the records that prove them.
        stored: all records.
    """
    known = {one.path for one in signed}
    for one in {one.path: one for one in used if one.path not in known}.values():
        for weakness in list_weaknesses(one, stored):
            if (later := unsigned.get(one.path)) is not None:
                yield f"{weakness}: {later.role or 'somebody'} must sign that ({later.name})"
                continue
            asks = name_proof(Proof(command=one.record.command, environment=one.record.environment))
            yield f"{weakness}, and no point of the plan that could be signed is proven_by {asks}"


def tell_production(stored: Sequence[Stored]) -> str:
    """What the gate said last of production, where that is no GO, in words that may follow others.

    Before it is migrated, production is not as it should be; or it was tried once, and taken back.
    """
    judged = [one for one in stored if (one.record.command, one.record.environment) == ("gate", _PRODUCTION)]
    if not judged or is_go(judged[-1]):
        return ""
    return f"; beside it, {name_record(judged[-1])} says {judged[-1].record.word} of production"


def tell_baselines(used: Sequence[Stored], stored: Sequence[Stored]) -> str:
    """Which gates were compared with a database of which no other record speaks, in words that may follow others.

    Staging may well have a state before of its own; who reads READY must know which one it was.
    """
    told = [
        f"; {describe_baseline(one)}, of which no other record speaks"
        for one in {one.path: one for one in used}.values()
        if one.record.baseline is not None
        and one.record.command in _JUDGING
        and not has_source(one.record.environment, stored)
        and not knows_baseline(one, stored)
    ]
    return "".join(told)
