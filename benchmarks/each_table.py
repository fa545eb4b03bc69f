"""Calls reladiff, which compares one table a call, for several: run by the Python that has it, with the calls as JSON.

One process for all of them, since most of what a call takes is starting Python. It ends with the status of the worst.
"""

import importlib
import json
import sys
from typing import Any


def main(calls: list[list[str]]) -> int:
    """Calls it with each of these lists of arguments."""
    command: Any = importlib.import_module("reladiff.__main__").main
    status = 0
    for arguments in calls:
        try:
            command.main(args=arguments, prog_name="reladiff", standalone_mode=False)
        except Exception as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
