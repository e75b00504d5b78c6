"""What the administrator writes down of a provider that no probe can measure: prices, and what it says of itself."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, field_validator

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Tier = tuple[Annotated[int, Field(ge=0)], Price]
Words = Annotated[str, Field(min_length=1, max_length=100)]


class DeclaredKeys(BaseModel):
    """Keys of every [[provider]] table that `compare` shows and nothing judges by."""

    price_per_thousand: tuple[Tier, ...] | None = Field(
        None,
        examples=[[[0, 0.9], [100000, 0.7]]],
        description="Price of a thousand messages: a number, or [messages a month from which it holds, price] pairs in "
        "rising order; a month's mail costs the price that its volume reaches. Absent: cost is not compared.",
    )
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(
        "USD", description="Currency of price_per_thousand, three letters (ISO 4217)."
    )
    data_region: Words | None = Field(
        None, examples=["EU"], description="Where the provider keeps data, as it declares. Shown by compare."
    )
    retention: Words | None = Field(
        None, examples=["7 days"], description="How long it keeps messages, as it declares. Shown by compare."
    )
    certifications: tuple[Words, ...] = Field(
        (),
        strict=False,
        max_length=20,
        examples=[["ISO 27001", "SOC 2"]],
        description="Certifications that it declares. Shown by compare.",
    )
    support: Words | None = Field(
        None, examples=["24/7, phone"], description="Support that it offers. Shown by compare."
    )

    @field_validator("price_per_thousand", mode="before")
    @classmethod
    def _one_price(cls, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return ((0, value),)
        return (
            tuple(tuple(one) if isinstance(one, list) else one for one in value) if isinstance(value, list) else value
        )

    @field_validator("price_per_thousand")
    @classmethod
    def _rising(cls, value: tuple[Tier, ...] | None) -> tuple[Tier, ...] | None:
        if value == ():
            raise ValueError("there is no price in the list; write a number or [volume, price] pairs, or leave it out")
        starts = [start for start, _ in value or ()]
        if starts != sorted(set(starts)):
            raise ValueError(
                "the volumes are not in rising order; write the pair with the least volume first, each volume once"
            )
        return value
