"""The feed of events"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_24_feed'
down_revision = '2026_11_24_answers'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('feed_events',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('position', sa.BigInteger(), nullable=True),
    sa.Column('ready_at', UtcDateTime(), nullable=False),
    sa.Column('key', sa.String(length=100), nullable=False),
    sa.Column('type', sa.String(length=60), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('shop_id', sa.String(length=20), nullable=False),
    sa.Column('outside', sa.Boolean(), nullable=False),
    sa.Column('payload', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['cases.id'], name=op.f('fk_feed_events_case_id_cases')),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_feed_events_shop_id_shops')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_feed_events')),
    sa.UniqueConstraint('position', name=op.f('uq_feed_events_position')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('feed_events', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_feed_events_case_id'), ['case_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_feed_events_key'), ['key'], unique=False)
        batch_op.create_index('ix_feed_events_position_ready_at', ['position', 'ready_at'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('feed_events', schema=None) as batch_op:
        batch_op.drop_index('ix_feed_events_position_ready_at')
        batch_op.drop_index(batch_op.f('ix_feed_events_key'))
        batch_op.drop_index(batch_op.f('ix_feed_events_case_id'))

    op.drop_table('feed_events')
