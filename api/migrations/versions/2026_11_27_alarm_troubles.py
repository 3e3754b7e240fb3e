"""When an alarm was not taken was kept for nobody"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_27_alarm_troubles'
down_revision = '2026_11_27_password_links'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('alarm_boxes', schema=None) as batch_op:
        batch_op.drop_column('trouble_at')


def downgrade() -> None:
    with op.batch_alter_table('alarm_boxes', schema=None) as batch_op:
        batch_op.add_column(sa.Column('trouble_at', UtcDateTime(timezone=True), nullable=True))
