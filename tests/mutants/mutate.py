"""Mutants of a module: its source with one small change each, by mutmut's operators on libcst's tree.

Text in, texts out; nothing is run here. Changed is all that has an effect: functions whatever decorates them,
tables and defaults. Not changed are annotations, what is declared a TypeAlias, decorators, imports and
docstrings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst
from libcst.metadata import MetadataWrapper, WhitespaceInclusivePositionProvider
from mutmut.mutation.mutators import mutation_operators

_LEFT_ALONE = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom)


class Mutant(NamedTuple):
    """One change: where it is, and the lines before and after it; `source` is the whole module."""

    function: str
    was: str
    becomes: str
    source: str


def mutants_of(source: str) -> Iterator[Mutant]:
    """Every mutant of a module's source, in its order; none is the source itself."""
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    spans = wrapper.resolve(WhitespaceInclusivePositionProvider)
    starts = [0, *(place + 1 for place, character in enumerate(source) if character == "\n")]
    seen = {source}
    for node, function in _nodes(wrapper.module, ""):
        for target, changed in _changes(node):
            span = spans[target]
            start, end = (starts[place.line - 1] + place.column for place in (span.start, span.end))
            text = source[:start] + wrapper.module.code_for_node(changed) + source[end:]
            if text not in seen:
                seen.add(text)
                yield Mutant(function, *_difference(source, text), text)


def _nodes(node: cst.CSTNode, function: str) -> Iterator[tuple[cst.CSTNode, str]]:
    """Every node that may be changed, with the dotted name of the function or class that it stands in."""
    if isinstance(node, _LEFT_ALONE) or _is_alias(node):
        return
    if isinstance(node, cst.FunctionDef | cst.ClassDef):
        function = f"{function}.{node.name.value}".lstrip(".")
    yield node, function
    for child in node.children:
        yield from _nodes(child, function)


def _is_alias(node: cst.CSTNode) -> bool:
    """Whether this is `Name: TypeAlias = ...`: it stands in annotations, and mypy sees to it."""
    if not isinstance(node, cst.AnnAssign):
        return False
    declared = node.annotation.annotation
    return isinstance(declared, cst.Name) and declared.value == "TypeAlias"


def _changes(node: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, cst.CSTNode]]:
    """What takes a node's place, or the place of one in it. Only expressions and small statements change:
    what spans lines of its own has an indent that its text alone does not show.
    """
    if isinstance(node, cst.If | cst.CompIf | cst.While):
        yield node.test, _either(node.test, cst.And(), "False")
        yield node.test, _either(node.test, cst.Or(), "True")
        return
    if isinstance(node, cst.BooleanOperation):
        yield node, node.left
        yield node, node.right
    for kind, operator in mutation_operators:
        if isinstance(node, kind) and kind is not cst.Match:
            yield from ((node, changed) for changed in operator(node))


def _either(test: cst.BaseExpression, operator: cst.BaseBooleanOp, constant: str) -> cst.BooleanOperation:
    """A condition that is never, or always, true, evaluated all the same: mutmut has it for `x if y`."""
    left = test.with_changes(lpar=[cst.LeftParen(), *test.lpar], rpar=[*test.rpar, cst.RightParen()])
    return cst.BooleanOperation(left=left, operator=operator, right=cst.Name(constant))


def _difference(source: str, text: str) -> tuple[str, str]:
    """The lines that differ, before and after, without what they have in common around them."""
    before, after = source.splitlines(), text.splitlines()
    first = next(
        (place for place, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), 0
    )
    before, after = before[first:], after[first:]
    while before and after and before[-1] == after[-1]:
        del before[-1], after[-1]
    was, becomes = ("\n".join(line.strip() for line in lines) for lines in (before, after))
    return was, becomes
