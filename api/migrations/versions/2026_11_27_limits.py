"""Cases in states that had no limit so far get one, from when the centre next looks at its clock"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_27_limits'
down_revision = '2026_11_27_time_doubts'
branch_labels = None
depends_on = None

_CASES = sa.table(
    'cases', sa.column('state', sa.String), sa.column('stage', sa.String),
    *(sa.column(name, UtcDateTime) for name in ('opened_at', 'stage_from', 'due_at', 'next_check_at', 'overdue_at', 'escalated_at')),
    sa.column('escalation', sa.String),
)


def upgrade() -> None:
    waiting = _CASES.c.state.in_(('confirmed', 'appealed', 'refused', 'on_site')) & _CASES.c.stage.is_(None)
    op.execute(_CASES.update().where(waiting).values(next_check_at=_CASES.c.opened_at))


def downgrade() -> None:
    cleared = ('stage', 'stage_from', 'due_at', 'next_check_at', 'overdue_at', 'escalation', 'escalated_at')
    timed = _CASES.c.stage.in_(('notice', 'decide', 'visit'))
    op.execute(_CASES.update().where(timed).values(dict.fromkeys(cleared)))
