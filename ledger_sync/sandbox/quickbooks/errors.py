"""The ways QuickBooks refuses, and the two envelopes it refuses in."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_sync.sandbox.quickbooks import wire
from practice.core import clock
from practice.core.sandbox.http import Response

JSON = "application/json;charset=UTF-8"


@dataclass(frozen=True)
class Problem:
    """One entry of a fault: code, message and detail as Intuit's error list words them."""

    code: str
    message: str
    detail: str
    element: str = ""


class Invalid(Exception):
    """A request breaks a rule of the books; several problems may come at once."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(p.detail for p in problems))
        self.problems = problems


class Refused(Exception):
    """The whole request is answered with an error."""

    def __init__(self, response: Response) -> None:
        super().__init__(str(response.status))
        self.response = response


def fault(problems: tuple[Problem, ...], kind: str = "ValidationFault") -> wire.Row:
    """The ``Fault`` of an answer or of one item of a batch."""
    rows = [{"Message": p.message, "Detail": p.detail, "code": p.code, "element": p.element} for p in problems]
    return {"Error": rows, "type": kind}


def faulty(problems: tuple[Problem, ...], status: int = 400, kind: str = "ValidationFault") -> Response:
    """An answer that is a fault."""
    body = {"Fault": fault(problems, kind), "time": wire.answered(clock.now())}
    return Response(status, wire.encode(body).encode(), {"Content-Type": JSON})


def gateway(
    status: int, words: str, code: str, kind: str, headers: dict[str, str] | None = None, *, detail: str = ""
) -> Response:
    """An answer of the gateway before the API, in lower case (401 as captured; nulls included)."""
    text = f"message={words}; errorCode=00{code}; statusCode={status}"
    said = f'"{detail}"' if detail else "null"
    error = f'{{"message":"{text}","detail":{said},"code":"{code}","element":null}}'
    millis = int(clock.now().timestamp() * 1000)
    body = (
        f'{{"warnings":null,"intuitObject":null,"fault":{{"error":[{error}],"type":"{kind}"}},"report":null,'
        '"queryResponse":null,"batchItemResponse":[],"attachableResponse":[],"syncErrorResponse":null,"requestId":null,'
        f'"time":{millis},"status":null,"cdcresponse":[]}}'
    )
    return Response(status, body.encode(), {"Content-Type": JSON, **(headers or {})})


def unauthorised() -> Response:
    """401 for a token that is missing, unknown, expired or revoked (captured)."""
    return gateway(401, "AuthenticationFailed", "3200", "AUTHENTICATION")


def forbidden() -> Response:
    """403 for a company the app may not use (captured)."""
    return gateway(403, "ApplicationAuthorizationFailed", "3100", "SERVICE")


def locked_out() -> Response:
    """401 for a person who may no longer manage the company (Intuit docs, Handling common errors)."""
    text = "AuthorizationFailure: –11014-You do not have access to use QuickBooks Online Plus."
    return faulty((Problem("120", "Authorization Failure", text),), 401, "AuthorizationFault")


#: The forms a 429 is told in.
FORMS = ("lower", "upper", "xml")
_THROTTLED = "message=ThrottleExceeded; errorCode=003001; statusCode=429"
#: Captured: beanworks/quickbooks-online-v3-sdk#6, python-quickbooks#43 (the two spaces are Intuit's).
_LIMIT_REACHED = "The request limit was reached.  Try again later"


def throttled(*, form: str, retry_after: int | None) -> Response:
    """429 in one of its forms: lower, upper or xml."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if form == "xml":
        text = (
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
            f'<IntuitResponse time="{wire.answered(clock.now())}" xmlns="http://schema.intuit.com/finance/v3">\n'
            f'    <Fault type="SERVICE">\n        <Error code="3001">\n            <Message>{_THROTTLED}</Message>\n'
            f"            <Detail>{_LIMIT_REACHED}</Detail>\n        </Error>\n    </Fault>\n</IntuitResponse>"
        )
        return Response(429, text.encode(), {"Content-Type": "application/xml;charset=UTF-8", **headers})
    if form == "lower":
        return gateway(429, "ThrottleExceeded", "3001", "SERVICE", headers, detail=_LIMIT_REACHED)
    response = faulty((Problem("3001", _THROTTLED, _LIMIT_REACHED),), 429, "SERVICE")
    response.headers.update(headers)
    return response


