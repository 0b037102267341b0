"""Questions asked of a shop: which examples, which target, which metrics, how to split."""

from __future__ import annotations

from evenshelf.tasks.registry import TaskKind, register, task_kind, task_kinds

__all__ = ["TaskKind", "register", "task_kind", "task_kinds"]
