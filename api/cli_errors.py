"""What a command tells where it fails: one sentence that says what to do, and no traceback."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from sqlalchemy.exc import DBAPIError

from api.alarms.mapping import AlarmFormatsError
from api.cases.deadlines import DeadlinesError
from api.certificate import CertificateUnusable
from api.evidence.retention import RetentionError
from api.kit.lock import DataFolderBusy, DataFolderUnusable
from api.kit.moving import CannotMove
from api.kit.problems import Problem, from_database
from api.kit.secrets import KeyringError
from api.migrations import DatabaseUnusable
from api.server import AddressUnusable
from contract.catalogue import CatalogueError

# Their messages are such sentences.
_SAID = (
    DataFolderBusy, DataFolderUnusable, DatabaseUnusable, CatalogueError, DeadlinesError, RetentionError, AlarmFormatsError,
    CannotMove, AddressUnusable, CertificateUnusable, KeyringError,
)
# What no second attempt will change.
_BROKEN_FILE = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})


@contextmanager
def told_in_words() -> Iterator[None]:
    """What a person can put right is one sentence, without a traceback."""
    try:
        yield
    except _SAID as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except Problem as error:
        typer.echo(error.detail, err=True)
        raise typer.Exit(1) from error
    except UnicodeError as error:
        typer.echo("An argument holds characters that are no text. Type it anew, in UTF-8.", err=True)
        raise typer.Exit(1) from error
    except OSError as error:
        typer.echo(f"The data folder cannot be used ({error}). Make room, or choose another one: --data.", err=True)
        raise typer.Exit(1) from error
    except DBAPIError as error:
        problem = from_database(error)
        kind = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # the low byte
        if kind == sqlite3.SQLITE_READONLY:
            words = "The database in the data folder cannot be written. Its files must belong to the user who runs this: chown."
        elif kind == sqlite3.SQLITE_IOERR:
            words = f"The disk takes nothing from the database ({error.orig}). Make room; with room left, it may be failing."
        elif kind in _BROKEN_FILE:
            words = f"The database in the data folder cannot be used ({error.orig}). Put a copy back, or choose another: --data."
        elif hasattr(error.orig, "sqlstate") and error.statement is None:  # PostgreSQL, which was not even reached
            words = f"The database cannot be used ({_in_one_line(error.orig)}). Is SUNSHINE_DATABASE_URL right, and does it run?"
        elif getattr(error.orig, "sqlstate", None) == "42501":
            words = (
                f"The database refuses its user something ({_in_one_line(error.orig)}). Make that user its owner: "
                "ALTER DATABASE name OWNER TO user"
            )
        elif problem is not None:
            words = problem.detail
        else:
            raise
        typer.echo(words, err=True)
        raise typer.Exit(1) from error


def _in_one_line(error: object) -> str:
    return " ".join(str(error).split())
