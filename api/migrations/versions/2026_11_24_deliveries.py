"""Targets, what is told to them, and what came of it"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_24_deliveries'
down_revision = '2026_11_22_first_tables'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('delivery_targets',
    sa.Column('id', sa.String(length=20), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('channel', sa.String(length=40), nullable=False),
    sa.Column('audience', sa.String(length=40), nullable=False),
    sa.Column('district_id', sa.String(length=20), nullable=True),
    sa.Column('shop_id', sa.String(length=20), nullable=True),
    sa.Column('url', sa.String(length=2000), nullable=True),
    sa.Column('recipient', sa.String(length=254), nullable=True),
    sa.Column('secrets_encrypted', sa.Text(), nullable=False),
    sa.Column('events', sa.JSON(), nullable=False),
    sa.Column('language', sa.String(length=10), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('next_id', sa.String(length=20), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('not_before', UtcDateTime(), nullable=True),
    sa.Column('budget_full_at', UtcDateTime(), nullable=True),
    sa.Column('dead_at', UtcDateTime(), nullable=True),
    sa.Column('dead_reason', sa.String(length=40), nullable=True),
    sa.Column('last_delivered_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_delivery_targets_district_id_districts')),
    sa.ForeignKeyConstraint(['next_id'], ['delivery_targets.id'], name=op.f('fk_delivery_targets_next_id_delivery_targets')),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_delivery_targets_shop_id_shops')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery_targets'))
    )
    with op.batch_alter_table('delivery_targets', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_delivery_targets_district_id'), ['district_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_delivery_targets_shop_id'), ['shop_id'], unique=False)

    op.create_table('deliveries',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('message_id', sa.String(length=40), nullable=False),
    sa.Column('target_id', sa.String(length=20), nullable=False),
    sa.Column('key', sa.String(length=100), nullable=False),
    sa.Column('event', sa.String(length=60), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=True),
    sa.Column('severity', sa.Integer(), nullable=True),
    sa.Column('payload', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('unclear', sa.Integer(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('next_at', UtcDateTime(), nullable=False),
    sa.Column('claim', sa.String(length=20), nullable=True),
    sa.Column('awaited', sa.Boolean(), nullable=False),
    sa.Column('escalated_at', UtcDateTime(), nullable=True),
    sa.Column('delivered_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['case_id'], ['cases.id'], name=op.f('fk_deliveries_case_id_cases')),
    sa.ForeignKeyConstraint(['target_id'], ['delivery_targets.id'], name=op.f('fk_deliveries_target_id_delivery_targets')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deliveries')),
    sa.UniqueConstraint('message_id', name=op.f('uq_deliveries_message_id')),
    sa.UniqueConstraint('target_id', 'key', name=op.f('uq_deliveries_target_id_key')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.create_index('ix_deliveries_awaited_created_at', ['awaited', 'created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_deliveries_case_id'), ['case_id'], unique=False)
        batch_op.create_index('ix_deliveries_state_next_at', ['state', 'next_at'], unique=False)
        batch_op.create_index('ix_deliveries_target_id_state_next_at', ['target_id', 'state', 'next_at'], unique=False)

    op.create_table('delivery_attempts',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('delivery_id', sa.Integer(), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('duration_ms', sa.Integer(), nullable=False),
    sa.Column('request', sa.Text(), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('fault', sa.String(length=40), nullable=True),
    sa.ForeignKeyConstraint(['delivery_id'], ['deliveries.id'], name=op.f('fk_delivery_attempts_delivery_id_deliveries')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery_attempts'))
    )
    with op.batch_alter_table('delivery_attempts', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_delivery_attempts_delivery_id'), ['delivery_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('delivery_attempts', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_delivery_attempts_delivery_id'))

    op.drop_table('delivery_attempts')
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.drop_index('ix_deliveries_target_id_state_next_at')
        batch_op.drop_index('ix_deliveries_state_next_at')
        batch_op.drop_index(batch_op.f('ix_deliveries_case_id'))
        batch_op.drop_index('ix_deliveries_awaited_created_at')

    op.drop_table('deliveries')
    with op.batch_alter_table('delivery_targets', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_delivery_targets_shop_id'))
        batch_op.drop_index(batch_op.f('ix_delivery_targets_district_id'))

    op.drop_table('delivery_targets')
