"""The queue of jobs: a DBOS system database, in SQLite beside the other stores or in PostgreSQL.

Everything here goes through the client of DBOS, which runs nothing itself: any process may submit,
look and cancel, whichever process runs the jobs. What the store cannot do raises `SetupError` (503)
and changes nothing. All methods block; call them in a thread.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cspon.errors import SetupError, missing_extra
from serving.jobs.schema import KEEP_S, Kept, Progress

if TYPE_CHECKING:
    from dbos import DBOSClient, WorkflowStatus

QUEUE = "cspon-jobs"
WORKFLOW = "cspon-job"
VERSION = "1"
"""Of the steps of `WORKFLOW`; raised when a job that is under way could not go on with new code."""
PROGRESS = "progress"
ACTIVE = ("ENQUEUED", "DELAYED", "PENDING")
WAITING = ("ENQUEUED", "DELAYED")
LARGEST_PRIORITY = 2_147_483_647


class Store:
    """The queue.

    Args:
        file: The SQLite file; made at the first submission.
        service: A libpq service, whose PostgreSQL database is used instead of the file.
    """

    def __init__(self, file: Path, service: str | None = None) -> None:
        self._file, self._service = file, service
        self.url = f"sqlite:///{file}"
        """Address of the database, as SQLAlchemy writes it; of a service, once it is open."""
        self._client: DBOSClient | None = None
        self._inode = 0
        self._lock = threading.Lock()

    def exists(self) -> bool:
        """Whether a job was ever submitted here (for PostgreSQL: may have been)."""
        return self._service is not None or self._file.exists()

    def submit(self, number: str, owner: str, job: Kept, *, most: int) -> "WorkflowStatus":
        """Put a job in the line; a number that is taken already changes nothing.

        A caller's jobs come one after the other, those of several callers in turn: each gets a tag
        one above the caller's last and not below that of the jobs that run now (start-time fair
        queueing: Goyal, Vin, Cheng 1997), and the lowest tag runs next.

        Args:
            number: Id of the job.
            owner: Whose it is.
            job: The job.
            most: Jobs of one owner that may be under way.

        Returns:
            The job as it stands.

        Raises:
            TooMany: the owner has so many under way.
            SetupError: the store is away or full.
        """
        with self._told() as client:
            active = client.list_workflows(
                status=list(ACTIVE), name=WORKFLOW, load_input=False, load_output=False
            )
            own = [w for w in active if w.authenticated_user == owner]
            if len(own) >= most and not client.list_workflows(workflow_ids=[number]):
                raise TooMany(len(own))
            begun = max((w.priority or 0 for w in active if w.status == "PENDING"), default=0)
            tag = max([begun, *((w.priority or 0) for w in own)]) + 1
            handle: Any = client.enqueue(
                {
                    "workflow_name": WORKFLOW,
                    "queue_name": QUEUE,
                    "workflow_id": number,
                    "app_version": VERSION,
                    "authenticated_user": owner,
                    "priority": min(tag, LARGEST_PRIORITY),
                },
                job.model_dump(mode="json"),
            )
            status: WorkflowStatus = handle.get_status()
            return status

    def find(self, number: str) -> "WorkflowStatus | None":
        """Return a job, or None.

        Raises:
            SetupError: the store is away.
        """
        if not self.exists():
            return None
        with self._told() as client:
            found = client.list_workflows(workflow_ids=[number], name=WORKFLOW)
        return found[0] if found else None

    def of_owner(self, owner: str, limit: int) -> "list[WorkflowStatus]":
        """Return an owner's jobs, the newest first.

        Raises:
            SetupError: the store is away.
        """
        if not self.exists():
            return []
        with self._told() as client:
            return client.list_workflows(user=owner, name=WORKFLOW, sort_desc=True, limit=limit)

    def waiting(self) -> "list[WorkflowStatus]":
        """Return the jobs that wait, in the order in which they will run.

        Raises:
            SetupError: the store is away.
        """
        with self._told() as client:
            found = client.list_workflows(
                status=list(WAITING), name=WORKFLOW, load_input=False, load_output=False
            )
        return sorted(found, key=lambda w: (w.priority or 0, w.created_at or 0))

    def active(self, *, orders: bool = False) -> "list[WorkflowStatus]":
        """Return the jobs that wait or run.

        Args:
            orders: With what was asked for.

        Raises:
            SetupError: the store is away.
        """
        if not self.exists():
            return []
        with self._told() as client:
            return client.list_workflows(
                status=list(ACTIVE), name=WORKFLOW, load_input=orders, load_output=False
            )

    def progress(self, number: str, offset: int = 0) -> list[Progress]:
        """Return the events of a job from one on.

        Raises:
            SetupError: the store is away.
        """
        from dbos import error

        found: list[Progress] = []
        with self._told() as client:
            try:
                for value in client.read_stream(number, PROGRESS, offset=offset, timeout_seconds=0):
                    found.append(Progress.model_validate(value))
            except error.DBOSStreamTimeoutError:
                pass
        return found

    def cancel(self, number: str) -> None:
        """Take a job out of the line, or stop it; one that has ended stays as it is.

        Raises:
            SetupError: the store is away.
        """
        with self._told() as client:
            client.cancel_workflow(number)

    def put_back(self, number: str) -> None:
        """Put a job that nobody runs any more back in the line.

        Raises:
            SetupError: the store is away.
        """
        with self._told() as client:
            client.resume_workflow(number, queue_name=QUEUE)

    def remove_expired(self) -> list[str]:
        """Remove the jobs that ended longer than `KEEP_S` ago; returns their numbers.

        Raises:
            SetupError: the store is away.
        """
        before = datetime.now(UTC) - timedelta(seconds=KEEP_S)
        with self._told() as client:
            old = client.list_workflows(
                completed_before=before.isoformat(), name=WORKFLOW,
                load_input=False, load_output=False,
            )  # fmt: skip
            numbers = [w.workflow_id for w in old]
            if numbers:
                client.delete_workflows(numbers)
        return numbers

    def open(self) -> None:
        """Make or open the queue.

        Raises:
            SetupError: it cannot be.
        """
        with self._told():
            pass

    def close(self) -> None:
        """Release the connections."""
        with self._lock:
            if self._client is not None:
                self._client.destroy()
                self._client = None

    @contextmanager
    def _told(self) -> "Iterator[DBOSClient]":
        """Give the client; what the database cannot do becomes a `SetupError`."""
        try:
            from dbos import error as refused
            from sqlalchemy.exc import SQLAlchemyError
        except ImportError:
            raise missing_extra("dbos", "serve") from None
        try:
            yield self._opened()
        except (SQLAlchemyError, refused.DBOSException, sqlite3.Error, OSError) as error:
            raise SetupError(
                "任务库读写失败，请求未受理", mend="检查数据目录的磁盘空间与写权限，或数据库服务"
            ) from error

    def _opened(self) -> "DBOSClient":
        with self._lock:
            if self._client is None:
                self._client = self._open()
            elif self._service is None and self._file.stat().st_ino != self._inode:
                raise OSError("the file of the queue was replaced")
            return self._client

    def _open(self) -> "DBOSClient":
        from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer

        if self._service is None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._file, timeout=30)) as db:
                db.execute("pragma journal_mode = wal")
            self._file.chmod(0o600)
        else:
            self.url = url_of(self._service)
        DBOS.migrate(self.url)
        if self._service is None:
            self._inode = self._file.stat().st_ino
        return DBOSClient(
            system_database_url=self.url,
            serializer=DBOSPortableJSONSerializer(),
            retry_connection_errors=False,
        )


def url_of(service: str) -> str:
    """Return the address of a libpq service, with the name of its database as DBOS wants it.

    Raises:
        OSError: it does not answer.
    """
    import psycopg

    try:
        with psycopg.connect(f"service={service}", connect_timeout=10) as connection:
            return f"postgresql:///{quote(connection.info.dbname)}?service={quote(service)}"
    except psycopg.Error as error:
        raise OSError(f"service {service} does not answer") from error


class TooMany(Exception):
    """The owner has as many jobs under way as are allowed.

    Args:
        held: How many.
    """

    def __init__(self, held: int) -> None:
        super().__init__(held)
        self.held = held
