"""What the fields of a config may be. Each check says in one sentence which field is wrong, and what would be valid."""

from collections.abc import Sequence


def choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raises ValueError: none of the choices."""
    if value not in choices:
        raise ValueError(f"{name} {value!r} is not one of {', '.join(choices)}")


def whole(name: str, value: object, low: int, high: int | None = None) -> None:
    """Raises ValueError: not a whole number in the range, both ends included; None is no end."""
    if not isinstance(value, int) or isinstance(value, bool) or value < low or (high is not None and value > high):
        raise ValueError(f"{name} is {value!r}, not a whole number from {low}{'' if high is None else f' to {high}'}")


def number(name: str, value: object, low: float, high: float) -> float:
    """The value as a float. Raises ValueError: not a number in the range, both ends included."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}, not a number from {low:g} to {high:g}")
    return float(value)


def flag(name: str, value: object) -> None:
    """Raises ValueError: neither true nor false."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}, not true or false")
