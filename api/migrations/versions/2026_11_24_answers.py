"""What shops answer to notices, with photographs"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_24_answers'
down_revision = '2026_11_24_notices'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('case_answers',
    sa.Column('id', sa.String(length=20), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('act', sa.Enum('report', 'queue', 'mute', 'confirm', 'dismiss', 'merge', 'undo', 'reopen', 'record', 'issue', 'acknowledge', 'submit', 'appeal', 'refuse', 'uphold', 'reject', 'return', 'go_on_site', 'close', 'withdraw', 'transfer', 'extend', name='act', native_enum=False, length=40), nullable=False),
    sa.Column('at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('person', sa.String(length=100), nullable=True),
    sa.Column('training', sa.Text(), nullable=True),
    sa.Column('actor_id', sa.String(length=64), nullable=False),
    sa.Column('actor_name', sa.String(length=100), nullable=False),
    sa.Column('is_for_shop', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['cases.id'], name=op.f('fk_case_answers_case_id_cases')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_answers'))
    )
    with op.batch_alter_table('case_answers', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_case_answers_case_id'), ['case_id'], unique=False)

    op.create_table('answer_photographs',
    sa.Column('id', sa.String(length=20), nullable=False),
    sa.Column('answer_id', sa.String(length=20), nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('sent_sha256', sa.String(length=64), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('width', sa.Integer(), nullable=False),
    sa.Column('height', sa.Integer(), nullable=False),
    sa.Column('taken_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('received_at', UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['answer_id'], ['case_answers.id'], name=op.f('fk_answer_photographs_answer_id_case_answers')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_answer_photographs'))
    )
    with op.batch_alter_table('answer_photographs', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_answer_photographs_answer_id'), ['answer_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('answer_photographs', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_answer_photographs_answer_id'))

    op.drop_table('answer_photographs')
    with op.batch_alter_table('case_answers', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_case_answers_case_id'))

    op.drop_table('case_answers')
