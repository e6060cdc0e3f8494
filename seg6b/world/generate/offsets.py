"""Offsets of the time zones over the horizon, written out from the IANA database 2025b.

So a machine with another database, or none, makes the same bytes.
"""

from __future__ import annotations

from typing import Final

# Minutes east of UTC from an hour of the horizon (2026-01-01T00Z = 0) on.
OFFSETS: Final[dict[str, tuple[tuple[int, int], ...]]] = {
    "Africa/Abidjan": ((0, 0),),
    "Africa/Accra": ((0, 0),),
    "Africa/Algiers": ((0, 60),),
    "Africa/Cairo": ((0, 120),),
    "Africa/Casablanca": (
        (0, 60),
        (1082, 0),
        (1922, 60),
    ),
    "Africa/Dakar": ((0, 0),),
    "Africa/Dar_es_Salaam": ((0, 180),),
    "Africa/Johannesburg": ((0, 120),),
    "Africa/Kampala": ((0, 180),),
    "Africa/Lagos": ((0, 60),),
    "Africa/Nairobi": ((0, 180),),
    "Africa/Tunis": ((0, 60),),
    "America/Argentina/Buenos_Aires": ((0, -180),),
    "America/Bogota": ((0, -300),),
    "America/Cancun": ((0, -300),),
    "America/Chicago": (
        (0, -360),
        (1592, -300),
    ),
    "America/Costa_Rica": ((0, -360),),
    "America/Denver": (
        (0, -420),
        (1593, -360),
    ),
    "America/Edmonton": (
        (0, -420),
        (1593, -360),
    ),
    "America/Fortaleza": ((0, -180),),
    "America/Guayaquil": ((0, -300),),
    "America/Halifax": (
        (0, -240),
        (1590, -180),
    ),
    "America/Lima": ((0, -300),),
    "America/Los_Angeles": (
        (0, -480),
        (1594, -420),
    ),
    "America/Manaus": ((0, -240),),
    "America/Mexico_City": ((0, -360),),
    "America/Montevideo": ((0, -180),),
    "America/Nassau": (
        (0, -300),
        (1591, -240),
    ),
    "America/New_York": (
        (0, -300),
        (1591, -240),
    ),
    "America/Panama": ((0, -300),),
    "America/Santiago": ((0, -180),),
    "America/Santo_Domingo": ((0, -240),),
    "America/Sao_Paulo": ((0, -180),),
    "America/Tijuana": (
        (0, -480),
        (1594, -420),
    ),
    "America/Toronto": (
        (0, -300),
        (1591, -240),
    ),
    "America/Vancouver": (
        (0, -480),
        (1594, -420),
    ),
    "Asia/Bangkok": ((0, 420),),
    "Asia/Dubai": ((0, 240),),
    "Asia/Ho_Chi_Minh": ((0, 420),),
    "Asia/Hong_Kong": ((0, 480),),
    "Asia/Jakarta": ((0, 420),),
    "Asia/Jayapura": ((0, 540),),
    "Asia/Jerusalem": (
        (0, 120),
        (2040, 180),
    ),
    "Asia/Kolkata": ((0, 330),),
    "Asia/Kuala_Lumpur": ((0, 480),),
    "Asia/Makassar": ((0, 480),),
    "Asia/Manila": ((0, 480),),
    "Asia/Nicosia": (
        (0, 120),
        (2089, 180),
    ),
    "Asia/Qatar": ((0, 180),),
    "Asia/Riyadh": ((0, 180),),
    "Asia/Seoul": ((0, 540),),
    "Asia/Shanghai": ((0, 480),),
    "Asia/Singapore": ((0, 480),),
    "Asia/Taipei": ((0, 480),),
    "Asia/Tokyo": ((0, 540),),
    "Atlantic/Azores": (
        (0, -60),
        (2089, 0),
    ),
    "Atlantic/Bermuda": (
        (0, -240),
        (1590, -180),
    ),
    "Atlantic/Canary": (
        (0, 0),
        (2089, 60),
    ),
    "Atlantic/Reykjavik": ((0, 0),),
    "Australia/Adelaide": ((0, 630),),
    "Australia/Brisbane": ((0, 600),),
    "Australia/Perth": ((0, 480),),
    "Australia/Sydney": ((0, 660),),
    "Europe/Amsterdam": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Athens": (
        (0, 120),
        (2089, 180),
    ),
    "Europe/Berlin": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Bratislava": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Brussels": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Bucharest": (
        (0, 120),
        (2089, 180),
    ),
    "Europe/Budapest": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Copenhagen": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Dublin": (
        (0, 0),
        (2089, 60),
    ),
    "Europe/Helsinki": (
        (0, 120),
        (2089, 180),
    ),
    "Europe/Istanbul": ((0, 180),),
    "Europe/Lisbon": (
        (0, 0),
        (2089, 60),
    ),
    "Europe/Ljubljana": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/London": (
        (0, 0),
        (2089, 60),
    ),
    "Europe/Luxembourg": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Madrid": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Malta": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Oslo": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Paris": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Prague": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Riga": (
        (0, 120),
        (2089, 180),
    ),
    "Europe/Rome": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Sofia": (
        (0, 120),
        (2089, 180),
    ),
    "Europe/Stockholm": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Tallinn": (
        (0, 120),
        (2089, 180),
    ),
    "Europe/Vienna": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Vilnius": (
        (0, 120),
        (2089, 180),
    ),
    "Europe/Warsaw": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Zagreb": (
        (0, 60),
        (2089, 120),
    ),
    "Europe/Zurich": (
        (0, 60),
        (2089, 120),
    ),
    "Pacific/Auckland": ((0, 780),),
}
