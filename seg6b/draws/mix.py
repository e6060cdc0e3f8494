"""64-bit mixing: the ground on which uniforms, ids and row digests stand.

`mix64` is the finaliser of SplitMix64 (Steele, Lea & Flood 2014, variant 13 of D. Stafford): a bijection
of the 64-bit integers with full avalanche. All arithmetic is modulo 2^64.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from seg6b.draws.compiled import kernel

U64 = npt.NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
_S11 = np.uint64(11)
_ID_SPAN = np.uint64((1 << 63) - 1)
_ONE = np.uint64(1)


@kernel
def mix64(x: np.uint64) -> np.uint64:
    """Scramble one 64-bit word (a bijection)."""
    x = (x ^ (x >> _S30)) * _M1
    x = (x ^ (x >> _S27)) * _M2
    return x ^ (x >> _S31)


@kernel
def fold(h: np.uint64, key: np.uint64) -> np.uint64:
    """Fold one more key into the running hash; the order of keys matters."""
    word = np.uint64(key)
    return mix64((np.uint64(h) ^ word) * GOLDEN + word)


@kernel
def unit(word: np.uint64) -> float:
    """Map a 64-bit word to (0, 1): its top 53 bits times 2^-53, zero moved to 2^-54."""
    top = word >> _S11
    if top == np.uint64(0):
        return 5.551115123125783e-17
    return np.float64(top) * 1.1102230246251565e-16


@kernel
def draw(entity: np.uint64, decision: np.uint64) -> float:
    """The uniform of one decision about one entity; see `Draws.key` and `entity1`."""
    return unit(mix64(np.uint64(entity) ^ np.uint64(decision)))


@kernel
def id64(entity: np.uint64, domain: np.uint64) -> np.int64:
    """A positive signed 64-bit id, 1 .. 2^63 - 1, from an entity hash and an id domain."""
    return np.int64(_ONE + mix64(np.uint64(entity) ^ np.uint64(domain)) % _ID_SPAN)


@kernel
def entity1(a: np.int64) -> np.uint64:
    """Entity hash of one key."""
    return fold(np.uint64(0), np.uint64(a))


@kernel
def entity2(a: np.int64, b: np.int64) -> np.uint64:
    """Entity hash of two keys."""
    return fold(fold(np.uint64(0), np.uint64(a)), np.uint64(b))


@kernel
def entities1(a: npt.NDArray[np.int64]) -> U64:
    """`entity1` of each row."""
    out = np.empty(a.size, np.uint64)
    for i in range(a.size):
        out[i] = entity1(a[i])
    return out


@kernel
def entities2(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> U64:
    """`entity2` of each row."""
    out = np.empty(a.size, np.uint64)
    for i in range(a.size):
        out[i] = entity2(a[i], b[i])
    return out


@kernel
def draw_all(entities: U64, decision: np.uint64) -> npt.NDArray[np.float64]:
    """`draw` of each entity hash."""
    out = np.empty(entities.size, np.float64)
    for i in range(entities.size):
        out[i] = draw(entities[i], decision)
    return out


@kernel
def id64_all(entities: U64, domain: np.uint64) -> npt.NDArray[np.int64]:
    """`id64` of each entity hash."""
    out = np.empty(entities.size, np.int64)
    for i in range(entities.size):
        out[i] = id64(entities[i], domain)
    return out


def text64(*parts: str | int) -> np.uint64:
    """A 64-bit word from labels: BLAKE2b over the parts, each preceded by its length."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        raw = str(part).encode()
        digest.update(len(raw).to_bytes(4, "little"))
        digest.update(raw)
    return np.uint64(int.from_bytes(digest.digest(), "little"))