def system(status: int = 500) -> Response:
    """An error of QuickBooks' own; seen with 500, 503 and 200 (Intuit's error list)."""
    text = "An application error has occurred while processing your request"
    return faulty((Problem("10000", text, "System Failure Error: " + text),), status, "SystemFault")


# The rules, by number


def unsupported(what: str) -> Problem:
    """An operation this entity does not have."""
    return Problem("500", "Unsupported Operation", f"Operation {what} is not supported.")


def not_found(detail: str = "Another user has deleted this transaction.") -> Problem:
    """No such object any more."""
    return Problem("610", "Object Not Found", f"Object Not Found : {detail}")


def inactive() -> Problem:
    """Something the document refers to was made inactive."""
    return not_found(
        "Something you're trying to use has been made inactive. Check the fields with accounts, customers, items, "
        "vendors or employees."
    )


def inactive_reference() -> Problem:
    """The same, told as a reference that leads nowhere (captured: QuickBooks-V3-PHP-SDK#95, #110)."""
    text = inactive().detail.removeprefix("Object Not Found : ")
    return Problem("2500", "Invalid Reference Id", f"Invalid Reference Id : {text}")


def has_dependants(detail: str) -> Problem:
    """Something else is linked to it (text unsure)."""
    return Problem("800", "Cannot delete", detail)


def unknown_property(name: str) -> Problem:
    """A property that nobody knows."""
    text = "Request has invalid or unsupported property"
    return Problem("2010", text, f"Property Name:{name} specified is unsupported or invalid", name)


def missing(name: str) -> Problem:
    """A property that must be there."""
    text = "Required param missing, need to supply the required value for the API"
    return Problem("2020", text, f"Required parameter {name} is missing in the request", name)


def _unread(what: str) -> Problem:
    """A property that could not be read into its type; QuickBooks cuts its own words short (both captured)."""
    return Problem(
        "2010",
        "Request has invalid or unsupported property",
        f"Property Name:{what} specified is unsupported or invalid",
    )


def bad_number() -> Problem:
    """A number that is none (captured: node-quickbooks#39)."""
    return _unread("Can not construct instance of java.m")


def bad_date() -> Problem:
    """A date that is none (by the number's example; unsure)."""
    return _unread("Can not construct instance of java.u")


def wrong_shape() -> Problem:
    """A plain value where an object belongs, or the other way round (captured: python-quickbooks#24)."""
    return _unread("Can not instanti")


def unreadable() -> Problem:
    """A body that is no JSON object (captured: QuickBooks-V3-DotNET-SDK#376)."""
    text = "Property Name:failed to parse json object; a property specified is unsupported or invalid"
    return Problem("2010", "Request has invalid or unsupported property", text)


def not_utf8() -> Problem:
    """A body that is not UTF-8 (Intuit docs, Handling common errors)."""
    return unsupported(
        "com.sun.org.apache.xerces.internal.impl.io.MalformedByteSequenceException: Invalid byte 1 of 1-byte UTF-8 "
        "sequence"
    )


def too_long(name: str, most: int, given: int) -> Problem:
    """A text that is too long."""
    return Problem(
        "2050", "Invalid String Length", f"String length is too long. Min:0 Max:{most} supplied:{given}", name
    )


def bad_characters(name: str) -> Problem:
    """A name with a colon, a tab or a line break (code unsure)."""
    return Problem(
        "2040", "Invalid String. The string contains invalid characters", f"Invalid characters in {name}", name
    )


def bad_choice(name: str, value: object) -> Problem:
    """A word outside the list of allowed ones."""
    return Problem("2170", "Invalid Enumeration", f"Invalid Enumeration : {value}", name)


def bad_email(name: str) -> Problem:
    """An email address without @ or dot."""
    text = "Invalid Email Address format"
    return Problem("2210", text, "Email Address does not conform to the syntax rules of RFC 822.", name)


def bad_reference(kind: str, key: str) -> Problem:
    """A reference to nothing; an item is named by its place (captured: QuickBooks-V3-PHP-SDK#102)."""
    if kind == "Item":
        place = "Line.SalesItemLineDetail.ItemRef"
        return Problem("2500", "Invalid Reference Id", f"Invalid Reference Id : {place}", place)
    return Problem("2500", "Invalid Reference Id", f"Invalid Reference Id : {kind}s element id {key} not found", kind)


def negative(name: str) -> Problem:
    """A negative line where none may be."""
    return Problem(
        "2290", "Negative amounts aren't supported", "Negative amounts aren't supported on transaction lines", name
    )


