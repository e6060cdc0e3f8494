"""Pack `bank_view`."""

from __future__ import annotations

from typing import Literal

from seg6b.policy.base import Pack


class Stub(Pack):
    """To be written."""

    policy_id: Literal["bank_view"]


Model = Stub
