"""The error raised for one file, or one tune of a file, that cannot be used."""


class Unreadable(Exception):
    """Raised for a file that cannot be used as music; the message is the reason, without the name of the file."""
