"""Schedules of values that change during training."""


def falling(first: float, last: float, progress: float) -> float:
    """Geometric decay from `first` at `progress` 0 to `last` at 1; constant if `last` is 0."""
    return first * (last / first) ** progress if first and last else first


def rising(progress: float, share: float) -> float:
    """Linear rise from a tenth to 1 during the first `share` of training; 1 after it."""
    return min(1.0, 0.1 + 0.9 * progress / share)
