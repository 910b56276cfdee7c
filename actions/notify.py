"""`notify` by channels other than the log, which the engine itself writes (requirements.md S52)."""

from actions.results import ActionRequest, Failed, Succeeded

CHANNELS = ("log",)


class NotifyAction:
    """Refuses what is not built yet; the definition loader does so earlier."""

    idempotent = True

    async def perform(self, request: ActionRequest) -> Succeeded | Failed:
        """Fail for good, naming the channels that there are."""
        asked = request.params.get("channel")
        problem = f"channel {asked} is not available in this version; use: {', '.join(CHANNELS)}"
        return Failed("channel_not_available", problem, False)
