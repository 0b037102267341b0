"""What to type to get a study again: each argument that its outcome depends on, and no other."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from evenshelf.baselines.registry import DEFAULT, NONE
from evenshelf.learners.heads import HEADS
from evenshelf.tasks.label import LabelTask
from evenshelf.tasks.list_measures import LISTS
from evenshelf.tasks.search_measures import SEARCHES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evenshelf.study.results import StudyResult
    from evenshelf.study.verdict import Verdict

WIDTH = 92
"""Letters of a line of Python."""


def command(result: StudyResult, verdict: Verdict) -> str:
    """A command line for a study of a shop, a call of Python for any other.

    Where it is kept, how many processes do it, and what is printed, change no number and are left out. What only the
    caller has stands there by its name: ``texts``, ``labels``, ``groups``; ``task``, ``facts``;
    ``known``.
    """
    meta = result.meta
    if meta.get("measures") == LISTS.name:
        return _typed_ranking(result, verdict) if meta.get("shop") else _called_ranking(result, verdict)
    if meta.get("measures") == SEARCHES.name:
        return _typed_search(result, verdict) if meta.get("shop") else _called_search(result, verdict)
    if meta.get("shop"):
        return _typed(result, verdict)
    return _compared(result, verdict) if _encoder(meta) else _called(result, verdict)


def _typed(result: StudyResult, verdict: Verdict) -> str:
    meta = result.meta
    options: dict[str, Any] = {key: meta[key] for key in ("task", "target") if meta.get(key)}
    options |= {"encoder": _encoder(meta)} if _encoder(meta) else {}
    options |= _learner(meta, usual=meta.get("task", LabelTask.name) == LabelTask.name)
    told = _baselines(meta)
    options |= {} if told in (None, [DEFAULT]) else {"baselines": ",".join(told) or NONE}
    options |= _settings(meta)
    options |= {"sample": meta["sample"]} if meta.get("sample") else {}
    options |= {"descriptions": meta["descriptions_file"]} if meta.get("descriptions_file") else {}
    options |= _judged(verdict) | _seeds(result) | {"remedies": ", ".join(_specs(result))}
    lines = [f"evenshelf study {shlex.quote(str(meta['shop']))}"]
    lines += [f"--{key} {shlex.quote(str(value))}" for key, value in options.items()]
    lines += [f"--by {shlex.quote(column)}" for column in meta.get("by", ())]
    lines += [] if result.curve is None else ["--learning-curve"]
    return " \\\n  ".join(lines)


def _typed_ranking(result: StudyResult, verdict: Verdict) -> str:
    meta = result.meta
    options: dict[str, Any] = {key: meta[key] for key in ("task", "target") if meta.get(key)}
    options |= {"split": meta["split_by"], "learner": meta["learner"], "encoder": _encoder(meta) or NONE}
    options |= {"baselines": ",".join(_baselines(meta) or ()) or NONE} | _ranking_settings(meta)
    options |= {"sample": meta["sample"]} if meta.get("sample") else {}
    options |= _judged(verdict) | _seeds(result) | {"remedies": ", ".join(_specs(result))}
    lines = [f"evenshelf study {shlex.quote(str(meta['shop']))}"]
    lines += [f"--{key} {shlex.quote(str(value))}" for key, value in options.items()]
    lines += [] if result.curve is None else ["--learning-curve"]
    lines += [f"--category {shlex.quote(meta['only_category'])}"] if "only_category" in meta else []
    lines += ["--in-stock"] if meta.get("in_stock") else []
    if "repeats_asked" in meta:
        lines.append("--repeats" if meta["repeats_asked"] else "--no-repeats")
    return " \\\n  ".join(lines)


def _called_ranking(result: StudyResult, verdict: Verdict) -> str:
    meta = result.meta
    more = {"learner": meta["learner"], "baselines": _baselines(meta) or [], "split": meta["split_by"]}
    data = ["task", "facts", "folder", *_given(more | _ranking_settings(meta))]
    imports = ["from evenshelf.study.ranking import RankingStudy", "from evenshelf.study.verdict import decide"]
    study = f"study = RankingStudy(\n{_arguments(data)}\n{_remedies(result)})"
    return "\n".join([*_further_imports(result), *imports, "", study, *_decided(result, verdict)])


def _typed_search(result: StudyResult, verdict: Verdict) -> str:
    meta = result.meta
    options: dict[str, Any] = {key: meta[key] for key in ("task", "target") if meta.get(key)}
    options |= {"encoder": _encoder(meta)} if _encoder(meta) else {}
    options |= {"learner": meta["learner"], "baselines": ",".join(_baselines(meta) or ()) or NONE} | _settings(meta)
    options |= _judged(verdict) | _seeds(result) | {"remedies": ", ".join(_specs(result))}
    lines = [f"evenshelf study {shlex.quote(str(meta['shop']))}"]
    lines += [f"--{key} {shlex.quote(str(value))}" for key, value in options.items()]
    lines += [] if result.curve is None else ["--learning-curve"]
    return " \\\n  ".join(lines)


def _called_search(result: StudyResult, verdict: Verdict) -> str:
    meta = result.meta
    more = {"learner": meta["learner"], "baselines": _baselines(meta) or []} | _settings(meta)
    data = ["task", "known", "folder", *_given(more)]
    imports = ["from evenshelf.study.search import SearchStudy", "from evenshelf.study.verdict import decide"]
    study = f"study = SearchStudy(\n{_arguments(data)}\n{_remedies(result)})"
    return "\n".join([*_further_imports(result), *imports, "", study, *_decided(result, verdict)])


def _ranking_settings(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Folds are those of users, and asked for where users are split."""
    return {key: value for key, value in _settings(meta).items() if key != "folds" or meta["split_by"] == "users"}