def unbalanced() -> Problem:
    """A journal entry whose debits are not its credits (code as listed, text unsure)."""
    return Problem("2300", "Debits and credits do not balance", "Debits must equal credits in a journal entry")


def stale() -> Problem:
    """Somebody else saved first."""
    return Problem(
        "5010",
        "Stale Object Error",
        "Stale Object Error : You and root were working on this at the same time. root finished before you did, so "
        "your work was not saved.",
    )


def business(detail: str) -> Problem:
    """A rule of bookkeeping."""
    return Problem(
        "6000",
        "A business validation error has occurred while processing your request",
        f"Business Validation Error: {detail}",
    )


def not_in_plan(detail: str) -> Problem:
    """A feature that is off, or not in the company's plan (code as listed, words unsure)."""
    return Problem("5030", "Feature Not Supported", f"Feature Not Supported : {detail}")


def expired() -> Problem:
    """The company's subscription ended: it can be read, not written (captured: QuickBooks-V3-PHP-SDK#211)."""
    return Problem(
        "6190",
        "Invalid Company Status",
        "Subscription period has ended or canceled or there was a billing problem : You can't add data to QuickBooks "
        "Online Plus because your trial or subscription period ended, you canceled your subscription, or there was a "
        "billing problem. To update your subscription, click the gear icon and view your account information.",
    )


def transient() -> Problem:
    """The 6000 that passes by itself (captured)."""
    return business(
        "An unexpected error occurred while accessing or saving your data. Please wait a few minutes and try again."
    )


def no_type() -> Problem:
    """An account without a type."""
    return Problem(
        "6010", "Account type or subtype is missing", "AccountType or AccountSubType is required", "AccountType"
    )


def wrong_amount(supplied: object) -> Problem:
    """An amount that is not quantity times price; each line has its own (captured: QuickBooks-V3-PHP-SDK#445)."""
    return Problem(
        "6070",
        "Amount calculation incorrect in the request.",
        f"Amount is not equal to UnitPrice * Qty. Supplied value:{supplied}",
        "Line.Amount",
    )


def too_deep() -> Problem:
    """A list nested deeper than five levels (code as listed, words unsure)."""
    return Problem("6180", "Sub Level Limit", "You can have at most five levels of names.")


def no_name() -> Problem:
    """A person or company without a name."""
    return Problem("6080", "No name provided", "At least one of the name fields is required", "DisplayName")


def bad_tax_code(code: str) -> Problem:
    """A US line takes TAX or NON."""
    return Problem(
        "6100", "Invalid Line TaxCode", f"Invalid tax code {code}: lines of US companies take TAX or NON", "TaxCodeRef"
    )


def number_taken(number: str, kind: str, key: str) -> Problem:
    """A document number used before; the suffix tells by what (captured)."""
    return Problem(
        "6140",
        "Duplicate Document Number Error",
        "Duplicate Document Number Error : You must specify a different number. This number has already been used. "
        f"DocNumber={number} is assigned to TxnType={kind} with TxnId={key}",
    )


def closed() -> Problem:
    """The books are closed for the date."""
    return Problem(
        "6210",
        "Account Period Closed",
        "The account period has closed and the account books cannot be updated through the QBO Services API. Please "
        "use the QBO website to make these changes.",
    )


def has_balance(what: str) -> Problem:
    """Something with a balance cannot be deactivated (captured)."""
    return Problem(
        "6220",
        "Delete List Has Balance Error",
        "The entity you are trying to delete has an open balance. : "
        f"This {what} cannot be deleted because it has a non-zero balance",
    )


def name_taken() -> Problem:
    """A name that a customer, vendor or employee has already."""
    return Problem(
        "6240",
        "Duplicate Name Exists Error",
        "The name supplied already exists. : Another customer, vendor or employee is already using this name. Please "
        "use a different name.",
    )


def deposited() -> Problem:
    """A payment that lies in a deposit."""
    return Problem(
        "6540",
        "Deposited Transaction cannot be changed",
        "This transaction has been deposited. If you want to change or delete it, you must edit the deposit it appears "
        "on and remove it first.",
    )


def too_many_items(most: int) -> Problem:
    """A batch that is too large."""
    return Problem("1040", "Batch size exceeds allowed limit", f"A batch holds at most {most} items")


def query(code: str, detail: str) -> Problem:
    """A query that cannot be read (4000), means nothing here (4001) or cannot be worked (4002)."""
    words = {"4000": "Error parsing query", "4001": "Invalid query", "4002": "Error processing query"}
    return Problem(code, words[code], detail)
