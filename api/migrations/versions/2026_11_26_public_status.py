"""The public status of a shop"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_26_public_status'
down_revision = '2026_11_26_alarms'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('shop_statuses',
    sa.Column('shop_id', sa.String(length=20), nullable=False),
    sa.Column('accepted_at', UtcDateTime(), nullable=False),
    sa.Column('accepted_by', sa.String(length=100), nullable=False),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('since', UtcDateTime(), nullable=False),
    sa.Column('required_minutes', sa.Integer(), nullable=False),
    sa.Column('observed_minutes', sa.Integer(), nullable=False),
    sa.Column('measured_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_shop_statuses_shop_id_shops')),
    sa.PrimaryKeyConstraint('shop_id', name=op.f('pk_shop_statuses'))
    )
    with op.batch_alter_table('shops', schema=None) as batch_op:
        batch_op.add_column(sa.Column('grade', sa.String(length=40), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('shops', schema=None) as batch_op:
        batch_op.drop_column('grade')
    op.drop_table('shop_statuses')
