"""What classes are, said in a file of a user, for remedies that read their names."""

from __future__ import annotations

from dataclasses import replace

from evenshelf.class_file import ClassFile
from evenshelf.errors import SettingError
from evenshelf.tasks.label import LabelTask

USAGE = (
    'Name a CSV with the columns class and description, or a JSON object such as {"clogs": "shoes with wood soles"}.'
)
COLUMN = "description"


def described(task: LabelTask, file: str) -> tuple[LabelTask, tuple[str, ...]]:
    """The task with descriptions, and what a person should know of the file, a sentence each.

    An empty description is none.

    Raises
    ------
    SettingError
        If the file cannot be read, holds what is no text, describes none of the classes, or what is nearly the name of
        a class that it lacks.
    """
    table = ClassFile.read(file, COLUMN, USAGE)
    for label, one in table.said.items():
        if not isinstance(one.value, str):
            raise SettingError(
                f"{file}, {one.place}: the description {one.value!r} of {label!r} is no text.", hint=USAGE
            )
    notes = table.left_over(task.classes, "known by name alone")
    found = {c: text for c in task.classes if c in table.said and (text := table.said[c].value.strip())}
    if not found:
        raise SettingError(f"{file} describes none of the {len(task.classes)} {task.nouns.labels}.", hint=USAGE)
    return replace(task, descriptions=found), notes
