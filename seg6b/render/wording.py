"""Numbers, sizes and durations as people read them."""

from __future__ import annotations

import math
from typing import Final

ABSENT: Final = "\N{EN DASH}"
_STEPS: Final = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_DURATIONS: Final = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))


def number(value: float | None, digits: int = 5) -> str:
    """A value with at most `digits` significant digits, thousands grouped.

    >>> number(52294.0), number(0.0927104), number(0.0), number(3.2e-06)
    ('52,294', '0.09271', '0', '3.2e-06')
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.1f}"
    return f"{value:.{digits}g}"


def signed(value: float | None) -> str:
    """A margin: its sign always shown.

    >>> signed(0.0427), signed(0.0)
    ('+0.0427', '0')
    """
    text = number(value, 4)
    if value is None or text in (ABSENT, "0"):
        return text
    return f"\N{MINUS SIGN}{text.removeprefix('-')}" if value < 0 else f"+{text}"


def interval(ci95: tuple[float, float] | None) -> str:
    """A 95 % interval, or the sign for none.

    >>> interval((0.0871, 0.0983))
    '[0.0871, 0.0983]'
    """
    return ABSENT if ci95 is None else f"[{number(ci95[0])}, {number(ci95[1])}]"


def percent(share: float) -> str:
    r"""A share in per cent with three significant digits.

    >>> percent(0.0521), percent(1.0), percent(0.0)
    ('5.21\xa0%', '100\xa0%', '0\xa0%')
    """
    return f"{number(100.0 * share, 3)}\u00a0%"


def compact(value: float) -> str:
    """A count in three significant digits.

    >>> compact(250_000), compact(1_234_567), compact(812)
    ('250 k', '1.23 M', '812')
    """
    for step, letter in _STEPS:
        if abs(value) >= step:
            return f"{value / step:.3g} {letter}"
    return f"{value:.3g}"


def size(count: float) -> str:
    """Bytes in binary units.

    >>> size(512), size(3 * 2**20)
    ('512 B', '3.0 MiB')
    """
    if count < 1024:
        return f"{int(count)} B"
    exponent = min(int(math.log(count, 1024)), 4)
    return f"{count / 1024**exponent:.1f} {'KMGT'[exponent - 1]}iB"


def seconds(value: float | None) -> str:
    """Seconds with two decimals below a hundred.

    >>> seconds(4.912), seconds(563.2)
    ('4.91 s', '563 s')
    """
    if value is None:
        return ABSENT
    return f"{value:.2f} s" if value < 99.995 else f"{value:,.0f} s"


def duration(value_s: float) -> str:
    """A duration in its largest whole unit.

    >>> duration(86_400), duration(5_400), duration(0.5), duration(2_592_000)
    ('1 d', '1.5 h', '0.5 s', '30 d')
    """
    for step, unit in _DURATIONS:
        if value_s >= step:
            return f"{value_s / step:.3g} {unit}"
    return f"{value_s:.3g} s"


def minutes(value: float | None) -> str:
    """Minutes with one decimal below ten.

    >>> minutes(4.26), minutes(83.4)
    ('4.3', '83')
    """
    if value is None:
        return ABSENT
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"


def clock(value_s: float) -> str:
    """Time that passes, in whole seconds.

    >>> clock(7.4), clock(83), clock(3_725)
    ('7 s', '1:23', '1:02:05')
    """
    whole = round(value_s)
    if whole < 60:
        return f"{whole} s"
    full, rest = divmod(whole, 60)
    return f"{full // 60}:{full % 60:02d}:{rest:02d}" if full >= 60 else f"{full}:{rest:02d}"
