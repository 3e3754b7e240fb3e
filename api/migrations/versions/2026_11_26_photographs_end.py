"""Photographs of answers end with the evidence of their case"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_26_photographs_end'
down_revision = '2026_11_26_countersignatures'
branch_labels = None
depends_on = None
_KEPT = sa.text("deleted_at IS NULL")
_FILES_LEFT = sa.text("deleted_at IS NOT NULL AND key <> ''")


def upgrade() -> None:
    op.add_column('answer_photographs', sa.Column('deleted_at', UtcDateTime(timezone=True), nullable=True))
    op.add_column('answer_photographs', sa.Column('deleted_by', sa.String(length=100), nullable=True))
    op.add_column('answer_photographs', sa.Column('deletion_ground', sa.String(length=500), nullable=True))
    op.create_index('ix_answer_photographs_kept', 'answer_photographs', ['received_at'], sqlite_where=_KEPT, postgresql_where=_KEPT)
    op.create_index(
        'ix_answer_photographs_files_to_delete', 'answer_photographs', ['id'], sqlite_where=_FILES_LEFT, postgresql_where=_FILES_LEFT
    )


def downgrade() -> None:
    op.drop_index('ix_answer_photographs_files_to_delete', table_name='answer_photographs')
    op.drop_index('ix_answer_photographs_kept', table_name='answer_photographs')
    for name in ('deletion_ground', 'deleted_by', 'deleted_at'):
        op.drop_column('answer_photographs', name)
