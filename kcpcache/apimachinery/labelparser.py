"""The query form of label selectors: a lexer and a parser with Kubernetes' grammar and messages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from kcpcache.apimachinery import errors

Term: TypeAlias = tuple[str, str, tuple[str, ...]]  # key, operator as in `labels.Requirement`, values

_TOKEN = re.compile(r"[ \t\r\n]*(?:(==|!=|[=!(),<>])|([^ \t\r\n=!(),<>]+))")
_BINARY_OPERATORS = "in, notin, =, ==, !=, gt, lt"
_SIGNS = {"=": "=", "==": "==", "!=": "!=", ">": "gt", "<": "lt"}
_BLANKS = " \t\r\n"
_END = "end of string"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # the special symbol itself, "identifier" or "end of string"
    text: str


def terms(text: str) -> list[Term]:
    """The terms of a selector in query form; keys and values are not checked.

    Raises:
        BadRequest: worded as k8s.io/apimachinery/pkg/labels words it.
    """
    return _Parser(text).terms()


def _refuse(message: str) -> NoReturn:
    raise errors.BadRequest(message)


def _refuse_term(message: str) -> NoReturn:
    _refuse(f"unable to parse requirement: {message}")


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.position = 0

    def terms(self) -> list[Term]:
        found: list[Term] = []
        if self._lookahead().kind == _END:
            return found
        while True:
            token = self._lookahead()
            if token.kind not in ("identifier", "!"):
                wanted = "identifier after ','" if found else "!, identifier, or 'end of string'"
                _refuse(f"found '{token.text}', expected: {wanted}")
            found.append(self._term())
            token = self._consume()
            if token.kind == _END:
                return found
            if token.kind != ",":
                _refuse(f"found '{token.text}', expected: ',' or 'end of string'")

    def _lookahead(self) -> _Token:
        return self.tokens[self.position]

    def _consume(self) -> _Token:
        token = self.tokens[self.position]
        self.position = min(self.position + 1, len(self.tokens) - 1)
        return token

    def _term(self) -> Term:
        negated = self._lookahead().kind == "!"
        if negated:
            self._consume()
        key = self._consume()
        if key.kind != "identifier":
            _refuse_term(f"found '{key.text}', expected: identifier")
        if negated:
            return key.text, "!", ()
        if self._lookahead().kind in (",", _END):
            return key.text, "exists", ()
        operator = self._operator()
        values = self._values() if operator in ("in", "notin") else [self._exact_value()]
        return key.text, operator, tuple(values)

    def _operator(self) -> str:
        token = self._consume()
        if token.text in ("in", "notin"):
            return token.text
        if token.kind not in _SIGNS:
            _refuse_term(f"found '{token.text}', expected: {_BINARY_OPERATORS}")
        return _SIGNS[token.kind]

    def _exact_value(self) -> str:
        if self._lookahead().kind in (",", _END):
            return ""
        token = self._consume()
        if token.kind != "identifier":
            _refuse_term(f"found '{token.text}', expected: identifier")
        return token.text

    def _values(self) -> list[str]:
        """What stands in parentheses; as in Kubernetes, an empty place between commas is the value ""."""
        token = self._consume()
        if token.kind != "(":
            _refuse_term(f"found '{token.text}' expected: '('")
        values: list[str] = []
        if self._lookahead().kind == ")":
            self._consume()
            return values
        while True:
            token = self._consume()
            if token.kind == "identifier":
                values.append(token.text)
                token = self._consume()
            elif token.kind in (",", ")"):
                values.append("")
            else:
                _refuse_term(f"found '{token.text}', expected: ',', ')' or identifier")
            if token.kind == ")":
                return values
            if token.kind != ",":
                _refuse_term(f"found '{token.text}', expected: ',' or ')'")


def _tokens(text: str) -> list[_Token]:
    tokens = [
        _Token(found[1], found[1]) if found[1] else _Token("identifier", found[2])
        for found in _TOKEN.finditer(text.strip(_BLANKS))
    ]
    return [*tokens, _Token(_END, "")]
