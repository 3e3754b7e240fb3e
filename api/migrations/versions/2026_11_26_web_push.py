"""Web Push: keys for services outside, and whose browser a target is"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_26_web_push'
down_revision = '2026_11_26_revoked_citations'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('service_keys',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('secret_encrypted', sa.Text(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_service_keys'))
    )
    with op.batch_alter_table('delivery_targets', schema=None) as batch_op:
        batch_op.add_column(sa.Column('user_id', sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column('subscription_digest', sa.String(length=64), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_delivery_targets_user_id_users'), 'users', ['user_id'], ['id'])
        batch_op.create_index(batch_op.f('ix_delivery_targets_user_id'), ['user_id'], unique=False)
        batch_op.create_unique_constraint(batch_op.f('uq_delivery_targets_subscription_digest'), ['subscription_digest'])


def downgrade() -> None:
    with op.batch_alter_table('delivery_targets', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_delivery_targets_subscription_digest'), type_='unique')
        batch_op.drop_index(batch_op.f('ix_delivery_targets_user_id'))
        batch_op.drop_constraint(batch_op.f('fk_delivery_targets_user_id_users'), type_='foreignkey')
        batch_op.drop_column('subscription_digest')
        batch_op.drop_column('user_id')

    op.drop_table('service_keys')
