"""The prior's weights as arrays by segment family and channel, ready for kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seg6b.datasets.vocabulary import INSTRUMENT_KINDS, LEDGER_CLASSES
from seg6b.policy.attachment import CHANNELS, Pooled, Uniform
from seg6b.policy.packs import Policies
from seg6b.policy.prior import FAMILIES, IP_GROUPS, SEGMENTS, Flat, SegmentPrior

F64 = npt.NDArray[np.float64]

NOT_A_CANDIDATE = 4
UNIFORM_DEVICE = -1.0
_IP_SETS = 1 << len(IP_GROUPS)


class Weights(NamedTuple):
    """Arrays; a row is family x 5 + channel.

    Attributes:
        account: by row, and ledger class or `NOT_A_CANDIDATE`: shape (15, 5).
        instrument: by row, and kind; 0 where the kind does not serve the channel: shape (15, 5).
        primary: by family and channel, chance of the main device; `UNIFORM_DEVICE` where all are equal: shape (3, 5).
        terminal: by family and channel, chance of the merchant's terminal: shape (3, 5).
        ip: by row x 32 + the set of groups that a device has, and group: shape (480, 5).
        p_home: by segment and channel: shape (17, 5).
    """

    account: F64
    instrument: F64
    primary: F64
    terminal: F64
    ip: F64
    p_home: F64


def build_weights(policy: Policies) -> Weights:
    """The weights of the run's attachment and prior packs."""
    attachment, prior = policy.attachment, policy.prior
    if attachment.kind == "uniform":
        return _equal(np.ones((5, 5)), np.ones((5, 5)))
    if prior.kind == "flat":
        return _flat(attachment)
    return _by_segment(attachment, prior)


def _equal(account: F64, instrument: F64) -> Weights:
    """No family and no segment matters; the two tables are by channel."""
    return Weights(
        account=np.tile(account, (3, 1)),
        instrument=np.tile(instrument, (3, 1)),
        primary=np.full((3, 5), UNIFORM_DEVICE),
        terminal=np.zeros((3, 5)),
        ip=np.ones((15 * _IP_SETS, 5)),
        p_home=np.zeros((len(SEGMENTS), 5)),
    )


def _flat(attachment: Pooled) -> Weights:
    account, instrument = np.zeros((5, 5)), np.zeros((5, 5))
    for c, channel in enumerate(CHANNELS):
        account[c, [LEDGER_CLASSES.index(name) for name in attachment.account_classes[channel]]] = 1.0
        instrument[c, [INSTRUMENT_KINDS.index(name) for name in attachment.kinds_of(channel)]] = 1.0
    return _equal(account, instrument)._replace(ip=_capped(np.ones((3, 5, 5)), attachment.proxy_share_cap))


def _by_segment(attachment: Pooled, prior: SegmentPrior) -> Weights:
    flat = _flat(attachment)
    account, instrument = flat.account.copy(), flat.instrument.copy()
    primary, terminal, ip = np.zeros((3, 5)), np.zeros((3, 5)), np.zeros((3, 5, 5))
    for f, family in enumerate(FAMILIES):
        for c, channel in enumerate(CHANNELS):
            for ledger, weight in prior.account[family].get(channel, {}).items():
                account[f * 5 + c, LEDGER_CLASSES.index(ledger)] = weight
            for kind, weight in prior.instrument[family][channel].items():
                instrument[f * 5 + c, INSTRUMENT_KINDS.index(kind)] = weight
            for group, weight in prior.ip[family][channel].items():
                ip[f, c, IP_GROUPS.index(group)] = weight
            primary[f, c] = getattr(prior.primary_device[family], channel)
    for name, chance in prior.terminal.items():
        terminal[:, CHANNELS.index(name)] = chance
    return Weights(account, instrument, primary, terminal, _capped(ip, attachment.proxy_share_cap), _homes(prior))


def _homes(prior: SegmentPrior) -> F64:
    return np.array([[getattr(prior.p_home[s], c) for c in CHANNELS] for s in SEGMENTS])


def _capped(ip: F64, cap: float) -> F64:
    """Weights for each set of IP groups, with the share of proxies held to `cap` where there is anything else."""
    proxy = IP_GROUPS.index("ANONYMIZER_PROXY")
    table = np.zeros((3, 5, _IP_SETS, 5))
    for groups in range(_IP_SETS):
        held = np.array([bool(groups >> g & 1) for g in range(5)])
        weights = np.where(held, ip, 0.0)
        others = weights.sum(axis=2) - weights[:, :, proxy]
        limit = cap / (1.0 - cap) * others
        weights[:, :, proxy] = np.where(others > 0.0, np.minimum(weights[:, :, proxy], limit), weights[:, :, proxy])
        table[:, :, groups] = weights
    return table.reshape(-1, 5)


def is_segmented(policy: Policies) -> bool:
    """Whether parties have a home bias at all."""
    return not isinstance(policy.attachment, Uniform) and not isinstance(policy.prior, Flat)
