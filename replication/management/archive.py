"""A backup: one compressed and sealed file of JSON lines, the same for every database.

The first line says what it is, then each table begins with its name and columns and goes on with one row a line; the
last line counts them, so that a file that was cut off is known. The change log is left out: after a restore every
older revision counts as compacted. Sessions are left out, too. Secrets are ciphertexts, as in the database: the first
line has fingerprints of the keys, never the keys. The seal (`management.seal`) is checked before anything of the file
is believed, and again while it is restored.
"""

from __future__ import annotations

import base64
import datetime
import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from django.apps import apps
from django.conf import settings
from django.core.management.color import no_style
from django.db import connection, models
from django.db.migrations.recorder import MigrationRecorder
from django.utils.dateparse import parse_datetime

from replication import marks
from replication.management import seal
from workspaces.store import encryption, locks, revisions, sealed
from workspaces.store.snapshot import ALIAS, snapshot

FORMAT = "kcpcache-backup/2"
UNSEALED_FORMAT = "kcpcache-backup/1"  # of earlier releases
_LEFT_OUT = {"workspaces.Attempts", "workspaces.Change", "sessions.Session"}
# Who may do what, and what else names users by number: left as it is here, where accounts are not wanted. The types
# of content are the same in every installation of a release, but not their numbers, which permissions refer to.
_ACCOUNT_APPS = {"auth", "admin", "contenttypes"}
_ACCOUNTS = {"workspaces.Token"}
_CHUNK = 1000  # rows

Progress = Callable[[str, int], None]  # a table's name, and how many of its rows are done


class Unusable(Exception):
    """A file that cannot be restored here; its text is a sentence."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What was saved or restored; `revision` is the store's then."""

    revision: int
    created: str
    shard: str
    rows: dict[str, int]


def save(path: Path, progress: Progress, *, with_accounts: bool = True) -> Summary:
    """Write everything as of one moment to a new file with mode 0600; OSError when that is not possible.

    Without accounts it has no users, groups and tokens.
    """
    path.touch(mode=0o600, exist_ok=False)
    try:
        with path.open("wb") as raw, snapshot() as now:
            header = _header(now.value, with_accounts)
            sealing = seal.Writer(raw, settings.KCPCACHE_ENCRYPTION_KEYS[0])
            with gzip.GzipFile(fileobj=sealing, mode="wb", compresslevel=3) as file:
                _line(file, header)
                counts = {
                    model._meta.label: _save_table(file, model, progress)
                    for model in _models()
                    if with_accounts or not _is_account(model)
                }
                _line(file, {"end": sum(counts.values())})
            sealing.seal()
    except BaseException:
        path.unlink()
        raise
    return Summary(now.value, header["created"], header["shard"], counts)


def _header(revision: int, with_accounts: bool) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "shard": settings.KCPCACHE_SHARD,
        "revision": revision,
        "database": connection.vendor,
        "encryption_keys": fingerprints(),
        "migrations": _migrations(),
        "accounts": with_accounts,
    }


def fingerprints() -> list[str]:
    """What names each encryption key without telling it."""
    return [seal.fingerprint(key) for key in settings.KCPCACHE_ENCRYPTION_KEYS]


def _migrations() -> list[str]:
    """What tells the tables of one release from those of another."""
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied)


def _models() -> list[type[models.Model]]:
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model._meta.label not in _LEFT_OUT
    ]


def _is_account(model: type[models.Model]) -> bool:
    return model._meta.app_label in _ACCOUNT_APPS or model._meta.label in _ACCOUNTS


def _line(file: gzip.GzipFile, content: Any) -> None:
    file.write(orjson.dumps(content) + b"\n")


def _save_table(file: gzip.GzipFile, model: type[models.Model], progress: Progress) -> int:
    fields = model._meta.concrete_fields
    _line(file, {"table": model._meta.label, "columns": [field.attname for field in fields]})
    rows = model._base_manager.using(ALIAS).order_by("pk").values_list(*(field.attname for field in fields))
    count = 0
    for row in rows.iterator(chunk_size=_CHUNK):
        _line(file, [_saved(value) for value in row])
        count += 1
        if not count % _CHUNK:
            progress(model._meta.label, count)
    progress(model._meta.label, count)
    return count


def _saved(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes | memoryview) else value


@contextmanager
def _opened(path: Path) -> Iterator[gzip.GzipFile]:
    """The lines of a backup; seal.Broken at the end of the block if it was sealed, and is not what was written."""
    if not seal.is_sealed(path):
        with gzip.open(path, "rb") as file:
            yield file
        return
    with path.open("rb") as raw:
        sealed_content = seal.reader(
            raw, dict(zip(fingerprints(), settings.KCPCACHE_ENCRYPTION_KEYS, strict=True))
        )
        with gzip.GzipFile(fileobj=sealed_content, mode="rb") as file:
            yield file
        sealed_content.check()


def _check_seal(path: Path, is_unsealed_wanted: bool) -> None:
    """Unusable unless the file is as it was written, or is of an earlier release and wanted all the same."""
    try:
        if seal.is_sealed(path) or not is_unsealed_wanted:
            with path.open("rb") as raw:
                keys = dict(zip(fingerprints(), settings.KCPCACHE_ENCRYPTION_KEYS, strict=True))
                seal.reader(raw, keys).check()
    except seal.Broken as reason:
        hint = "" if seal.is_sealed(path) else "; a backup by an earlier release needs --unauthenticated"
        raise Unusable(f"{path} {reason}{hint}.") from None
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}.") from None


