"""The command `postmigration`, which ends in one line even when it is interrupted while the engine is imported."""

import signal
import sys

INTERRUPTED = 2


def main() -> int:
    """Runs the command line.

    Returns:
        Its exit status.
    """
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from postmigration.gate.commands import cli

        return cli.main()
    except KeyboardInterrupt:
        print("INTERRUPTED", file=sys.stderr)
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, previous)


if __name__ == "__main__":
    sys.exit(main())
