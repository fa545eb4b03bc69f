"""What tests of a project need: throw-away servers in which its checks are tried on databases of its own."""

from postmigration.postgres.embedded import Server, run_script

__all__ = ["Server", "run_script"]
