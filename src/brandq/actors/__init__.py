"""The pipeline: fetch → analyze → report → notify, and the upkeep that moves on whatever was lost.

Importing this opens nothing. ``bind(broker, desk, ACTORS)`` lets a worker on that broker call them.
"""

from brandq.actors.analyze import analyze
from brandq.actors.fetch import fetch
from brandq.actors.notify import notify
from brandq.actors.report import report
from brandq.actors.upkeep import tick

ACTORS = (fetch, analyze, report, notify, tick)

__all__ = ["ACTORS", "analyze", "fetch", "notify", "report", "tick"]
