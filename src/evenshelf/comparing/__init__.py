"""Compare remedies on texts or vectors that are in memory, without a shop: ``evenshelf.compare(texts, labels)``.

(The package is not called ``compare``, so that the name always means the function.)
"""

from evenshelf.comparing.compare import compare
from evenshelf.comparing.result import Findings

__all__ = ["Findings", "compare"]
