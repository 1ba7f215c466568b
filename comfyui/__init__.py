"""Mimica's nodes for ComfyUI. ComfyUI asks for `comfy_entrypoint` where it knows its V3 interface, else for the V1 mappings."""

try:
    import comfy_api.latest  # noqa: F401
except ImportError:
    from .mimica_nodes.nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

    __all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
else:
    from .mimica_nodes.v3 import comfy_entrypoint

    __all__ = ["comfy_entrypoint"]
