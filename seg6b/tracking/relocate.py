"""Following a moved project: artifacts of a local store lie beside it, but MLflow remembers absolute addresses."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_COLUMNS = (("experiments", "artifact_location"), ("runs", "artifact_uri"))


def relocate(database: Path, recorded: str, wanted: str) -> None:
    """Point the addresses below `recorded`'s parent folder to `wanted`'s parent folder.

    Args:
        database: the SQLite store.
        recorded: an experiment's artifact location as stored.
        wanted: what it is now; it ends in the same folder name.
    """
    old, new = recorded.rpartition("/")[0] + "/", wanted.rpartition("/")[0] + "/"
    with closing(sqlite3.connect(database, timeout=10.0)) as connection, connection:
        for table, column in _COLUMNS:
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",  # noqa: S608
                (new, len(old) + 1, len(old), old),
            )
