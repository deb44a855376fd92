"""Values that change as training goes on."""


def falling(first: float, last: float, progress: float) -> float:
    """A value that falls geometrically: `first` at `progress` 0, `last` at 1; always `first` where `last` is 0."""
    return first * (last / first) ** progress if first and last else first
