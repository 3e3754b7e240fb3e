"""``python -m models``: the same commands as ``sunshine model``, for the training environment."""

from models.cli import app

app(prog_name="sunshine model")
