"""What kinds of addresses devices have, in which role, and how many devices an address carries."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from seg6b.draws.quantile import build_table, significant
from seg6b.world.generate.owned import negative_binomial

Law = dict[str, float]

FURTHER_LINKS: Final = negative_binomial(0.88, 1, 14)
UNLINKED_AN_LINKED: Final = 366_161 / 334_843 - 1.0

FIRST_ADDRESS: Final[Law] = {"RESIDENTIAL": 0.78, "MOBILE": 0.15, "CORPORATE": 0.07}
FURTHER_ROLE: Final[Law] = {"TYPICAL_DEVICE_IP": 0.42, "RECENT_LOGIN_IP": 0.484, "SHARED_PUBLIC_WIFI": 0.096}
FURTHER_TYPE: Final[dict[str, Law]] = {
    "TYPICAL_DEVICE_IP": {"RESIDENTIAL": 0.07, "MOBILE": 0.70, "CORPORATE": 0.20, "EDUCATION": 0.03},
    "RECENT_LOGIN_IP": {
        "RESIDENTIAL": 0.15,
        "MOBILE": 0.45,
        "CORPORATE": 0.15,
        "HOTEL_TRAVEL": 0.06,
        "EDUCATION": 0.03,
        "DATACENTRE": 0.07,
        "VPN_PROXY": 0.09,
    },
    "SHARED_PUBLIC_WIFI": {"PUBLIC_WIFI": 0.75, "HOTEL_TRAVEL": 0.25},
}
# The first addresses of a device of a business or other party: one of each group, so that none is ever absent.
OFFICE: Final = (
    ("CORPORATE", "TYPICAL_DEVICE_IP"),
    ("RESIDENTIAL", "TYPICAL_DEVICE_IP"),
    ("MOBILE", "TYPICAL_DEVICE_IP"),
    ("DATACENTRE", "RECENT_LOGIN_IP"),
    ("VPN_PROXY", "RECENT_LOGIN_IP"),
)
ASN_OF_TYPE: Final[dict[str, str]] = {
    "RESIDENTIAL": "CONSUMER_ISP",
    "MOBILE": "MNO",
    "PUBLIC_WIFI": "CONSUMER_ISP",
    "HOTEL_TRAVEL": "ENTERPRISE",
    "EDUCATION": "PUBLIC_SECTOR",
    "CORPORATE": "ENTERPRISE",
    "DATACENTRE": "HOSTING_PROVIDER",
    "VPN_PROXY": "CDN_EDGE",
}
# Devices on an address: median and spread of a log-normal, and the cap of its kind (or the largest one published).
CAPACITY: Final[dict[str, tuple[float, float, int]]] = {
    "RESIDENTIAL": (2.5, 0.70, 20),
    "MOBILE": (205.0, 1.05, 6_114),
    "PUBLIC_WIFI": (60.0, 0.90, 2_000),
    "HOTEL_TRAVEL": (45.0, 0.90, 2_000),
    "EDUCATION": (120.0, 0.90, 2_000),
    "CORPORATE": (30.0, 1.25, 2_000),
    "DATACENTRE": (250.0, 0.90, 6_114),
    "VPN_PROXY": (300.0, 0.95, 6_114),
}


@cache
def capacity_table(ip_type: str) -> npt.NDArray[np.float64]:
    """Quantiles of the devices on an address of one kind."""
    median, sigma, most = CAPACITY[ip_type]
    mu = significant(float(np.log(median)))
    return build_table(lambda u: np.exp(mu + sigma * ndtri(u)), 1.0, float(most))
