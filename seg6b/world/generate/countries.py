"""Where people and merchants live: 77 countries with their share of parties, currency and time zones.

The first five shares are published (DE, FR, GB, DK, CH); the other 72 countries share the rest. A region is the one
a country lies in: the published region shares contradict the published country shares, as the shape report says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REGIONS: Final = ("AFRICA", "AMER", "APAC", "EMEA", "LATAM")


@dataclass(frozen=True, slots=True)
class Country:
    """One country.

    Attributes:
        iso: ISO 3166 alpha-2.
        region: one of `REGIONS`.
        share: percent of all parties.
        currency: ISO 4217.
        zones: IANA time zones with their weight of demand.
    """

    iso: str
    region: str
    share: float
    currency: str
    zones: tuple[tuple[str, float], ...]


COUNTRIES: Final = (
    Country("AE", "EMEA", 0.31, "AED", (("Asia/Dubai", 1.00),)),
    Country("AR", "LATAM", 0.90, "ARS", (("America/Argentina/Buenos_Aires", 1.00),)),
    Country("AT", "EMEA", 0.80, "EUR", (("Europe/Vienna", 1.00),)),
    Country(
        "AU",
        "APAC",
        1.60,
        "AUD",
        (
            ("Australia/Sydney", 0.52),
            ("Australia/Brisbane", 0.22),
            ("Australia/Perth", 0.14),
            ("Australia/Adelaide", 0.12),
        ),
    ),
    Country("BE", "EMEA", 0.92, "EUR", (("Europe/Brussels", 1.00),)),
    Country("BG", "EMEA", 0.12, "EUR", (("Europe/Sofia", 1.00),)),
    Country("BM", "AMER", 0.10, "BMD", (("Atlantic/Bermuda", 1.00),)),
    Country(
        "BR",
        "LATAM",
        2.44,
        "BRL",
        (
            ("America/Sao_Paulo", 0.86),
            ("America/Manaus", 0.09),
            ("America/Fortaleza", 0.05),
        ),
    ),
    Country("BS", "AMER", 0.10, "BSD", (("America/Nassau", 1.00),)),
    Country(
        "CA",
        "AMER",
        1.88,
        "CAD",
        (
            ("America/Toronto", 0.58),
            ("America/Vancouver", 0.17),
            ("America/Edmonton", 0.15),
            ("America/Halifax", 0.10),
        ),
    ),
    Country("CH", "EMEA", 5.90, "CHF", (("Europe/Zurich", 1.00),)),
    Country("CI", "AFRICA", 0.44, "XOF", (("Africa/Abidjan", 1.00),)),
    Country("CL", "LATAM", 0.64, "CLP", (("America/Santiago", 1.00),)),
    Country("CN", "APAC", 1.48, "CNY", (("Asia/Shanghai", 1.00),)),
    Country("CO", "LATAM", 0.64, "COP", (("America/Bogota", 1.00),)),
    Country("CR", "LATAM", 0.26, "CRC", (("America/Costa_Rica", 1.00),)),
    Country("CY", "EMEA", 0.06, "EUR", (("Asia/Nicosia", 1.00),)),
    Country("CZ", "EMEA", 0.31, "CZK", (("Europe/Prague", 1.00),)),
    Country("DE", "EMEA", 14.50, "EUR", (("Europe/Berlin", 1.00),)),
    Country("DK", "EMEA", 6.40, "DKK", (("Europe/Copenhagen", 1.00),)),
    Country("DO", "LATAM", 0.26, "DOP", (("America/Santo_Domingo", 1.00),)),
    Country("DZ", "AFRICA", 0.59, "DZD", (("Africa/Algiers", 1.00),)),
    Country("EC", "LATAM", 0.26, "USD", (("America/Guayaquil", 1.00),)),
    Country("EE", "EMEA", 0.09, "EUR", (("Europe/Tallinn", 1.00),)),
    Country("EG", "AFRICA", 1.33, "EGP", (("Africa/Cairo", 1.00),)),
    Country(
        "ES",
        "EMEA",
        1.16,
        "EUR",
        (
            ("Europe/Madrid", 0.94),
            ("Atlantic/Canary", 0.06),
        ),
    ),
    Country("FI", "EMEA", 0.49, "EUR", (("Europe/Helsinki", 1.00),)),
    Country("FR", "EMEA", 10.80, "EUR", (("Europe/Paris", 1.00),)),
    Country("GB", "EMEA", 10.30, "GBP", (("Europe/London", 1.00),)),
    Country("GH", "AFRICA", 0.89, "GHS", (("Africa/Accra", 1.00),)),
    Country("GR", "EMEA", 0.31, "EUR", (("Europe/Athens", 1.00),)),
    Country("HK", "APAC", 0.74, "HKD", (("Asia/Hong_Kong", 1.00),)),
    Country("HR", "EMEA", 0.12, "EUR", (("Europe/Zagreb", 1.00),)),
    Country("HU", "EMEA", 0.24, "HUF", (("Europe/Budapest", 1.00),)),
    Country(
        "ID",
        "APAC",
        0.74,
        "IDR",
        (
            ("Asia/Jakarta", 0.70),
            ("Asia/Makassar", 0.22),
            ("Asia/Jayapura", 0.08),
        ),
    ),
    Country("IE", "EMEA", 0.49, "EUR", (("Europe/Dublin", 1.00),)),
    Country("IL", "EMEA", 0.24, "ILS", (("Asia/Jerusalem", 1.00),)),
    Country("IN", "APAC", 1.60, "INR", (("Asia/Kolkata", 1.00),)),
    Country("IS", "EMEA", 0.06, "ISK", (("Atlantic/Reykjavik", 1.00),)),
    Country("IT", "EMEA", 1.22, "EUR", (("Europe/Rome", 1.00),)),
    Country("JP", "APAC", 1.36, "JPY", (("Asia/Tokyo", 1.00),)),
    Country("KE", "AFRICA", 1.48, "KES", (("Africa/Nairobi", 1.00),)),
    Country("KR", "APAC", 0.86, "KRW", (("Asia/Seoul", 1.00),)),
    Country("LT", "EMEA", 0.12, "EUR", (("Europe/Vilnius", 1.00),)),
    Country("LU", "EMEA", 0.18, "EUR", (("Europe/Luxembourg", 1.00),)),
    Country("LV", "EMEA", 0.09, "EUR", (("Europe/Riga", 1.00),)),
    Country("MA", "AFRICA", 1.04, "MAD", (("Africa/Casablanca", 1.00),)),
    Country("MT", "EMEA", 0.06, "EUR", (("Europe/Malta", 1.00),)),
    Country(
        "MX",
        "LATAM",
        1.54,
        "MXN",
        (
            ("America/Mexico_City", 0.80),
            ("America/Tijuana", 0.11),
            ("America/Cancun", 0.09),
        ),
    ),
    Country("MY", "APAC", 0.49, "MYR", (("Asia/Kuala_Lumpur", 1.00),)),
    Country("NG", "AFRICA", 2.37, "NGN", (("Africa/Lagos", 1.00),)),
    Country("NL", "EMEA", 1.53, "EUR", (("Europe/Amsterdam", 1.00),)),
    Country("NO", "EMEA", 0.86, "NOK", (("Europe/Oslo", 1.00),)),
    Country("NZ", "APAC", 0.49, "NZD", (("Pacific/Auckland", 1.00),)),
    Country("PA", "LATAM", 0.26, "USD", (("America/Panama", 1.00),)),
    Country("PE", "LATAM", 0.39, "PEN", (("America/Lima", 1.00),)),
    Country("PH", "APAC", 0.49, "PHP", (("Asia/Manila", 1.00),)),
    Country("PL", "EMEA", 0.80, "PLN", (("Europe/Warsaw", 1.00),)),
    Country(
        "PT",
        "EMEA",
        0.49,
        "EUR",
        (
            ("Europe/Lisbon", 0.96),
            ("Atlantic/Azores", 0.04),
        ),
    ),
    Country("QA", "EMEA", 0.09, "QAR", (("Asia/Qatar", 1.00),)),
    Country("RO", "EMEA", 0.24, "RON", (("Europe/Bucharest", 1.00),)),
    Country("SA", "EMEA", 0.24, "SAR", (("Asia/Riyadh", 1.00),)),
    Country("SE", "EMEA", 0.98, "SEK", (("Europe/Stockholm", 1.00),)),
    Country("SG", "APAC", 0.86, "SGD", (("Asia/Singapore", 1.00),)),
    Country("SI", "EMEA", 0.09, "EUR", (("Europe/Ljubljana", 1.00),)),
    Country("SK", "EMEA", 0.12, "EUR", (("Europe/Bratislava", 1.00),)),
    Country("SN", "AFRICA", 0.44, "XOF", (("Africa/Dakar", 1.00),)),
    Country("TH", "APAC", 0.49, "THB", (("Asia/Bangkok", 1.00),)),
    Country("TN", "AFRICA", 0.44, "TND", (("Africa/Tunis", 1.00),)),
    Country("TR", "EMEA", 0.37, "TRY", (("Europe/Istanbul", 1.00),)),
    Country("TW", "APAC", 0.49, "TWD", (("Asia/Taipei", 1.00),)),
    Country("TZ", "AFRICA", 0.44, "TZS", (("Africa/Dar_es_Salaam", 1.00),)),
    Country("UG", "AFRICA", 0.44, "UGX", (("Africa/Kampala", 1.00),)),
    Country(
        "US",
        "AMER",
        4.20,
        "USD",
        (
            ("America/New_York", 0.47),
            ("America/Chicago", 0.29),
            ("America/Denver", 0.07),
            ("America/Los_Angeles", 0.17),
        ),
    ),
    Country("UY", "LATAM", 0.26, "UYU", (("America/Montevideo", 1.00),)),
    Country("VN", "APAC", 0.37, "VND", (("Asia/Ho_Chi_Minh", 1.00),)),
    Country("ZA", "AFRICA", 2.81, "ZAR", (("Africa/Johannesburg", 1.00),)),
)
