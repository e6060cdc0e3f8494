"""Pack `attachment`: how an arrival gets its channel, and which entities are candidates for it.

`pooled` draws the party from the pool of the merchant's country or, for those away from home, from all parties, and
then walks account, instrument, device, IP. `uniform` is what the D+ baseline executed: one pool, equal chances, one
channel for everything.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from seg6b.policy.base import Frozen, NonNegative, Pack, Positive

Channel = Literal["ECOM", "POS", "ATM", "BANK_RAIL", "HYBRID"]
LedgerClass = Literal["DEPOSIT", "CREDIT_REVOLVING", "CREDIT_INSTALLMENT", "SETTLEMENT"]
InstrumentKind = Literal["CARD_PHYSICAL", "CARD_VIRTUAL", "BANK_HANDLE", "WALLET_TOKEN"]
CustomerIpRole = Literal["TYPICAL_DEVICE_IP", "RECENT_LOGIN_IP", "SHARED_PUBLIC_WIFI"]
Mcc = Annotated[int, Field(ge=1, le=9999)]

CHANNELS: Final[tuple[Channel, ...]] = ("ECOM", "POS", "ATM", "BANK_RAIL", "HYBRID")
KINDS: Final[tuple[InstrumentKind, ...]] = ("CARD_PHYSICAL", "CARD_VIRTUAL", "BANK_HANDLE", "WALLET_TOKEN")
CUSTOMER_IP_ROLES: Final[tuple[CustomerIpRole, ...]] = ("TYPICAL_DEVICE_IP", "RECENT_LOGIN_IP", "SHARED_PUBLIC_WIFI")


class DerivedChannel(Frozen):
    """Channel from merchant data and the arrival's own posture, where the arrival does not name one of the five.

    Cash and transfer codes decide first. A merchant that takes cards remotely is ECOM, one that takes them in
    person is POS; an arrival of the other posture than its merchant's makes it HYBRID.

    Attributes:
        atm_mcc: category codes of cash machines.
        bank_rail_mcc: category codes of transfers and quasi-cash.
    """

    kind: Literal["derived"]
    atm_mcc: list[Mcc] = Field(min_length=1)
    bank_rail_mcc: list[Mcc] = Field(min_length=1)

    @model_validator(mode="after")
    def _disjoint(self) -> Self:
        codes = [*self.atm_mcc, *self.bank_rail_mcc]
        if len(set(codes)) != len(codes):
            message = f"category codes {sorted(codes)} name a code twice"
            raise ValueError(message)
        return self


class PartyWeight(Frozen):
    """`1 + holdings_log * log(1 + accounts held) + risk_tier_step * tier`, tier 0 (LOW) to 3 (HIGH)."""

    holdings_log: NonNegative
    risk_tier_step: NonNegative


class Pooled(Pack):
    """Weighted attachment with home and away pools.

    Attributes:
        channel: how a channel is derived.
        fail_on_missing_profile: whether a merchant without a demand class stops the run.
        party_weight: weight of a party before its activity.
        account_classes: ledger classes that serve a channel.
        card_like: instrument kinds that serve where an instrument is required.
        instrument_optional: channels served by any instrument, or by none.
        ip_role_weights: weight of an IP within its group, by the role of its link.
        proxy_share_cap: largest share that anonymiser proxies may take, of a device with other IPs and of all arrivals.
    """

    policy_id: Literal["attachment"]
    kind: Literal["pooled"]
    channel: DerivedChannel
    fail_on_missing_profile: bool
    party_weight: PartyWeight
    account_classes: dict[Channel, list[LedgerClass]]
    card_like: list[InstrumentKind] = Field(min_length=1)
    instrument_optional: list[Channel]
    ip_role_weights: dict[CustomerIpRole, Positive]
    proxy_share_cap: Annotated[float, Field(gt=0.0, lt=1.0)]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _covers(self.account_classes, CHANNELS, "account_classes")
        _covers(self.ip_role_weights, CUSTOMER_IP_ROLES, "ip_role_weights")
        _distinct(self.card_like, "card_like")
        for channel, classes in self.account_classes.items():
            _distinct(classes, f"account_classes.{channel}")
        if set(self.instrument_optional) - {"BANK_RAIL"} or len(self.instrument_optional) > 1:
            message = f"only BANK_RAIL may do without an instrument, not {self.instrument_optional}"
            raise ValueError(message)
        return self

    def kinds_of(self, channel: Channel) -> tuple[InstrumentKind, ...]:
        """Instrument kinds that serve `channel`."""
        return KINDS if channel in self.instrument_optional else tuple(k for k in KINDS if k in self.card_like)


class Uniform(Pack):
    """One pool and equal chances at every step, as the D+ baseline ran."""

    policy_id: Literal["attachment"]
    kind: Literal["uniform"]
    channel: Channel


def _covers(table: Collection[str], wanted: Collection[str], what: str) -> None:
    if set(table) != set(wanted):
        message = f"{what} must have exactly the entries {sorted(wanted)}, not {sorted(table)}"
        raise ValueError(message)


def _distinct(values: Collection[str], what: str) -> None:
    if not values or len(set(values)) != len(values):
        message = f"{what} {sorted(values)} is empty or repeats an entry"
        raise ValueError(message)


Model = Annotated[Pooled | Uniform, Field(discriminator="kind")]
