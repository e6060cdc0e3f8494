"""Pack `prior`: which account, instrument, device and IP people of a segment use on a channel, and how far from home.

`segments` has a table for each step. `flat` knows no segment: every weight is one and nobody has a home bias.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import Field, model_validator

from seg6b.policy.attachment import CHANNELS, Channel, InstrumentKind, LedgerClass, Pooled
from seg6b.policy.base import Frozen, Pack, Positive

Family = Literal["BUSINESS", "OTHER", "RETAIL"]
Segment = Literal[
    "BUSINESS_CORPORATE",
    "BUSINESS_ECOM_NATIVE",
    "BUSINESS_LOCAL_SERVICE",
    "BUSINESS_MID_MARKET",
    "BUSINESS_MICRO",
    "BUSINESS_SME",
    "BUSINESS_SOLE_TRADER",
    "OTHER_NONPROFIT",
    "OTHER_PUBLIC_SECTOR",
    "RETAIL_AFFLUENT",
    "RETAIL_EARLY_CAREER",
    "RETAIL_FAMILY",
    "RETAIL_MASS_MARKET",
    "RETAIL_MATURE",
    "RETAIL_RETIRED",
    "RETAIL_STUDENT",
    "RETAIL_VALUE",
]
IpGroup = Literal["RESIDENTIAL", "MOBILE_CARRIER", "PUBLIC_SHARED", "HOSTING_DATACENTRE", "ANONYMIZER_PROXY"]
TerminalChannel = Literal["POS", "ATM", "HYBRID"]
Chance = Annotated[float, Field(gt=0.0, lt=1.0)]

FAMILIES: Final[tuple[Family, ...]] = get_args(Family)
SEGMENTS: Final[tuple[Segment, ...]] = get_args(Segment)
IP_GROUPS: Final[tuple[IpGroup, ...]] = get_args(IpGroup)
TERMINAL_CHANNELS: Final[tuple[TerminalChannel, ...]] = get_args(TerminalChannel)


class ByChannel(Frozen):
    """A chance for each of the five channels."""

    ECOM: Chance
    POS: Chance
    ATM: Chance
    BANK_RAIL: Chance
    HYBRID: Chance


class SegmentPrior(Pack):
    """Weights by segment family and channel; what an entity does not hold is dropped and the rest renormalised.

    Attributes:
        p_home: chance that an arrival of a segment stays with merchants of its own country.
        account: weight of a ledger class, for channels that several classes serve.
        instrument: weight of an instrument kind, for the kinds that serve the channel.
        primary_device: chance of the party's main device against its other ones.
        terminal: chance of the merchant's terminal against the customer's own device.
        ip: weight of an IP group among the IPs of the chosen device.
    """

    policy_id: Literal["prior"]
    kind: Literal["segments"]
    p_home: dict[Segment, ByChannel]
    account: dict[Family, dict[Channel, dict[LedgerClass, Positive]]]
    instrument: dict[Family, dict[Channel, dict[InstrumentKind, Positive]]]
    primary_device: dict[Family, ByChannel]
    terminal: dict[TerminalChannel, Chance]
    ip: dict[Family, dict[Channel, dict[IpGroup, Positive]]]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _exactly(self.p_home, SEGMENTS, "p_home")
        _exactly(self.primary_device, FAMILIES, "primary_device")
        _exactly(self.terminal, TERMINAL_CHANNELS, "terminal")
        _exactly(self.account, FAMILIES, "account")
        for name, table in (("instrument", self.instrument), ("ip", self.ip)):
            _exactly(table, FAMILIES, name)
            for family, channels in table.items():
                _exactly(channels, CHANNELS, f"{name}.{family}")
        for family, groups in self.ip.items():
            for channel, weights in groups.items():
                _exactly(weights, IP_GROUPS, f"ip.{family}.{channel}")
        return self


class Flat(Pack):
    """No segment has a habit: equal weights, no home, no terminals."""

    policy_id: Literal["prior"]
    kind: Literal["flat"]


def mismatches(attachment: Pooled, prior: SegmentPrior) -> list[str]:
    """Every place where the prior's weights are not exactly for what the attachment pack admits, in plain words."""
    faults = []
    for family in FAMILIES:
        for channel in CHANNELS:
            classes = attachment.account_classes[channel]
            wanted = classes if len(classes) > 1 else []
            faults += _differs(prior.account[family].get(channel, {}), wanted, f"account.{family}.{channel}")
            kinds = attachment.kinds_of(channel)
            faults += _differs(prior.instrument[family][channel], kinds, f"instrument.{family}.{channel}")
    return faults


def _differs(table: Collection[str], wanted: Collection[str], what: str) -> list[str]:
    if set(table) == set(wanted):
        return []
    return [f"prior.{what} has weights for {sorted(table)}, attachment admits {sorted(wanted)}"]


def _exactly(table: Collection[str], wanted: Collection[str], what: str) -> None:
    if set(table) != set(wanted):
        message = f"{what} must have exactly the entries {sorted(wanted)}, not {sorted(table)}"
        raise ValueError(message)


Model = Annotated[SegmentPrior | Flat, Field(discriminator="kind")]
