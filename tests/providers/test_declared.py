"""Prices and declared attributes of a [[provider]] table."""

import pytest
from pydantic import BaseModel, ValidationError

from providers.declared import DeclaredKeys
from service.config import Config
from service.decision.cost import Declared, Tariff
from service.declared import declared_of


def prices(value: object) -> object:
    return DeclaredKeys.model_validate({"price_per_thousand": value}, strict=True).price_per_thousand


def test_a_number_is_one_price_for_any_volume() -> None:
    assert prices(1) == ((0, 1.0),)
    assert prices(0.5) == ((0, 0.5),)
    assert prices([[0, 1], [100, 0.5]]) == ((0, 1.0), (100, 0.5))


@pytest.mark.parametrize(
    "value", [[], [[5, 1], [5, 2]], [[9, 1], [5, 2]], [[1]], "x", True, -1, float("inf"), [[-1, 1]]]
)
def test_what_is_no_price_table_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        prices(value)


class Named(DeclaredKeys):
    name: str


class Foreign(BaseModel):
    name: str


def test_the_core_gets_what_was_declared_and_nothing_of_an_adapter_without_such_keys() -> None:
    told = Named(name="a", price_per_thousand=2, currency="EUR", data_region="EU", certifications=("SOC 2",))
    config = Config.model_construct(provider=(told, Named(name="b"), Foreign(name="c")))
    assert declared_of(config) == {
        "a": Declared(tariff=Tariff(tiers=((0, 2.0),), currency="EUR"), data_region="EU", certifications=("SOC 2",)),
        "b": Declared(),
    }