def _compared(result: StudyResult, verdict: Verdict) -> str:
    meta, encoder = result.meta, _encoder(result.meta)
    own = list(meta.get("given", ()))
    of_texts = encoder != "matrix"
    data = ["texts" if of_texts else "matrix", "labels"]
    if of_texts and "encoder" not in own:
        data.append(f"encoder={encoder!r}")
    data += [f"{name}={name}" for name in own]
    told = _baselines(meta)
    usual = [DEFAULT] if of_texts else []
    more = _learner(meta) | _settings(meta)
    more |= {} if told in (None, usual) else {"baselines": told or NONE}
    more |= _judged(verdict) | _seeds(result)
    more |= {} if result.curve is None else {"learning_curve": True}
    return f"import evenshelf\n\nevenshelf.compare(\n{_arguments([*data, *_given(more)])}\n{_remedies(result)})"


def _called(result: StudyResult, verdict: Verdict) -> str:
    told = _baselines(result.meta)
    data = ["LabelTask.of(labels, texts)", "vectors", "folder", "names=names"]
    data += _given(_learner(result.meta) | _settings(result.meta))
    data += ["words=words", f"baselines={told!r}"] if told else []
    imports = [
        *_further_imports(result),
        "from evenshelf.study.runner import Study",
        "from evenshelf.study.verdict import decide",
        "from evenshelf.tasks.label import LabelTask",
    ]
    study = f"study = Study(\n{_arguments(data)}\n{_remedies(result)})"
    return "\n".join([*imports, "", study, *_decided(result, verdict)])


def _decided(result: StudyResult, verdict: Verdict) -> list[str]:
    """What comes after a study was made: its run, the verdict, and what else was asked."""
    judged = _judged(verdict) | {"alpha": verdict.alpha, "replicates": verdict.replicates, "seed": verdict.seed}
    asked = _further(result)
    return [
        "result = study.run()",
        f"verdict = decide(\n{_arguments(['result', *_given(judged)])}\n)",
        *([f"result = further(study, result, verdict, {', '.join(_given(asked))})"] if asked else []),
    ]


def _further(result: StudyResult) -> dict[str, Any]:
    return _seeds(result) | ({} if result.curve is None else {"curve": True})


def _further_imports(result: StudyResult) -> list[str]:
    return ["from evenshelf.study.further import further"] if _further(result) else []


def _encoder(meta: Mapping[str, Any]) -> str:
    """Its spec; "" where the study was given vectors that nothing is known of."""
    known = meta.get("encoder")
    return str(known.get("spec") or "") if isinstance(known, dict) else str(known or "")


def _learner(meta: Mapping[str, Any], *, usual: bool = True) -> dict[str, Any]:
    """What was fitted, where it is not what `usual` tasks are fitted with."""
    name = meta.get("learner")
    return {} if name is None or (usual and name == HEADS.name) else {"learner": name}


def _baselines(meta: Mapping[str, Any]) -> list[str] | None:
    """Names of the baselines that were asked for, or ``None`` where that is not recorded."""
    return [entry["name"] for entry in meta["baselines"]] if "baselines" in meta else None


def _settings(meta: Mapping[str, Any]) -> dict[str, Any]:
    return {key: meta[key] for key in ("folds", "budget", "seed") if key in meta}


def _judged(verdict: Verdict) -> dict[str, Any]:
    return {"metric": verdict.metric, "guardrail": verdict.guardrail, "zone": verdict.zone}


def _seeds(result: StudyResult) -> dict[str, Any]:
    return {} if result.seeds is None else {"seeds": len(result.seeds.seeds)}


def _specs(result: StudyResult) -> list[str]:
    return [remedy.spec for remedy in result.remedies if not remedy.reference]


def _given(values: Mapping[str, Any]) -> list[str]:
    return [f"{key}={value!r}" for key, value in values.items()]


def _arguments(parts: Sequence[str]) -> str:
    """Arguments of a call, in lines of bearable length; none is broken, since it may hold a text."""
    lines = [""]
    for part in parts:
        if lines[-1] and len(lines[-1]) + len(part) + 2 > WIDTH:
            lines.append("")
        lines[-1] += f" {part}," if lines[-1] else f"{part},"
    return "\n".join(f"    {line}" for line in lines)


def _remedies(result: StudyResult) -> str:
    """The argument ``remedies``, in lines of its own."""
    listed = _arguments([repr(spec) for spec in _specs(result)]).replace("\n", "\n    ")
    return f"    remedies=[\n    {listed}\n    ],\n"
