"""Which program a webhook is for, so that it ends with it"""

import sqlalchemy as sa
from alembic import op

revision = '2026_11_27_programs_webhooks'
down_revision = '2026_11_27_secrets'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('delivery_targets', schema=None) as batch_op:
        batch_op.add_column(sa.Column('client_id', sa.String(length=20), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_delivery_targets_client_id_api_clients'), 'api_clients', ['client_id'], ['id'])
        batch_op.create_index(batch_op.f('ix_delivery_targets_client_id'), ['client_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('delivery_targets', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_delivery_targets_client_id'))
        batch_op.drop_constraint(batch_op.f('fk_delivery_targets_client_id_api_clients'), type_='foreignkey')
        batch_op.drop_column('client_id')
