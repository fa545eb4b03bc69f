"""What can stand in the way of a judgement."""


class CannotJudge(Exception):
    """The run cannot be judged as it was called: one clear line for the user, exit status 4."""


class NotJudged(Exception):
    """One check could not be judged; its message is the reason, and the check is not a success."""
