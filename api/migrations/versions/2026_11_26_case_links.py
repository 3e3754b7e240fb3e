"""Links with which a shop's people open a case from a message"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_26_case_links'
down_revision = '2026_11_26_clips'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('case_links',
    sa.Column('id', sa.String(length=20), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('target_id', sa.String(length=20), nullable=False),
    sa.Column('person', sa.String(length=100), nullable=False),
    sa.Column('recipient', sa.String(length=254), nullable=True),
    sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('device_hash', sa.String(length=64), nullable=True),
    sa.Column('opened_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('opened_from', sa.String(length=64), nullable=True),
    sa.Column('opened_with', sa.String(length=200), nullable=True),
    sa.Column('revoked_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('revoked_by', sa.String(length=100), nullable=True),
    sa.ForeignKeyConstraint(['case_id'], ['cases.id'], name=op.f('fk_case_links_case_id_cases')),
    sa.ForeignKeyConstraint(['target_id'], ['delivery_targets.id'], name=op.f('fk_case_links_target_id_delivery_targets')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_links')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_case_links_token_hash'))
    )
    with op.batch_alter_table('case_links', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_case_links_case_id'), ['case_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_case_links_target_id'), ['target_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('case_links', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_case_links_target_id'))
        batch_op.drop_index(batch_op.f('ix_case_links_case_id'))

    op.drop_table('case_links')
