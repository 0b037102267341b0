"""RecTools, in an environment of its own: ``make rectools`` makes it, and ``bench.outside_child`` runs this there."""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np

from bench.outside_task import Answer, Steps, Task

MODELS = ("sasrec",)
EPOCHS = "epochs"


def answer(task: Task) -> Answer:
    """Make the lists of every setting; a fit goes on where the next setting has but more epochs."""
    import torch  # noqa: PLC0415 - only there
    from pytorch_lightning import seed_everything  # noqa: PLC0415

    if task.model not in MODELS:
        raise SystemExit(f"There is no model {task.model!r}: {', '.join(MODELS)}.")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.utils.deterministic.fill_uninitialized_memory = False  # it takes time, and all that is read here is set
    known, asked = dataset(task.known), dataset(task.asked)
    lists, seconds, held = [], [], []
    model, fit, done, took = None, None, 0, 0.0
    for setting in task.settings:
        own = dict(setting)
        epochs = int(own.pop(EPOCHS))
        began = time.perf_counter()
        if own != fit or epochs < done:
            seed_everything(task.seed)
            model, fit, done, took = unfitted(own), own, 0, 0.0
        for _ in range(done, epochs):  # one at a time: going on after several draws other random numbers
            model.fit_partial(known, min_epochs=1, max_epochs=1)
        done, took = epochs, took + time.perf_counter() - began
        seconds.append(took)
        held.append(sum(p.numel() * p.element_size() for p in model.lightning_model.torch_model.parameters()))
        with torch.random.fork_rng(devices=[]):  # to be asked must not change how the fit goes on
            lists.append(listed(model, asked, len(task.asked.start) - 1, task.length))
    return Answer(np.stack(lists), seconds, held)


def dataset(steps: Steps) -> Any:
    """What RecTools reads, with the number of each step in place of a time."""
    from pandas import DataFrame, to_datetime  # noqa: PLC0415
    from rectools import Columns  # noqa: PLC0415
    from rectools.dataset import Dataset  # noqa: PLC0415

    when = to_datetime(steps.number, unit="s")
    said = {Columns.User: steps.user, Columns.Item: steps.item, Columns.Weight: 1.0, Columns.Datetime: when}
    return Dataset.construct(DataFrame(said))


def unfitted(setting: dict[str, Any]) -> Any:
    """SASRec, silent, with RecTools' full softmax: of steps alone, which is the same fit in a fraction of the time."""
    import torch  # noqa: PLC0415
    from rectools.models import SASRecModel  # noqa: PLC0415
    from rectools.models.nn.transformers.lightning import TransformerLightningModule  # noqa: PLC0415

    class WithoutPadding(TransformerLightningModule):
        """RecTools scores all items at each place of a batch, of which most are padding that counts for nothing."""

        def training_step(self, batch: dict[str, Any], batch_idx: int) -> Any:
            items = self.torch_model.item_model.get_all_embeddings()
            there = batch["y"] != 0
            sessions = self.torch_model.encode_sessions(batch, items)[there]
            scores = self.torch_model.similarity_module(sessions, items)
            return torch.nn.functional.cross_entropy(scores, batch["y"][there])

    return SASRecModel(
        **setting,
        loss="softmax",
        lightning_module_type=WithoutPadding,
        get_trainer_func=trainer,
        recommend_torch_device="cpu",
    )


def trainer() -> Any:
    """Neither logs nor checkpoints, and does the same each time."""
    from pytorch_lightning import Trainer  # noqa: PLC0415

    return Trainer(
        accelerator="cpu",
        devices=1,
        deterministic=True,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def listed(model: Any, asked: Any, users: int, length: int) -> np.ndarray:
    """``[users, length]`` best items of each user but those of the history; none for who has no known item."""
    found = np.full((users, length), -1, np.int64)
    table = model.recommend(np.arange(users), asked, k=length, filter_viewed=True, on_unsupported_targets="ignore")
    found[table["user_id"], table["rank"] - 1] = table["item_id"]
    return found
