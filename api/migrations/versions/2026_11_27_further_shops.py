"""Shops that somebody of a shop looks after too, with the same account"""

import sqlalchemy as sa
from alembic import op

revision = '2026_11_27_further_shops'
down_revision = '2026_11_27_alarm_troubles'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'further_shops',
        sa.Column('user_id', sa.String(length=20), nullable=False),
        sa.Column('shop_id', sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_further_shops_shop_id_shops')),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_further_shops_user_id_users')),
        sa.PrimaryKeyConstraint('user_id', 'shop_id', name=op.f('pk_further_shops')),
    )
    op.create_index(op.f('ix_further_shops_shop_id'), 'further_shops', ['shop_id'])


def downgrade() -> None:
    op.drop_index(op.f('ix_further_shops_shop_id'), table_name='further_shops')
    op.drop_table('further_shops')
