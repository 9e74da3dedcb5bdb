"""What somebody would write by hand for a page of orders with pydantic."""

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class _Record(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="allow")

    id: str = Field(alias="_id")


class File(BaseModel):
    name: str | None = None
    url: str | None = None
    size: int | None = None


class Product(_Record):
    user_id: str | None = None
    name: str | None = None
    price: Decimal | None = None
    currency: str | None = None
    type: str | None = None
    active: bool | None = None
    published: bool | None = None
    slug: str | None = None
    images: list[str] | None = None
    files: list[File] | None = None
    pay_want: bool | None = None
    show_sales: bool | None = None
    show_reviews: bool | None = None
    subtitle: str | None = None
    description: str | None = None
    thumbnail: str | None = None
    test_mode: bool | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Customer(_Record):
    buyer_email: str | None = None


class Order(_Record):
    user_id: str | None = None
    product_id: str | None = None
    buyer_email: str | None = None
    gross_amount: Decimal | None = None
    net_amount: Decimal | None = None
    tax_amount: Decimal | None = None
    amount_before_tax: Decimal | None = None
    currency: str | None = None
    country: str | None = None
    is_refunded: bool | None = None
    is_disputed: bool | None = None
    is_subscription: bool | None = None
    test_mode: bool | None = None
    stripe_fee: Decimal | None = None
    product: Product | None = None
    customer: Customer | None = None
    created_at: datetime | None = None


class Pagination(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    total_count: int
    total_pages: int
    current_page: int
    page_size: int
    has_more: bool


class OrdersPage(BaseModel):
    orders: list[Order]
    pagination: Pagination
