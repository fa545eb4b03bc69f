"""Secrets in the text of what an application has defined: keys in functions, defaults and arguments of triggers."""

from __future__ import annotations

import hashlib
import re

# What is a key by its form, and what stands where a password does.
_SECRET = re.compile(
    r"\beyJ[\w-]{10,}\.[\w-]{4,}(?:\.[\w-]*)?"
    r"|\b(?:sk|rk|whsec)_(?:live_|test_)?[A-Za-z0-9]{16,}|\bsb_secret_\w{10,}"
    r"|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----"
    r"|(?<=[Bb]earer )[\w.~+/=-]{8,}|(?<=[Bb]asic )[A-Za-z0-9+/]{12,}=*"
    r"|(?<=://)[^\s/:@']+:[^\s/@']+(?=@)"
    r"|(?<=password=)(?!new\.|old\.|\$|%)[^\s'\"&,;()]{4,}",
    re.DOTALL | re.ASCII,
)
_MARK = re.compile("‹secret [0-9a-f]{8}›")


def mask_secrets(text: str) -> str:
    """A text in which each secret is replaced by a mark, which is the same for the same secret."""
    return _SECRET.sub(_mask, text)


def has_secret(text: str) -> bool:
    """Whether a text holds a secret, or the mark of one: what it says must not be told, or is not what was said."""
    return _SECRET.search(text) is not None or _MARK.search(text) is not None


def _mask(found: re.Match[str]) -> str:
    return f"‹secret {hashlib.sha256(found[0].encode()).hexdigest()[:8]}›"
