"""What is published about securities: documents with their versions, and the catalogue."""

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.instants import now
from tallystick.contracts.parties import Exercised, require_licences
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import RegisterReason
from tallystick.contracts.register.models import (
    CatalogueLine,
    CataloguePage,
    Document,
    DocumentVersion,
    Product,
)
from tallystick.contracts.register.securities import Securities


class Publications:
    """Documents and products, as one transaction sees them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._securities = Securities(ctx.state)

    def require_publisher(self, security: str) -> None:
        """Refuse unless the submitter keeps the register, or issues just this security.

        Raises:
            Refusal: SECURITY_UNKNOWN or LICENCE_MISSING.
        """
        submitter = self._ctx.client.msp_id
        powers = [Power.KEEP_REGISTER]
        if submitter == self._securities.require(security).terms.issuer:
            powers.append(Power.ISSUE_SECURITIES)
        require_licences(self._ctx, Exercised(organization=submitter, powers=tuple(powers)))

    def document(self, security: str, name: str) -> Document | None:
        """Return the version of a document that counts, or None."""
        row = self._ctx.state.load(document_key(security, name), Document)
        return None if row is None or row.is_removed else row

    def publish(self, version: DocumentVersion) -> int:
        """Publish a version of a document; return its number."""
        key = document_key(version.security, version.name)
        former = self._ctx.state.load(key, Document)
        number = 1 if former is None else former.number + 1
        row = Document(
            number=number,
            uri=version.uri,
            document_hash=version.document_hash,
            published_at=now(self._ctx),
            next_due_at=version.next_due_at,
        )
        self._ctx.state.save(key, row)
        self._ctx.emit(events.DocumentPublished(number=number, **version.model_dump()))
        return number

    def remove(self, security: str, name: str) -> None:
        """Let a document no longer count; refuse with DOCUMENT_UNKNOWN when there is none."""
        row = self.document(security, name)
        if row is None:
            raise RegisterReason.DOCUMENT_UNKNOWN.refusal(security=security, name=name)
        key = document_key(security, name)
        self._ctx.state.save(key, row.model_copy(update={"is_removed": True}))
        self._ctx.emit(events.DocumentRemoved(security=security, name=name))

    def product(self, security: str) -> Product | None:
        """Return how a security stands in the catalogue, or None."""
        return self._ctx.state.load(product_key(security), Product)

    def list_product(self, product: Product) -> None:
        """Enter a security in the catalogue, in place of what was said of it before."""
        self._ctx.state.save(product_key(product.security), product)
        self._ctx.emit(events.ProductListed(**product.model_dump()))

    def catalogue(self, page_size: int, bookmark: str) -> CataloguePage:
        """Return one page of the catalogue, by security."""
        page = self._ctx.state.partial_page("product", page_size=page_size, bookmark=bookmark)
        products = [Product.model_validate_json(value) for _, value in page.rows]
        return CataloguePage(
            products=tuple(self._line(product) for product in products), bookmark=page.bookmark
        )

    def _line(self, product: Product) -> CatalogueLine:
        security = self._securities.require(product.security)
        terms = security.terms
        return CatalogueLine(
            product=product,
            name=terms.name,
            issuer=terms.issuer,
            decimals=terms.decimals,
            identifiers=terms.identifiers,
            is_halted=security.pause is not None or security.ended is not None,
        )


def document_key(security: str, name: str) -> str:
    """Return the key of the row of a document."""
    return composite_key("document", security, name)


def product_key(security: str) -> str:
    """Return the key of the row of a product."""
    return composite_key("product", security)
