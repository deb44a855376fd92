"""Schedules of values that change during training."""


def falling(first: float, last: float, progress: float) -> float:
    """Geometric decay from `first` at `progress` 0 to `last` at 1; constant if `last` is 0."""
    return first * (last / first) ** progress if first and last else first
