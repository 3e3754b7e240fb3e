"""Boxes that shops already own"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_26_alarms'
down_revision = '2026_11_26_web_push'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Those that there are, are edges of ours.
    with op.batch_alter_table('edges', schema=None) as batch_op:
        batch_op.add_column(sa.Column('kind', sa.String(length=40), nullable=False, server_default='edge'))
    with op.batch_alter_table('edges', schema=None) as batch_op:
        batch_op.alter_column('kind', server_default=None)
    op.create_table('alarm_boxes',
    sa.Column('edge_id', sa.String(length=20), nullable=False),
    sa.Column('format', sa.String(length=40), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('key_encrypted', sa.Text(), nullable=False),
    sa.Column('trouble', sa.String(length=500), nullable=True),
    sa.Column('trouble_code', sa.String(length=60), nullable=True),
    sa.Column('trouble_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['edge_id'], ['edges.id'], name=op.f('fk_alarm_boxes_edge_id_edges')),
    sa.PrimaryKeyConstraint('edge_id', name=op.f('pk_alarm_boxes')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_alarm_boxes_token_hash'))
    )
    op.create_table('alarm_channels',
    sa.Column('edge_id', sa.String(length=20), nullable=False),
    sa.Column('camera_id', sa.String(length=20), nullable=False),
    sa.Column('device_code', sa.String(length=100), nullable=False),
    sa.ForeignKeyConstraint(['camera_id'], ['cameras.id'], name=op.f('fk_alarm_channels_camera_id_cameras')),
    sa.ForeignKeyConstraint(['edge_id'], ['edges.id'], name=op.f('fk_alarm_channels_edge_id_edges')),
    sa.PrimaryKeyConstraint('edge_id', 'camera_id', name=op.f('pk_alarm_channels')),
    sa.UniqueConstraint('edge_id', 'device_code', name=op.f('uq_alarm_channels_edge_id_device_code'))
    )


def downgrade() -> None:
    op.drop_table('alarm_channels')
    op.drop_table('alarm_boxes')
    with op.batch_alter_table('edges', schema=None) as batch_op:
        batch_op.drop_column('kind')
