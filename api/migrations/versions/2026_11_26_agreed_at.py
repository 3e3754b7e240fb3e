"""When a person let a program in, carried from token to token"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_26_agreed_at'
down_revision = '2026_11_26_extensions'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('api_tokens', schema=None) as batch_op:
        batch_op.add_column(sa.Column('agreed_at', UtcDateTime(timezone=True), nullable=True))
    # Tokens that were used up are kept until they expire, so the oldest of a family tells when it began, for 30 days back.
    op.execute(
        "UPDATE api_tokens SET agreed_at = (SELECT min(of_family.created_at) FROM api_tokens AS of_family"
        " WHERE of_family.family = api_tokens.family) WHERE user_id IS NOT NULL"
    )


def downgrade() -> None:
    with op.batch_alter_table('api_tokens', schema=None) as batch_op:
        batch_op.drop_column('agreed_at')
