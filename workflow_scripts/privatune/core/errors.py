"""The one error that a user is meant to read."""


class PrivatuneError(Exception):
    """Something the user can mend: the message names the file or key and the remedy, in one line."""

    def __str__(self) -> str:
        return " ".join(super().__str__().split())