def examine(path: Path, *, unauthenticated: bool = False) -> dict[str, Any]:
    """The first line of a backup that is whole, by this installation, and fits this release and these keys; Unusable.

    `unauthenticated` takes one without a seal, as earlier releases wrote them.
    """
    _check_seal(path, unauthenticated)
    expected = FORMAT if seal.is_sealed(path) else UNSEALED_FORMAT
    try:
        with _opened(path) as file:
            header = orjson.loads(file.readline())
            last, rows, secrets = b"", 0, _Secrets()
            for line in file:
                rows += line.startswith(b"[")
                secrets.look(line)
                last = line
        end = orjson.loads(last or b"null")
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
        raise Unusable(f"{path} is not a backup, or is damaged: {error}.") from None
    if not isinstance(header, dict) or header.get("format") != expected:
        raise Unusable(f"{path} is not a backup of this kind ({expected}).")
    if not isinstance(end, dict) or end.get("end") != rows:
        raise Unusable(f"{path} was cut off: it has {rows} rows and no right end.")
    if header["migrations"] != _migrations():
        raise Unusable("The backup is of another release: restore it with that one, then upgrade.")
    if secrets.unreadable:
        here = fingerprints()
        missing = ", ".join(each for each in header["encryption_keys"] if each not in here) or "unknown"
        raise Unusable(
            f"{secrets.unreadable} of {secrets.count} Secrets in the backup were encrypted with keys that are not here:"
            f" put those into KCPCACHE_ENCRYPTION_KEYS, behind the others (fingerprints {missing};"
            f" here {', '.join(here)})."
        )
    return header


class _Secrets:
    """Tries each Secret of a backup with the keys that are here: an archive may need fewer keys than its header names,
    and during a rotation it needs more than the first."""

    def __init__(self) -> None:
        self.count = self.unreadable = 0
        self._columns: list[str] = []  # while the table of objects is read

    def look(self, line: bytes) -> None:
        """A line of the file; ValueError, KeyError or IndexError where it is damaged."""
        if line.startswith(b"{"):
            table = orjson.loads(line)
            self._columns = table.get("columns", []) if table.get("table") == "workspaces.Object" else []
        elif self._columns and b'"secrets"' in line:
            row = dict(zip(self._columns, orjson.loads(line), strict=True))
            if encryption.is_secret(row["group"], row["resource"]):
                self.count += 1
                self.unreadable += not sealed.can_open(base64.b64decode(row["body"]))


def restore(path: Path, header: dict[str, Any], progress: Progress, *, with_accounts: bool = True) -> Summary:
    """Replace everything in the database by an examined backup, in one transaction, at a revision above all others.

    Without accounts, users, groups and tokens stay as they are here; so they do when the backup has none. Unusable, and
    nothing is changed, when the file was changed since it was examined.
    """
    counts: dict[str, int] = {}
    with_accounts = with_accounts and bool(header.get("accounts", True))
    try:
        with locks.writer():
            former = max(revisions.newest().value, int(header["revision"]))
            with _opened(path) as file:
                file.readline()
                _empty(with_accounts)
                for label, columns, rows in _tables(file):
                    if with_accounts or not _is_account(apps.get_model(label)):
                        counts[label] = counts.get(label, 0) + _restore_rows(label, columns, rows)
                        progress(label, counts[label])
            _reset_sequences()
            revision = marks.after_restore(former)
    except seal.Broken as reason:
        raise Unusable(f"{path} {reason}.") from None
    return Summary(revision, str(header["created"]), str(header["shard"]), counts)


def _empty(with_accounts: bool) -> None:
    """Constraints between tables are deferred to the end of the transaction, so the order does not matter."""
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            is_kept = _is_account(model) and not with_accounts
            if model._meta.managed and not model._meta.proxy and not is_kept:
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608


def _tables(file: gzip.GzipFile) -> Iterator[tuple[str, list[str], list[list[Any]]]]:
    """The rows of each table, some at a time."""
    label, columns, rows = "", [""], []
    for line in file:
        content = orjson.loads(line)
        if isinstance(content, list):
            rows.append(content)
        if rows and (len(rows) == _CHUNK or isinstance(content, dict)):
            yield label, columns, rows
            rows = []
        if isinstance(content, dict) and "table" in content:
            label, columns = content["table"], content["columns"]


def _restore_rows(label: str, columns: list[str], rows: list[list[Any]]) -> int:
    model = apps.get_model(label)
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    fields = [by_name[column] for column in columns]
    names = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    marks_ = ", ".join(["%s"] * len(fields))
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table} ({names}) VALUES ({marks_})",  # noqa: S608 - names of our own tables
            [[_restored(field, value) for field, value in zip(fields, row, strict=True)] for row in rows],
        )
    return len(rows)


def _restored(field: Any, value: Any) -> Any:
    if value is not None and isinstance(field, models.BinaryField):
        value = base64.b64decode(value)
    elif value is not None and isinstance(field, models.DateTimeField):
        value = parse_datetime(value)
    return field.get_db_prep_save(value, connection)


def _reset_sequences() -> None:
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), _models()):
            cursor.execute(statement)
