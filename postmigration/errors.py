"""What can stand in the way of a judgement."""


class CannotJudge(Exception):
    """The run cannot be judged as it was called: one clear line for the user, exit status 4."""


class Incomplete(CannotJudge):
    """A backup can be read to its end, and is none: it holds no tables, or no rows."""


class UnsafeToJudge(CannotJudge):
    """The database holds something that could decide the verdict, or run code with our rights; the run ends there."""


class NotJudged(Exception):
    """One check could not be judged; its message is the reason, and the check is not a success."""


class NeedsBaseline(NotJudged):
    """A check compares with the state before the migration, and none was named."""

    def __init__(self, reason: str = "it compares with the state before: name it with --baseline") -> None:
        super().__init__(reason)
