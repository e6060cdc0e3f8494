"""Policy packs for tests: a YAML file is parsed once, and everybody gets a copy of their own."""

from __future__ import annotations

import copy
import json
from functools import cache

import yaml
from pydantic import TypeAdapter


def values_of(path):
    """A YAML file as plain values, to be changed at will."""
    return copy.deepcopy(_parsed(path))


def typed(module, values):
    """The pack of a policy module from plain values, as it is read at load: through JSON, strictly."""
    return _adapter(module).validate_json(json.dumps(values))


@cache
def _parsed(path):
    return yaml.safe_load(path.read_text())


@cache
def _adapter(module):
    return TypeAdapter(module.Model)
