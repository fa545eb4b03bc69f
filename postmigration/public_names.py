"""Names of the public API, imported from where they are private when somebody first needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def find_names(package: str, modules: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Makes the `__getattr__` of a package: what starts a run must not wait for all of the engine.

    Args:
        package: its name.
        modules: the public names, by the module of the engine that holds them.
    """
    places = {name: module for module, names in modules.items() for name in names}

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"postmigration.{places[name]}"), name)

    return find
