"""The properties of a node of Elyra, joined with the defaults of its pipeline as Elyra joins them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Item = Mapping[str, Any]


@dataclass(frozen=True)
class NodeProperties:
    """The properties of a node, with the defaults. Paths of outputs and dependencies are from the folder of its file.

    `secrets` has the names of Kubernetes secrets by the variables that they set. `ignored` names for people what means
    nothing outside of a cluster; `unknown` are the names of other properties.
    """

    path: str
    image: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    with_subfolders: bool = False
    outputs: tuple[str, ...] = ()
    cpus: float | None = None
    memory: float | None = None
    """Gigabytes."""
    gpus: int | None = None
    requested: tuple[str, ...] = ()
    """Names of the resources that are only requested, and not limited."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def read_properties(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> NodeProperties:
    """Read the properties of a node. Those of its own come first; lists are joined by name."""

    def joined(name: str) -> list[Item]:
        kind = _LISTS[name]
        items = {kind.key(item): item for source in (defaults, given) for item in _items(source.get(name), kind)}
        return list(items.values())

    def own(name: str) -> Any:
        value = given.get(name)
        return None if value in (None, "", "None") else value

    secrets = {item["env_var"]: f"{item.get('name')}, key {item.get('key')}" for item in joined("kubernetes_secrets")}
    cpus, memory = _number(own("cpu_limit")), _number(own("memory_limit"))
    requests = {"cpus": _number(own("cpu")), "memory": _number(own("memory"))}
    requested = [
        name for name, limit in (("cpus", cpus), ("memory", memory)) if limit is None and requests[name] is not None
    ]
    gpus = _number(own("gpu"))
    image = own("runtime_image") or defaults.get("runtime_image")
    return NodeProperties(
        path=_path(own("filename")),
        image=image.strip() if isinstance(image, str) else "",
        # Elyra prefers the secret where both have one name.
        variables={item["env_var"]: item["value"] for item in joined("env_vars") if item["env_var"] not in secrets},
        parameters=tuple(dict.fromkeys(_texts(given.get("pipeline_parameters")))),
        dependencies=tuple(dict.fromkeys(_texts(given.get("dependencies")))),
        with_subfolders=own("include_subdirectories") is True,
        outputs=tuple(dict.fromkeys(_texts(given.get("outputs")))),
        cpus=requests["cpus"] if cpus is None else cpus,
        memory=requests["memory"] if memory is None else memory,
        gpus=int(gpus) if gpus and gpus.is_integer() else None,
        requested=tuple(requested),
        secrets=secrets,
        ignored=tuple(_ignored(joined, own, _shared_memory(given) or _shared_memory(defaults))),
        unknown=tuple(sorted(name for name in given if name not in _KNOWN and own(name) not in (None, [], {}))),
    )


def _ignored(joined: Callable[[str], list[Item]], own: Callable[[str], Any], shared_memory: str) -> Iterator[str]:
    """Yield what only a cluster of Kubernetes can do, each as the subject of a sentence."""
    for item in joined("mounted_volumes"):
        yield f"the volume {item.get('pvc_name')} at {item.get('path')}"
    for item in joined("kubernetes_tolerations"):
        parts = (item.get(part) for part in ("key", "operator", "value", "effect"))
        yield f"the toleration {':'.join(str(part) for part in parts if part)}"
    for item in joined("kubernetes_pod_annotations"):
        yield f"the annotation {item.get('key')}"
    for item in joined("kubernetes_pod_labels"):
        yield f"the label {item.get('key')}"
    if shared_memory:
        yield f"the shared memory of {shared_memory} GB"
    vendor = own("gpu_vendor")
    if own("gpu") and isinstance(vendor, str) and vendor != "nvidia.com/gpu":
        yield f"the kind of GPU, {vendor}"


def _shared_memory(source: Mapping[str, Any]) -> str:
    given = source.get("kubernetes_shared_mem_size")
    return str(given.get("size") or "") if isinstance(given, dict) else ""


# --- lists of properties --------------------------------------------------------------------------


@dataclass(frozen=True)
class _List:
    """A list of properties: the members of an item, those that tell two items apart, and that an item must have."""

    members: tuple[str, ...]
    keys: tuple[str, ...]
    needed: tuple[str, ...]
    separators: str
    """The characters between the members, as versions before 8 wrote an item in one text."""

    def key(self, item: Item) -> tuple[Any, ...]:
        return tuple(str(item.get(name)) for name in self.keys)


_LISTS = {
    "env_vars": _List(("env_var", "value"), ("env_var",), ("env_var", "value"), "="),
    "kubernetes_secrets": _List(("env_var", "name", "key"), ("env_var",), ("env_var",), "=:"),
    "mounted_volumes": _List(("path", "pvc_name"), ("path",), ("path",), "="),
    "kubernetes_pod_annotations": _List(("key", "value"), ("key",), ("key",), "="),
    "kubernetes_pod_labels": _List(("key", "value"), ("key",), ("key",), "="),
    "kubernetes_tolerations": _List(
        ("name", "key", "operator", "value", "effect"), ("key", "operator", "value", "effect"), (), "=:::"
    ),
}

_KNOWN = frozenset(
    {
        *_LISTS, "filename", "runtime_image", "dependencies", "include_subdirectories", "outputs", "inputs", "cpu",
        "cpu_limit", "memory", "memory_limit", "gpu", "gpu_vendor", "pipeline_parameters", "parameters", "label",
        "kubernetes_shared_mem_size", "ui_data", "disable_node_caching", "component_source", "image", "description",
        "invalidNodeError", "nodeErrorInfo",
    }
)  # fmt: skip


def _items(given: Any, kind: _List) -> Iterator[Item]:
    """Yield the items of a list that are filled in; Elyra leaves out the others too."""
    for each in given if isinstance(given, list) else ():
        item = _split(each, kind) if isinstance(each, str) else each
        if isinstance(item, dict):
            tidy = {name: value.strip() if isinstance(value, str) else value for name, value in item.items()}
            if all(isinstance(tidy.get(name), str) and tidy[name] for name in kind.needed):
                yield tidy


def _split(text: str, kind: _List) -> Item:
    parts, rest = [], text
    for separator in kind.separators:
        part, _, rest = rest.partition(separator)
        parts.append(part)
    return dict(zip(kind.members, [*parts, rest], strict=True))


# --- single values --------------------------------------------------------------------------------


def _path(value: Any) -> str:
    return posixpath.normpath(value.strip()) if isinstance(value, str) and value.strip() else ""


def _texts(value: Any) -> list[str]:
    return [each.strip() for each in value if isinstance(each, str) and each.strip()] if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    """Return a number that is more than 0, also one that is written as a text."""
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else 0.0
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None
