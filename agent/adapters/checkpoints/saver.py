"""A checkpoint saver whose latest checkpoint is the one written last, whatever the clock says."""

from typing import TYPE_CHECKING

from langgraph.checkpoint.base import get_checkpoint_id
from langgraph.checkpoint.sqlite import SqliteSaver

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import CheckpointTuple


class LastWrittenSaver(SqliteSaver):
    """Checkpoint ids are UUIDv6, and the library takes the greatest for the latest.

    After the clock went back between two processes, the answers of the second would sort before those of the first,
    and the next resume would not find them. Row ids only grow within a thread, so they tell what came last.
    """

    def get_tuple(self, config: "RunnableConfig") -> "CheckpointTuple | None":
        """Give the checkpoint that the configuration names, else the one written last."""
        if get_checkpoint_id(config):
            return super().get_tuple(config)
        thread = str(config["configurable"]["thread_id"])
        namespace = config["configurable"].get("checkpoint_ns", "")
        with self.cursor(transaction=False) as cursor:
            cursor.execute(
                "SELECT checkpoint_id FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ? "
                "ORDER BY rowid DESC LIMIT 1",
                (thread, namespace),
            )
            row = cursor.fetchone()
        if row is None:
            return None
        named: RunnableConfig = {
            "configurable": {"thread_id": thread, "checkpoint_ns": namespace, "checkpoint_id": row[0]}
        }
        return super().get_tuple(named)
