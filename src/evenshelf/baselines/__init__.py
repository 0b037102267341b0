"""Baselines: what a remedy on frozen vectors has to beat, fitted in the same study and never recommended."""

from __future__ import annotations

from evenshelf.baselines.registry import Baseline, Reads, baseline_kinds, baselines_of, register

__all__ = ["Baseline", "Reads", "baseline_kinds", "baselines_of", "register"]
