"""Clips of violations"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_26_clips'
down_revision = '2026_11_26_repeats'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('clips',
    sa.Column('violation_id', sa.String(length=36), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('camera_id', sa.String(length=20), nullable=False),
    sa.Column('edge_id', sa.String(length=20), nullable=False),
    sa.Column('manifest', sa.Text(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('signature', sa.String(length=100), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('previous', sa.String(length=64), nullable=False),
    sa.Column('chain', sa.Enum('whole', 'gap', 'broken', name='chain', native_enum=False, length=40), nullable=False),
    sa.Column('received_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['camera_id'], ['cameras.id'], name=op.f('fk_clips_camera_id_cameras')),
    sa.ForeignKeyConstraint(['case_id'], ['cases.id'], name=op.f('fk_clips_case_id_cases')),
    sa.ForeignKeyConstraint(['edge_id'], ['edges.id'], name=op.f('fk_clips_edge_id_edges')),
    sa.ForeignKeyConstraint(['violation_id'], ['evidence.violation_id'], name=op.f('fk_clips_violation_id_evidence')),
    sa.PrimaryKeyConstraint('violation_id', name=op.f('pk_clips'))
    )
    with op.batch_alter_table('clips', schema=None) as batch_op:
        batch_op.create_index('ix_clips_camera_id_edge_id_sequence', ['camera_id', 'edge_id', 'sequence'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('clips', schema=None) as batch_op:
        batch_op.drop_index('ix_clips_camera_id_edge_id_sequence')

    op.drop_table('clips')
