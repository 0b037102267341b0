"""What a study and its data advise: which families of remedies suit, what to try next, what to collect."""

from evenshelf.study.advising.advice import Advice, Counsel, advise, save_advice

__all__ = ["Advice", "Counsel", "advise", "save_advice"]
