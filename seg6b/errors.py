"""Every refusal of seg6b, drawn as a tree.

* `Seg6bError`: whatever stops a command on purpose; one line tells the whole story.
    * `UsageError`: the command line or the configuration is wrong (exit code 2).
    * `Refusal`: the command was understood and is refused (exit code 1).
        * `InputRefused`: a world, policy or file handed in is not acceptable.
        * `ContractBroken`: a state produced or met rows that its contract forbids.
        * `Damaged`: something published or pinned no longer has its recorded digest.
        * `Conflict`: equal place, unequal content: nothing is overwritten.
        * `EvidenceMissing`: a decision lacks what it must rest on.
        * `PhaseClosed`: a lane requires a marker that does not stand.
        * `ResourceRefused`: disk, memory, lock or store is not available.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Seg6bError(Exception):
    """A deliberate stop: `code` names the rule, the other fields the case.

    Attributes:
        code: `E_<STATE>_<WHAT>`, stable and searchable.
        what: one sentence fragment that says what is wrong.
        where: file, dataset, shard or key; empty where nothing can be named.
        value: the offending value, as text.
        expected: what would have been accepted.
        hint: what to do next.
    """

    code: str
    what: str
    where: str = ""
    value: str = ""
    expected: str = ""
    hint: str = ""

    @property
    def exit_code(self) -> int:
        """Exit code of a command that ends with this error."""
        return 1

    def __str__(self) -> str:
        """The error as one line: code, what, where, value, expected, hint."""
        parts = [f"{self.code}: {self.what}"]
        if self.where:
            parts.append(f" ({self.where})")
        if self.value:
            parts.append(f"; got {self.value}")
        if self.expected:
            parts.append(f"; expected {self.expected}")
        line = "".join(parts).replace("\n", " ") + "."
        return f"{line} {self.hint}" if self.hint else line


class UsageError(Seg6bError):
    """The command line or the configuration is wrong."""

    @property
    def exit_code(self) -> int:
        """Usage errors end with 2."""
        return 2


class Refusal(Seg6bError):
    """The command was understood and is refused."""


class InputRefused(Refusal):
    """A world, policy or file handed in is not acceptable."""


class ContractBroken(Refusal):
    """A state produced or met rows that its contract forbids."""


class Damaged(Refusal):
    """Something published or pinned no longer has its recorded digest."""


class Conflict(Refusal):
    """Equal place, unequal content: nothing is overwritten."""


class EvidenceMissing(Refusal):
    """A decision lacks what it must rest on."""


class PhaseClosed(Refusal):
    """A lane requires a marker that does not stand."""


class ResourceRefused(Refusal):
    """Disk, memory, lock or store is not available."""
