"""The state machine as it is drawn in docs/cases.md: `python -m api.cases.diagram` prints it."""

from api.accounts.permissions import PERMISSIONS, Permission
from api.cases.states import STEPS, Step


def drawn() -> str:
    """A Mermaid diagram and the whole table, in Markdown."""
    arrows = [f"    {step.before.value if step.before else '[*]'} --> {step.after.value}: {step.act.value}" for step in STEPS]
    diagram = "\n".join(["```mermaid", "stateDiagram-v2", *arrows, "```"])
    table = "\n".join(["| from | act | to | who | needs |", "|---|---|---|---|---|", *map(_row, STEPS)])
    return f"{diagram}\n\n{table}\n"


def _row(step: Step) -> str:
    after = " → ".join([*([step.via[1].value] if step.via else []), step.after.value])
    needs = [f"reason ({', '.join(step.reasons)})"] if step.reasons else []
    needs += [*sorted(step.given), *(condition.value.replace("_", " ") for condition in step.conditions)]
    return f"| {step.before.value if step.before else ''} | {step.act.value} | {after} | {_who(step)} | {'; '.join(needs)} |"


def _who(step: Step) -> str:
    if not isinstance(step.who, Permission):
        return step.who.value
    return ", ".join(role.value for role, permissions in PERMISSIONS.items() if step.who in permissions)


if __name__ == "__main__":
    print(drawn(), end="")
