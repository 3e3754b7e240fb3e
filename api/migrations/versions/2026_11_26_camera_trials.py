"""Cameras are tried before they are added, and keep the password sealed to their edge"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_26_camera_trials'
down_revision = '2026_11_26_accounts'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('cameras', schema=None) as batch_op:
        batch_op.add_column(sa.Column('password_sealed', sa.Text(), nullable=True))

    op.create_table('camera_trials',
    sa.Column('id', sa.String(length=20), nullable=False),
    sa.Column('camera_id', sa.String(length=20), nullable=False),
    sa.Column('shop_id', sa.String(length=20), nullable=False),
    sa.Column('edge_id', sa.String(length=20), nullable=False),
    sa.Column('maker', sa.String(length=40), nullable=False),
    sa.Column('address', sa.String(length=1000), nullable=False),
    sa.Column('channel', sa.Integer(), nullable=False),
    sa.Column('is_sub', sa.Boolean(), nullable=False),
    sa.Column('host', sa.String(length=255), nullable=False),
    sa.Column('port', sa.Integer(), nullable=False),
    sa.Column('urls', sa.JSON(), nullable=False),
    sa.Column('username', sa.String(length=200), nullable=True),
    sa.Column('password_sealed', sa.Text(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('taken_at', UtcDateTime(), nullable=True),
    sa.Column('answered_at', UtcDateTime(), nullable=True),
    sa.Column('answer', sa.Text(), nullable=True),
    sa.Column('picture', sa.LargeBinary(), nullable=True),
    sa.Column('is_failure', sa.Boolean(), nullable=False),
    sa.Column('over_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['edge_id'], ['edges.id'], name=op.f('fk_camera_trials_edge_id_edges')),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_camera_trials_shop_id_shops')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_camera_trials'))
    )
    with op.batch_alter_table('camera_trials', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_camera_trials_created_at'), ['created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_camera_trials_edge_id'), ['edge_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_camera_trials_shop_id'), ['shop_id'], unique=False)


def downgrade() -> None:
    op.drop_table('camera_trials')
    with op.batch_alter_table('cameras', schema=None) as batch_op:
        batch_op.drop_column('password_sealed')
