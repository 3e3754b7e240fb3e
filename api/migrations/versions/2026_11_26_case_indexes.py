"""Lists of cases that stay as fast when there are more"""

import sqlalchemy as sa
from alembic import op

revision = '2026_11_26_case_indexes'
down_revision = '2026_11_26_photographs_end'
branch_labels = None
depends_on = None
_OPEN = sa.text(
    "state IN ('acknowledged', 'appealed', 'confirmed', 'issued', 'on_site', 'pending_review', 'refused', 'returned', 'submitted')"
)
_OVERDUE = sa.text("overdue_at IS NOT NULL")


def upgrade() -> None:
    op.create_index('ix_cases_shop_id_rule_opened_at', 'cases', ['shop_id', 'rule', 'opened_at'])
    op.create_index('ix_cases_camera_id_id', 'cases', ['camera_id', 'id'])
    op.create_index('ix_cases_rule_id', 'cases', ['rule', 'id'])
    op.create_index('ix_cases_open', 'cases', ['shop_id', 'id'], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index('ix_cases_overdue', 'cases', ['id'], sqlite_where=_OVERDUE, postgresql_where=_OVERDUE)
    op.drop_index('ix_cases_camera_id', table_name='cases')


def downgrade() -> None:
    op.create_index('ix_cases_camera_id', 'cases', ['camera_id'])
    for name in ('overdue', 'open', 'rule_id', 'camera_id_id', 'shop_id_rule_opened_at'):
        op.drop_index(f'ix_cases_{name}', table_name='cases')
