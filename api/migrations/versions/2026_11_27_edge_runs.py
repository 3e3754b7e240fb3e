"""Which starts an edge told of: two boxes with one identity take turns"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_27_edge_runs'
down_revision = '2026_11_27_wanted_from'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('edges', schema=None) as batch_op:
        batch_op.add_column(sa.Column('runs', sa.JSON(), server_default='[]', nullable=False))
        batch_op.add_column(sa.Column('runs_back', sa.Integer(), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('doubled_at', UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('edges', schema=None) as batch_op:
        batch_op.drop_column('doubled_at')
        batch_op.drop_column('runs_back')
        batch_op.drop_column('runs')
