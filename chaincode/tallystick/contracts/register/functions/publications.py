"""Documents and the catalogue, as callers of the token contract see them."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.licensed import MarketContract, licence_first
from tallystick.contracts.models import Identifier, PageSize
from tallystick.contracts.register.models import (
    CataloguePage,
    Document,
    DocumentVersion,
    Product,
)
from tallystick.contracts.register.publications import Publications


class PublicationFunctions(MarketContract):
    """What is published about securities."""

    @transaction
    @licence_first()
    def publish_document(self, ctx: Context, version: DocumentVersion) -> int:
        """Publish a document, or its next version; return the version's number."""
        publications = Publications(ctx)
        publications.require_publisher(version.security)
        return publications.publish(version)

    @transaction
    @licence_first()
    def remove_document(self, ctx: Context, security: Identifier, name: Identifier) -> None:
        """Let a document no longer count; its versions stay in history."""
        publications = Publications(ctx)
        publications.require_publisher(security)
        publications.remove(security, name)

    @transaction
    @licence_first()
    def list_product(self, ctx: Context, product: Product) -> None:
        """Enter a security in the catalogue, with its class of risk."""
        publications = Publications(ctx)
        publications.require_publisher(product.security)
        publications.list_product(product)

    @query
    def document(self, ctx: Context, security: str, name: str) -> Document | None:
        """Return the version of a document that counts, if there is one."""
        return Publications(ctx).document(security, name)

    @query
    def product(self, ctx: Context, security: str) -> Product | None:
        """Return how a security stands in the catalogue, if it does."""
        return Publications(ctx).product(security)

    @query
    def catalogue(
        self, ctx: Context, page_size: PageSize = 100, bookmark: str = ""
    ) -> CataloguePage:
        """Return one page of the catalogue, by security."""
        return Publications(ctx).catalogue(page_size, bookmark)
