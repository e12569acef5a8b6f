"""Results by content hash, in one SQLite file of the user's cache folder.

Losing it is harmless, so nothing that goes wrong with it (a full disk, a lock, a damaged file) may fail a run: the run
then computes. What was wrong is kept in `trouble` for the notes.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from pathlib import Path
from types import TracebackType
from typing import Self

_KEEP = 20_000
_WAIT = 2.0


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/hauberk`, `~/.cache/hauberk` by default."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "hauberk"


class ResultCache:
    """Bytes by key. Entries are written in one transaction at the end; the oldest go when there are too many."""

    def __init__(self, folder: Path | None) -> None:
        self.trouble = ""
        self._folder = folder
        self._pending: dict[bytes, bytes] = {}
        self._database: sqlite3.Connection | None = None
        self._inherited: sqlite3.Connection | None = None
        self._open()

    def _open(self) -> None:
        self._process = os.getpid()
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._database = sqlite3.connect(self._folder / "results-1.sqlite", timeout=_WAIT, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS results "
                "(key BLOB PRIMARY KEY, value BLOB NOT NULL, number INTEGER) WITHOUT ROWID"
            )
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)

    def get(self, key: bytes) -> bytes | None:
        if self._process != os.getpid():
            # a connection must not cross a fork; closing it here would end the parent's locks, so it is kept instead
            self._inherited, self._database = self._database, None
            self._open()
        if self._database is None:
            return None
        try:
            row = self._database.execute("SELECT value FROM results WHERE key = ?", (key,)).fetchone()
            return zlib.decompress(row[0]) if row else None
        except (sqlite3.Error, zlib.error) as error:
            self._give_up(error)
            return None

    def put(self, key: bytes, value: bytes) -> None:
        if self._database is not None:
            self._pending[key] = zlib.compress(value, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._database is None:
            return
        try:
            if self._pending and kind is None:
                self._write(self._database)
        except sqlite3.Error as trouble:
            self._give_up(trouble)
        finally:
            self._close()

    def _write(self, database: sqlite3.Connection) -> None:
        database.execute("BEGIN IMMEDIATE")
        try:
            (last,) = database.execute("SELECT coalesce(max(number), 0) FROM results").fetchone()
            database.executemany(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?)",
                [(key, value, last + index) for index, (key, value) in enumerate(self._pending.items(), start=1)],
            )
            database.execute("DELETE FROM results WHERE number <= ?", (last + len(self._pending) - _KEEP,))
            database.execute("COMMIT")
        except sqlite3.Error:
            database.rollback()
            raise

    def _give_up(self, error: Exception) -> None:
        self.trouble = f"results are not cached: {error}"
        self._close()

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database = None
