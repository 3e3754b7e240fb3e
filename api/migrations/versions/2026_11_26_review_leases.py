"""Who looks at a case just now"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_26_review_leases'
down_revision = '2026_11_26_clients'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('review_leases',
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('actor_id', sa.String(length=64), nullable=False),
    sa.Column('actor_name', sa.String(length=100), nullable=False),
    sa.Column('until', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['cases.id'], name=op.f('fk_review_leases_case_id_cases')),
    sa.PrimaryKeyConstraint('case_id', name=op.f('pk_review_leases'))
    )
    with op.batch_alter_table('review_leases', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_review_leases_until'), ['until'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('review_leases', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_review_leases_until'))

    op.drop_table('review_leases')
