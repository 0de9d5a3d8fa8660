"""The error that users read."""


class PrivatuneError(Exception):
    """A problem that the user can fix: its message names the file or key and the remedy, in one line."""

    def __str__(self) -> str:
        return " ".join(super().__str__().split())
