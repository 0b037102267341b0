"""The state of a tuning: kept after each epoch, so that an interrupted one goes on, and the best of all epochs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from evenshelf.learners.finetune.averaging import Averages, set_to


class Run:
    """State of a run, kept after each epoch.

    Parameters
    ----------
    values
        Parameters by name.
    optimiser
        AdamW of torch, which changes them.
    place
        Folder in which it is kept; ``None`` for nowhere.

    Attributes
    ----------
    averages
        Of the parameters over the last steps, if any were counted.
    losses, scores
        Of each epoch; no scores where nothing judges.
    """

    def __init__(self, values: Mapping[str, Any], optimiser: Any, place: Path | None) -> None:
        self._values, self._optimiser, self._place = values, optimiser, place
        self.averages = Averages(values)
        self._best: dict[str, Any] | None = None
        self.losses: list[float] = []
        self.scores: list[float] = []

    def waited_too_long(self, patience: int) -> bool:
        """Whether the best score was so many epochs ago; never with a patience of 0."""
        if not patience or not self.scores:
            return False
        return len(self.scores) - 1 - int(np.argmax(self.scores)) >= patience

    def judged(self, score: float, *, keeps: bool) -> None:
        """Take the score of the parameters as they are now, and keep them if they are to be gone back to."""
        self.scores.append(score)
        if keeps and score >= max(self.scores) and self.scores.index(score) == len(self.scores) - 1:
            self._best = {name: value.detach().clone() for name, value in self._values.items()}

    def finished(self, loss: float) -> None:
        """End an epoch."""
        self.losses.append(loss)
        if self._place is not None:
            self._keep(self._place)

    def take_best(self) -> None:
        """Go back to the state that was best on rows held out; where none was kept, to the averages, if any."""
        set_to(self._values, self.averages.means if self._best is None else self._best)

    def resumed(self) -> int:
        """Go on where an earlier run stopped; returns how many epochs were done."""
        file = None if self._place is None else self._place / "epoch.json"
        if self._place is None or file is None or not file.is_file():
            return 0
        import torch  # noqa: PLC0415 - slow to import, and optional

        facts = json.loads(file.read_text(encoding="utf-8"))
        stored = {k: torch.from_numpy(v) for k, v in load_file(self._place / facts["file"]).items()}
        self.losses, self.scores = facts["losses"], facts["scores"]
        set_to(self._values, {name: stored[f"now/{name}"] for name in self._values})
        if any(name.startswith("best/") for name in stored):
            self._best = {name: stored[f"best/{name}"] for name in self._values}
        self.averages.steps = facts.get("averaged", 0)
        self.averages.means = {n: stored[f"mean/{n}"].clone() for n in self._values if f"mean/{n}" in stored}
        moved = [name for name in self._values if f"exp_avg/{name}" in stored]
        for name in moved:
            value = self._values[name]
            moments = {part: stored[f"{part}/{name}"].clone() for part in ("exp_avg", "exp_avg_sq")}
            self._optimiser.state[value] = {"step": torch.tensor(float(facts["steps"])), **moments}
        return len(self.losses)

    def forget(self) -> None:
        """Remove what was kept."""
        if self._place is not None and self._place.is_dir():
            for file in self._place.iterdir():
                file.unlink()
            self._place.rmdir()

    def _keep(self, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        states = self._optimiser.state
        moved = {name: value for name, value in self._values.items() if value in states}
        arrays = {f"now/{name}": value.detach().numpy() for name, value in self._values.items()}
        for part in ("exp_avg", "exp_avg_sq"):
            arrays |= {f"{part}/{name}": states[value][part].numpy() for name, value in moved.items()}
        if self._best is not None:
            arrays |= {f"best/{name}": value.numpy() for name, value in self._best.items()}
        arrays |= {f"mean/{name}": value.numpy() for name, value in self.averages.means.items()}
        name = f"epoch{len(self.losses)}.safetensors"
        save_file({key: np.ascontiguousarray(value) for key, value in arrays.items()}, place / name)
        steps = max((float(states[value]["step"]) for value in moved.values()), default=0.0)
        facts: dict[str, Any] = {"file": name, "losses": self.losses, "scores": self.scores, "steps": steps}
        facts |= {"averaged": self.averages.steps} if self.averages.steps else {}
        partial = place / "epoch.json.partial"
        partial.write_text(json.dumps(facts), encoding="utf-8")
        partial.replace(place / "epoch.json")  # counts from here on
        for other in place.glob("epoch*.safetensors"):
            if other.name != name:
                other.unlink()
