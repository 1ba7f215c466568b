"""ComfyUI's V3 interface: each node of `nodes` as an `io.ComfyNode`, its schema made from the V1 description.

Source: docs.comfy.org/custom-nodes/v3_migration.
"""

from __future__ import annotations

from typing import Any

from comfy_api.latest import ComfyExtension, io

from .nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

_KINDS = {
    "IMAGE": io.Image, "MASK": io.Mask, "STRING": io.String, "FLOAT": io.Float, "INT": io.Int, "BOOLEAN": io.Boolean,
}  # fmt: skip
_KEPT = ("default", "min", "max", "step", "multiline", "tooltip")


def _kind(name: str) -> Any:
    return _KINDS.get(name) or io.Custom(name)


def _input(name: str, kind: Any, about: dict[str, Any], optional: bool) -> Any:
    options = {key: about[key] for key in _KEPT if key in about}
    if isinstance(kind, list):
        return io.Combo.Input(name, options=kind, optional=optional, **options)
    if about.get("display") == "slider":
        options["display_mode"] = io.NumberDisplay.slider
    return _kind(kind).Input(name, optional=optional, **options)


def _schema(node_id: str, node: Any) -> Any:
    types = node.INPUT_TYPES()
    inputs = [
        _input(name, given[0], given[1], part == "optional")
        for part in ("required", "optional")
        for name, given in types.get(part, {}).items()
    ]
    outputs = [_kind(kind).Output(display_name=name) for kind, name in zip(node.RETURN_TYPES, node.RETURN_NAMES, strict=True)]
    words = " ".join(filter(None, [" ".join((node.__doc__ or "").split()), getattr(node, "DESCRIPTION", "")]))
    return io.Schema(
        node_id=node_id,
        display_name=NODE_DISPLAY_NAME_MAPPINGS[node_id],
        category=node.CATEGORY,
        description=words,
        inputs=inputs,
        outputs=outputs,
    )


def wrapped(node_id: str, node: Any) -> type:
    """The V3 class of a V1 one."""

    def define_schema(cls: type) -> Any:
        return _schema(node_id, node)

    def execute(cls: type, **given: Any) -> Any:
        return io.NodeOutput(*node().run(**given))

    methods = {"define_schema": classmethod(define_schema), "execute": classmethod(execute)}
    return type(node_id, (io.ComfyNode,), methods)


class MimicaExtension(ComfyExtension):
    """What ComfyUI gets."""

    async def get_node_list(self) -> list[type]:
        return [wrapped(node_id, node) for node_id, node in NODE_CLASS_MAPPINGS.items()]


async def comfy_entrypoint() -> MimicaExtension:
    return MimicaExtension()
