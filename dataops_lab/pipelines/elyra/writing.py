"""Writing a pipeline of Elyra as `NAME.pipeline.yaml`, with a report of what became of everything."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ... import yaml12
from ...domain.expressions import UNSAYABLE
from ...domain.pipelines import Reference, StepKind
from ...domain.step_files import SAME_PATH
from ...domain.variables import check_name, check_value
from ...errors import Refused
from ...ports.pipelines import Imported, ImportNote, ImportSetting, NoteKind
from ..step_ids import ids_of
from .file_flow import Taken, outputs_of, taken_files
from .flow import ElyraParameter, ElyraPipeline, Node, has_wildcard

_LONGEST_NAME = 100
_GUESSED = "  # guessed"
_OWN_VARIABLES = ("ELYRA_RUNTIME_ENV", "ELYRA_RUN_NAME")


def write(pipeline: ElyraPipeline, setting: ImportSetting) -> Imported:
    """Write the pipeline. Everything that it says about itself is in the text, or has a line in the report."""
    return _Writer(pipeline, setting).write()


@dataclass
class _Step:
    """A step before it is written. `remarks` are comments about what people should decide."""

    node: Node
    needs: list[str]
    image: str | None = None
    variables: dict[str, str | Reference] = field(default_factory=dict)
    resources: dict[str, float | int | str] = field(default_factory=dict)
    files: list[Taken] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


class _Writer:
    def __init__(self, pipeline: ElyraPipeline, setting: ImportSetting) -> None:
        self._pipeline, self._setting = pipeline, setting
        self._images = (
            None
            if setting.images is None
            else {normal_reference(reference): name for reference, name in setting.images.items()}
        )
        self._ids = dict(zip((node.id for node in pipeline.nodes), ids_of(map(_name, pipeline.nodes)), strict=True))
        self._notes: list[ImportNote] = []
        self._parameters = {each.name: each for each in pipeline.parameters if self._takes(each)}

    def write(self) -> Imported:
        taken, clashes = taken_files(self._pipeline, self._setting.folder, self._setting.used)
        steps = {self._ids[node.id]: self._step(node, taken) for node in self._pipeline.nodes}
        for clash in clashes:
            first, last = (self._ids[giver] for giver in clash.givers)
            message = f"`{first}` and `{last}` both leave {clash.path} for it; it gets that of `{last}`."
            steps[self._ids[clash.taker]].remarks.append(message)
            self._note(NoteKind.CHANGED, f"{message} Correct `files` if it should be the other one.", clash.taker)
        self._note_about_pipeline()
        defaults = self._shared(steps)
        lines = [*self._head(), *self._defaults(defaults), "steps:"]
        for step_id, step in steps.items():
            lines += self._lines(step_id, step)
        return Imported("\n".join(lines) + "\n", tuple(self._sorted_notes()))

    def _sorted_notes(self) -> list[ImportNote]:
        """Return those of the pipeline first, then step by step, in the order of the kinds."""
        steps, kinds = list(self._ids.values()), list(NoteKind)
        return sorted(
            self._notes,
            key=lambda note: (-1 if note.step is None else steps.index(note.step), kinds.index(note.kind)),
        )

    def _note(self, kind: NoteKind, message: str, node_id: str | None = None) -> None:
        node = next((each for each in self._pipeline.nodes if each.id == node_id), None)
        step = self._ids[node.id] if node else None
        self._notes.append(ImportNote(kind, message, node.label if node else None, step))

    # --- the pipeline -----------------------------------------------------------------------------

    def _takes(self, parameter: ElyraParameter) -> bool:
        """Tell whether steps can get the parameter under its own name, and note what became of it."""
        name = parameter.name
        try:
            check_name(name)
            if parameter.default is not None:
                check_value(name, parameter.default)
        except Refused as error:
            self._note(NoteKind.NOT_CARRIED_OVER, f"The parameter {name[:_LONGEST_NAME]}: {error.message}")
            return False
        if name in UNSAYABLE:
            self._note(NoteKind.NOT_CARRIED_OVER, f"The parameter {name}: it is a word of the language of expressions.")
            return False
        if parameter.type in ("String", "CustomString"):
            self._note(NoteKind.CARRIED_OVER, f"The parameter {name}: steps get it as the variable {name}.")
        else:
            self._note(
                NoteKind.CHANGED,
                f"The parameter {name} was of the type {parameter.type[:_LONGEST_NAME]} and is a text, because steps "
                "get it as a variable.",
            )
        return True

    def _note_about_pipeline(self) -> None:
        self._note(
            NoteKind.CHANGED,
            "ELYRA_RUN_NAME ends with the id of the run in the place of the time, and ELYRA_RUNTIME_ENV is `local`.",
        )
        for name, value in self._pipeline.ignored.items():
            message = f"{name} ({value[:_LONGEST_NAME]}): files between steps need no object storage."
            self._note(NoteKind.NOT_CARRIED_OVER, message)
        for node_id, missing in self._pipeline.lost_links:
            message = f"A link from the node {missing[:_LONGEST_NAME]}: the file has no such node."
            self._note(NoteKind.NOT_CARRIED_OVER, message, node_id)

    def _head(self) -> Iterator[str]:
        pipeline = self._pipeline
        yield "version: 1"
        for text in (pipeline.description, *pipeline.comments):
            yield from _comment(text)
        if self._parameters:
            yield "parameters:"
        for name, parameter in self._parameters.items():
            about: dict[str, Any] = {"type": "string"}
            if parameter.default is not None:
                about["default"] = parameter.default
            elif not parameter.required:
                # Elyra sets no variable then.
                about |= {"default": None, "nullable": True}
            if parameter.description:
                about["description"] = parameter.description
            yield f"  {yaml12.inline(name)}: {yaml12.inline(about)}"

    def _shared(self, steps: Mapping[str, _Step]) -> _Step:
        """Take out of the steps what all of them say, and return it."""
        first = next(iter(steps.values()))
        shared = _Step(first.node, [])
        if len(steps) > 1:
            if all(step.image == first.image for step in steps.values()):
                shared.image = first.image
            shared.variables = _in_all([step.variables for step in steps.values()])
            shared.resources = _in_all([step.resources for step in steps.values()])
            shared.remarks = [
                remark for remark in first.remarks if all(remark in step.remarks for step in steps.values())
            ]
        for step in steps.values():
            step.remarks = [remark for remark in step.remarks if remark not in shared.remarks]
            step.image = None if step.image == shared.image else step.image
            step.variables = {name: value for name, value in step.variables.items() if name not in shared.variables}
            step.resources = {name: value for name, value in step.resources.items() if name not in shared.resources}
        run_name = f"{json.dumps(f'{self._setting.name[:_LONGEST_NAME]}-', ensure_ascii=False)} + run.id"
        shared.variables = {
            "ELYRA_RUNTIME_ENV": "local", "ELYRA_RUN_NAME": Reference(run_name), **shared.variables
        }  # fmt: skip
        return shared

    def _defaults(self, shared: _Step) -> Iterator[str]:
        yield "defaults:"
        for remark in shared.remarks:
            yield from _comment(remark, indent=2)
        yield from (f"  {line}" for line in _settings(shared))

    # --- steps ------------------------------------------------------------------------------------

    def _step(self, node: Node, taken: list[Taken]) -> _Step:
        step = _Step(node, [self._ids[need] for need in node.needs])
        step.files = [each for each in taken if each.taker == node.id]
        step.outputs, outside = outputs_of(node, self._setting.folder)
        step.image = self._image(step)
        step.variables = self._variables(step)
        self._set_resources(step)
        brought = ", ".join(_counted(node, step))
        self._note(NoteKind.CARRIED_OVER, f"The {node.kind} {node.path}{f': {brought}' if brought else ''}.", node.id)
        if node.path in self._setting.missing:
            message = f"There is no file {node.path}. Put it there before the pipeline runs."
            self._note(NoteKind.NOT_CARRIED_OVER, message, node.id)
        for output in outside:
            message = f"The output {output[:_LONGEST_NAME]} lies outside of the folder of the pipeline. Write it there."
            self._note(NoteKind.NOT_CARRIED_OVER, message, node.id)
        self._note_files(step)
        if ignored := node.properties.ignored:
            which = "this belongs" if len(ignored) == 1 else "these belong"
            message = f"{', '.join(ignored)}: {which} to a cluster of Kubernetes."
            self._note(NoteKind.NOT_CARRIED_OVER, f"{message[0].upper()}{message[1:]}", node.id)
        for name in node.properties.unknown:
            message = f"The property {name[:_LONGEST_NAME]}: nothing is known about it."
            self._note(NoteKind.NOT_CARRIED_OVER, message, node.id)
        return step

    def _image(self, step: _Step) -> str | None:
        reference = step.node.properties.image
        if not reference:
            return None
        if self._images is None:
            message = f"The image {reference}: {self._setting.environment} runs on this machine, without images."
            self._note(NoteKind.NOT_CARRIED_OVER, message, step.node.id)
            return None
        name = self._images.get(normal_reference(reference))
        if name is None:
            message = f"The image {reference} is not one that {self._setting.environment} allows."
            step.remarks.append(f"{message} Name one here with `image`.")
            fix = f"Add it (`jupyter dataops image add NAME {reference}`), or name another one in `image`."
            self._note(NoteKind.NOT_CARRIED_OVER, f"{message} {fix}", step.node.id)
        elif name != reference:
            message = f"The image {reference} is named `{name}` in the catalogue."
            self._note(NoteKind.CHANGED, message, step.node.id)
        return name

    def _variables(self, step: _Step) -> dict[str, str | Reference]:
        node, found = step.node, dict[str, str | Reference]()
        for name in node.properties.parameters:
            if name in self._parameters:
                found[name] = Reference(f"params.{name}")
            elif all(name != each.name for each in self._pipeline.parameters):
                message = f"The parameter {name[:_LONGEST_NAME]}: the pipeline has none of this name."
                self._note(NoteKind.NOT_CARRIED_OVER, message, node.id)
        for name, value in node.properties.variables.items():
            if name in _OWN_VARIABLES:
                continue  # Elyra sets them itself, whatever the node says.
            try:
                check_name(name)
                check_value(name, value)
                found[name] = value
            except Refused as error:
                message = f"The variable {name[:_LONGEST_NAME]}: {error.message}"
                self._note(NoteKind.NOT_CARRIED_OVER, message, node.id)
        for name, source in node.properties.secrets.items():
            self._note_secret(step, name[:_LONGEST_NAME], source)
        return found

    def _note_secret(self, step: _Step, name: str, source: str) -> None:
        environment = self._setting.environment
        secret = f"The secret {source}, in the variable {name}"
        if name in self._setting.variables:
            message = f"{secret}: {environment} has a variable of this name."
            self._note(NoteKind.CHANGED, message, step.node.id)
            return
        step.remarks.append(f"It needs the secret {name}: jupyter dataops secrets set {environment} {name}")
        message = f"{secret}: set it with `jupyter dataops secrets set {environment} {name}`."
        self._note(NoteKind.NOT_CARRIED_OVER, message, step.node.id)

    def _set_resources(self, step: _Step) -> None:
        properties = step.node.properties
        amounts = {"cpus": properties.cpus, "memory": properties.memory, "gpus": properties.gpus}
        for name, amount in amounts.items():
            if amount is not None:
                number = int(amount) if float(amount).is_integer() else amount
                step.resources[name] = f"{number}G" if name == "memory" else number
        for name in properties.requested:
            message = f"`{name}: {step.resources[name]}` is a limit here. In Elyra it was only requested."
            self._note(NoteKind.CHANGED, message, step.node.id)

    def _note_files(self, step: _Step) -> None:
        node, by_id = step.node, {each.id: each for each in self._pipeline.nodes}
        folder = posixpath.dirname(node.path)
        for taken in step.files:
            if taken.is_guess:
                message = f"It seems to read {taken.path}, which `{self._ids[taken.giver]}` writes: check that guess."
                self._note(NoteKind.CHANGED, message, node.id)
        elsewhere = [
            each.path
            for each in step.files
            if not each.is_guess and posixpath.dirname(by_id[each.giver].path) != folder
        ]
        if elsewhere:
            message = (
                f"It finds {', '.join(elsewhere)} at the same path, as with Elyra's local runner. On a cluster, Elyra "
                f"puts such files into {folder or 'the folder of the pipeline'}."
            )
            self._note(NoteKind.CHANGED, message, node.id)
        for given in node.properties.dependencies:
            path = posixpath.normpath(posixpath.join(folder, given))
            if posixpath.normpath(given).startswith(("/", "..")):
                message = f"The dependency {given} lies outside of the folder of {node.path}, where Elyra takes none."
                self._note(NoteKind.NOT_CARRIED_OVER, message, node.id)
            elif not has_wildcard(given) and path in self._setting.missing:
                message = f"The dependency {given}: there is no such file. Put it there if it is needed."
                self._note(NoteKind.NOT_CARRIED_OVER, message, node.id)

    def _lines(self, step_id: str, step: _Step) -> Iterator[str]:
        node = step.node
        for text in node.comments:
            yield from _comment(text, indent=2)
        yield f"  {step_id}:"
        for remark in step.remarks:
            yield from _comment(remark, indent=4)
        file = posixpath.basename(node.path)
        if node.label not in (node.path, file, posixpath.splitext(file)[0], step_id):
            yield f"    title: {yaml12.inline(node.label)}"
        path = posixpath.normpath(posixpath.join(self._setting.folder, node.path))
        yield f"    {'notebook' if node.kind is StepKind.NOTEBOOK else 'script'}: {yaml12.inline(path)}"
        if step.needs:
            yield f"    needs: {yaml12.inline(step.needs)}"
        if step.files:
            yield "    files:"
        for giver, is_guess in dict.fromkeys((each.giver, each.is_guess) for each in step.files):
            paths = [each.path for each in step.files if (each.giver, each.is_guess) == (giver, is_guess)]
            entry = yaml12.inline({"from": self._ids[giver], "paths": paths, "into": SAME_PATH})
            yield f"      - {entry}{_GUESSED if is_guess else ''}"
        if step.outputs:
            yield f"    outputs: {yaml12.inline(step.outputs)}"
        yield from (f"    {line}" for line in _settings(step))


def normal_reference(reference: str) -> str:
    """Return a reference of an image as Docker completes it, so that two that mean the same are equal."""
    host, slash, _ = reference.partition("/")
    if not slash:
        reference = f"docker.io/library/{reference}"
    elif not ("." in host or ":" in host or host == "localhost"):
        reference = f"docker.io/{reference}"
    name = reference.rpartition("/")[2]
    return reference if ":" in name or "@" in name else f"{reference}:latest"


def _settings(step: _Step) -> Iterator[str]:
    if step.image is not None:
        yield f"image: {yaml12.inline(step.image)}"
    if step.resources:
        yield f"resources: {yaml12.inline(step.resources)}"
    if step.variables:
        yield "env:"
    for name, value in step.variables.items():
        yield f"  {yaml12.inline(name)}: {yaml12.inline({'cel': value.cel} if isinstance(value, Reference) else value)}"


def _in_all(each: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the entries that all have alike."""
    return {
        name: value for name, value in each[0].items() if all(name in other and other[name] == value for other in each)
    }


def _name(node: Node) -> str:
    """Return the text that names a node: its label, without the suffix where that is its file."""
    stem, suffix = posixpath.splitext(posixpath.basename(node.path))
    return stem if posixpath.basename(node.label) == f"{stem}{suffix}" else node.label


def _counted(node: Node, step: _Step) -> Iterator[str]:
    """Yield what a node brings along, besides its file."""
    parts = {"variable": len(step.variables), "output": len(step.outputs), "resource": len(step.resources)}
    yield from (f"{count} {word}{'' if count == 1 else 's'}" for word, count in parts.items() if count)
    if step.needs:
        yield f"it waits for {', '.join(f'`{need}`' for need in step.needs)}"
    if node.properties.dependencies:
        yield "its dependencies travel with its folder"


def _comment(text: str, *, indent: int = 0) -> Iterator[str]:
    for line in text.splitlines():
        plain = "".join(character if character.isprintable() else " " for character in line).rstrip()
        yield f"{' ' * indent}#{f' {plain}' if plain else ''}"
