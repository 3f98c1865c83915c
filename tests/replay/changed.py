"""A workflow as a careless change would leave it: it has one more command, and no ``workflow.patched``."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import JourneyInput, JourneyResult

from workflows.journey import JourneyWorkflow


@workflow.defn(name="Journey")
class CarelessWorkflow(JourneyWorkflow):
    """Announces itself before it plays the plan."""

    @workflow.init
    def __init__(self, start: JourneyInput) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: JourneyInput) -> JourneyResult:
        await workflow.execute_activity("announce", start_to_close_timeout=timedelta(seconds=1))
        return await super().run(start)
