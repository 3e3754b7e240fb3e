"""Districts, shops and areas have a version, so that nobody's change is overwritten unseen"""

import sqlalchemy as sa
from alembic import op

revision = '2026_11_27_versions'
down_revision = '2026_11_27_merges'
branch_labels = None
depends_on = None

_TABLES = ('districts', 'shops', 'areas')


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column('version', sa.Integer(), server_default='1', nullable=False))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, 'version')
