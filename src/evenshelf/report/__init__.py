"""Reports: one HTML file a study or profile, without network or script libraries."""

from __future__ import annotations

from evenshelf.report.profile import profile_report, write_profile_report
from evenshelf.report.study import study_report, write_study_report

__all__ = ["profile_report", "study_report", "write_profile_report", "write_study_report"]
