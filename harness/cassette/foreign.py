"""The YAML of cassettes that others recorded: what PyYAML wrote of any Python object, read without making one."""

from __future__ import annotations

from typing import Any, Final

from harness.reading import brief

MOST_DEPTH: Final = 100
"""PyYAML builds values by recursion in C, where too much of it ends the process."""


def document(content: bytes) -> Any:
    """The value of a YAML document. Raises ValueError, saying where and what.

    Old cassettes tag texts and mappings with Python types (`!!python/unicode`): their plain value is taken.
    """
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """A safe loader: nothing is called, whatever a tag names."""

    def plain(loader: Any, suffix: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_scalar(node)

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", plain)
    try:
        depth = 0
        for event in yaml.parse(content, Loader=Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > MOST_DEPTH:
                raise ValueError(f"nested more than {MOST_DEPTH} deep")
        return yaml.load(content, Loader=Loader)
    except (yaml.YAMLError, ValueError, TypeError, LookupError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        said = brief(str(getattr(error, "problem", None) or error).partition("\n")[0], 120)[1:-1]
        raise ValueError(f"line {line + 1}: {said}" if line is not None else said) from None
