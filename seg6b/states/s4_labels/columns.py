"""What S4 reads of S3's flows and events, by the value of the knob `s4.columns`.

Both read each part once and make the same rows: no step looks at a column that `pruned` leaves out. No file holds
constants of the run (they stand in the path), so what the build plan pruned first is never read by either.

    all     57 columns of a flow and 16 of an event: some 73 B and 22 B of Parquet, 251 B and 63 B in memory
    pruned  25 and 5: some 43 B and 12 B of Parquet, 103 B and 21 B in memory
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seg6b.datasets.tables import EVENTS_WITH_FRAUD, FLOWS_WITH_FRAUD
from seg6b.settings.knobs import Columns
from seg6b.states.mapping import Reads
from seg6b.states.s4_labels.flows import READS

ALL: Final = Reads(FLOWS_WITH_FRAUD, FLOWS_WITH_FRAUD.names, EVENTS_WITH_FRAUD, EVENTS_WITH_FRAUD.names)

COLUMNS: Final[Mapping[Columns, Reads]] = {"all": ALL, "pruned": READS}
