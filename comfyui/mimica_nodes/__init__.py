"""The nodes: `nodes` is what they do, `values` what goes along their wires, `v3` how ComfyUI learns of them."""
