"""A recurrent network that reads the texts: embedding, bidirectional LSTM, softmax."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from evenshelf.baselines.fitting import BaselineFit, Ladder
from evenshelf.baselines.registry import Baseline, Reads, register
from evenshelf.encoders.token_ids import OTHER, PAD
from evenshelf.learners import LearnerKind, Predict
from evenshelf.learners.log_scores import spread
from evenshelf.learners.real_rows import held_out
from evenshelf.learners.torch_training import Examples, Loop, scoring, seeded, train
from evenshelf.remedies.losses import CrossEntropy

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class BiLstm(BaselineFit):
    """A BiLSTM over token numbers, trained by Adam until rows held out get no better; the penalty is the dropout.

    Attributes
    ----------
    width, units
        Numbers an embedding, and units a direction.
    rounds, patience, batch, rate, cap
        See :class:`~evenshelf.learners.torch_training.Loop`.
    """

    width: int = 64
    units: int = 128
    rounds: int = 15
    patience: int = 2
    batch: int = 64
    rate: float = 3e-3
    cap: int = 20_000

    library: ClassVar[str] = "torch"
    usual: ClassVar[float] = 0.3

    def fit(
        self,
        vectors: Floats,
        target: Codes,
        groups: int,
        *,
        names: Floats | None,
        seed: int,
        penalty: float,
        group: Codes | None,
    ) -> Predict:
        """See :meth:`BaselineFit.fit`."""
        present, code = np.unique(target, return_inverse=True)
        out = held_out(vectors, target, group, seed)
        # a token that no training row holds has no embedding that means anything
        seen = np.unique(vectors[~out])
        seen = seen[seen > OTHER]

        def numbered(rows: Floats) -> NDArray[np.int64]:
            place = np.searchsorted(seen, rows)
            known = np.append(seen, np.float32(PAD))[place] == rows
            return np.where(rows == PAD, PAD, np.where(known & (rows > OTHER), place + OTHER + 1, OTHER)).astype(
                np.int64
            )

        given = Examples(numbered(vectors[~out]), code[~out])
        stop = Examples(numbered(vectors[out]), code[out]) if out.any() else None
        loop = Loop(self.rounds, self.patience, batch=self.batch, rate=self.rate, cap=self.cap)
        with seeded(seed):
            network = _network(len(seen) + OTHER + 1, self.width, self.units, len(present), penalty)
            train(network, given, stop, losses=(CrossEntropy(),), loop=loop, seed=seed)
        scores = scoring(network, numbered, len(present))
        return lambda new: spread(scores(new), present, groups)


def _network(tokens: int, width: int, units: int, classes: int, dropout: float) -> Any:
    import torch  # noqa: PLC0415 - slow to import, and optional
    from torch import nn  # noqa: PLC0415

    class Network(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(tokens, width, padding_idx=PAD)
            self.dropout = nn.Dropout(dropout)
            self.lstm = nn.LSTM(width, units, batch_first=True, bidirectional=True)
            self.scores = nn.Linear(2 * units, classes)

        def forward(self, rows: Any) -> Any:
            length = (rows != PAD).sum(dim=1).clamp(min=1)
            embedded = self.dropout(self.embedding(rows[:, : int(length.max())]))
            packed = nn.utils.rnn.pack_padded_sequence(embedded, length, batch_first=True, enforce_sorted=False)
            _, (last, _) = self.lstm(packed)
            return self.scores(self.dropout(torch.cat([last[0], last[1]], dim=1)))

    return Network()


BILSTM = register(
    Baseline(
        "bilstm",
        "BiLSTM",
        "Reads the first 32 words (characters in scripts without spaces): embedding, BiLSTM of 128 units, softmax; at "
        "most 15 rounds of 20,000 rows.",
        "Graves & Schmidhuber, Neural Networks 2005",
        Reads.TOKENS,
        LearnerKind(
            "bilstm",
            "BiLSTMs",
            "-",
            (),
            BiLstm(),
            Ladder((0.5, 0.3, 0.15, 0.0)),
            "dropout 0.3",
            grouped=True,
            norms=False,
            cost=60.0,
        ),
        package="torch",
    )
)
