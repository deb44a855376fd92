"""What goes wrong by the user's hand."""


class InputError(ValueError):
    """Something that the user gave cannot be used; the message says what to do about it.

    The command line turns it into one sentence and exit code 2.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        """The option or argument at fault, if there is one."""
