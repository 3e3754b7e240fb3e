"""``sunshine model``: train the weights, measure them. Which file each command stands in."""

import typer

from models import data_cli, eval_cli, train_cli, weights_cli

app = typer.Typer(no_args_is_help=True, help="Train and evaluate the models (development).")
app.command()(train_cli.train)
app.command("eval")(eval_cli.evaluate)
app.command()(train_cli.leave_one_out)
app.command()(weights_cli.quantise)
app.command()(weights_cli.use)
app.command()(weights_cli.cards)
app.command()(data_cli.collect)
app.command()(data_cli.backs)
app.command()(eval_cli.explain)
