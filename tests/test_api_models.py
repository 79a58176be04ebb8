from __future__ import annotations

import pkgutil
from importlib import import_module

import pytest
from pydantic import BaseModel

from dataops_lab import api_models

MODULES = [found.name for found in pkgutil.iter_modules(api_models.__path__)]


@pytest.mark.parametrize("module", MODULES)
def test_every_model_can_be_had_from_the_package(module):
    home = import_module(f"{api_models.__name__}.{module}")
    models = {
        name: member
        for name, member in vars(home).items()
        if isinstance(member, type) and issubclass(member, BaseModel) and member.__module__ == home.__name__
    }

    assert {name: getattr(api_models, name) for name in models} == models


@pytest.mark.parametrize("name", api_models._HOMES)
def test_every_name_of_the_package_is_one_of_the_module_that_it_says(name):
    assert getattr(api_models, name) is getattr(import_module(f".{api_models._HOMES[name]}", api_models.__name__), name)


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = api_models.Nothing
