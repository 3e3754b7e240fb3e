"""When evidence was seen by the centre's clock, and why that may be wrong"""

import json
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_27_time_doubts'
down_revision = '2026_11_27_edge_runs'
branch_labels = None
depends_on = None

_DOUBT = sa.Enum('no_clock', 'uncompared', name='timedoubt', native_enum=False, length=40)
_EARLIEST, _LEEWAY = datetime(2026, 1, 1, tzinfo=UTC), timedelta(minutes=5)


def upgrade() -> None:
    for table in ('cases', 'evidence'):
        op.add_column(table, sa.Column('time_doubt', _DOUBT, nullable=True))
    seen_at: sa.Column[datetime] = sa.Column('seen_at', UtcDateTime(timezone=True), nullable=False, server_default='2026-01-01 00:00:00')
    op.add_column('evidence', seen_at)
    op.execute("UPDATE evidence SET seen_at = (SELECT captured_at FROM cases WHERE cases.id = evidence.case_id)")
    evidence = sa.table(
        'evidence', sa.column('violation_id'), sa.column('case_id'), sa.column('edge_id'), sa.column('manifest'),
        sa.column('received_at', UtcDateTime()), sa.column('seen_at', UtcDateTime()), sa.column('time_doubt', _DOUBT),
    )
    edges = sa.table('edges', sa.column('id'), sa.column('kind'))
    kept = sa.select(evidence, edges.c.kind).join(edges, edges.c.id == evidence.c.edge_id).where(evidence.c.manifest != '')
    its = evidence.update().where(evidence.c.violation_id == sa.bindparam('its_id'))
    its = its.values(seen_at=sa.bindparam('its_time'), time_doubt=sa.bindparam('its_doubt'))
    connection, done = op.get_bind(), ''
    while rows := connection.execute(kept.where(evidence.c.violation_id > done).order_by(evidence.c.violation_id).limit(1000)).all():
        seen = [_seen(json.loads(row.manifest), row.received_at, row.kind) for row in rows]
        connection.execute(its, [
            {'its_id': row.violation_id, 'its_time': at, 'its_doubt': doubt} for row, (at, doubt) in zip(rows, seen, strict=True)
        ])
        done = rows[-1].violation_id
    # A case has the time of its first evidence.
    op.execute(
        "UPDATE cases SET time_doubt = (SELECT time_doubt FROM evidence WHERE evidence.case_id = cases.id"
        " ORDER BY received_at, violation_id LIMIT 1)"
    )


def downgrade() -> None:
    # Not in batches: SQLite would make these tables anew, and does not drop one that others name.
    op.drop_column('evidence', 'seen_at')
    op.drop_column('evidence', 'time_doubt')
    op.drop_column('cases', 'time_doubt')


def _seen(manifest: dict[str, object], received_at: datetime, kind: str) -> tuple[datetime, str | None]:
    """As it was taken then, except that what nobody had compared is doubtful."""
    told = datetime.fromisoformat(str(manifest['captured_at']))
    offset_s = manifest['clock_offset_s']
    corrected = told - timedelta(seconds=float(str(offset_s or 0)))
    is_near = kind == 'alarm_box' and abs(told - received_at) <= _LEEWAY
    if _EARLIEST <= corrected <= received_at + _LEEWAY:
        return corrected, None if offset_s is not None or is_near else 'uncompared'
    if _EARLIEST <= told <= received_at + _LEEWAY:
        return told, 'uncompared'
    return received_at, 'no_clock'
