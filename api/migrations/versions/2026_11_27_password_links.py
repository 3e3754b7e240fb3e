"""Invitations to a new password of an account that is there already"""

import sqlalchemy as sa
from alembic import op

revision = '2026_11_27_password_links'
down_revision = '2026_11_27_programs_webhooks'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('invitations', schema=None) as batch_op:
        batch_op.add_column(sa.Column('user_id', sa.String(length=20), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_invitations_user_id_users'), 'users', ['user_id'], ['id'])
        batch_op.create_index(batch_op.f('ix_invitations_user_id'), ['user_id'], unique=False)


def downgrade() -> None:
    # Without the column they would make new accounts.
    op.execute('DELETE FROM invitations WHERE user_id IS NOT NULL')
    with op.batch_alter_table('invitations', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_invitations_user_id'))
        batch_op.drop_constraint(batch_op.f('fk_invitations_user_id_users'), type_='foreignkey')
        batch_op.drop_column('user_id')
