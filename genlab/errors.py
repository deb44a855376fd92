"""The error raised when the user's input cannot be used."""


class InputError(ValueError):
    """Raised when the user's input cannot be used; the message says what to do about it.

    The command line prints the message and exits with code 2.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        """Name of the option or argument at fault, if there is one."""


class UnwritableError(InputError):
    """Raised when a file cannot be written because it is read-only, or because another process has locked its run."""
