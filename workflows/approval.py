"""The gate before the switch, for apps whose rainbow.yaml asks for approval (B5).

It is outside of any lock, so that nobody waits behind a release that waits for a person. Whatever is not a yes is a no:
a resume without a choice, a resume of the node alone, and no answer within a week.
"""

from __future__ import annotations

from hera.workflows import DAG, Parameter, Suspend, Task
from hera.workflows.models import SuppliedValueFrom, ValueFrom

from rainbow.adapters.gate import CHOICE, GATE, NO, YES

ASK = "ask"
WEEK = 7 * 24 * 3600
WANTED = "'{{workflow.parameters.approval}}' == 'true'"
NOT_WANTED = "'{{workflow.parameters.approval}}' != 'true'"


def ask_for_approval() -> DAG:
    """The template `ask`, with the answer as its output.

    A node that is resumed by itself has no output at all, and whoever reads it would wait for ever; the output of a
    DAG takes its default then.
    """
    choices = Parameter(name=CHOICE, value=NO, enum=[NO, YES], description="whether the release goes live")
    supplied = Parameter(name=CHOICE, value_from=ValueFrom(supplied=SuppliedValueFrom(), default=NO))
    gate = Suspend(name=GATE, duration=WEEK, inputs=[choices], outputs=[supplied])
    answer = ValueFrom(parameter=f"{{{{tasks.{GATE}.outputs.parameters.{CHOICE}}}}}", default=NO)
    with DAG(name=ASK, outputs=[Parameter(name=CHOICE, value_from=answer)]) as ask:
        Task(name=GATE, template=gate)
    return ask
