"""Who is in the demo. Every name, company and address here is invented."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True)
class Player:
    """Somebody who signs in with one press; ``roles`` are per firm slug."""

    key: str
    name: str
    email: str
    roles: dict[str, tuple[str, ...]]
    what: str


@dataclass(frozen=True)
class Offer:
    """One service of a firm's catalogue."""

    code: str
    name: str
    description: str
    price: Decimal
    cadence: str
    unit: str = ""


@dataclass(frozen=True)
class FirmCast:
    """One demo firm: its entity, catalogue and clients."""

    slug: str
    name: str
    initials: str
    entity: str
    country: str
    currency: str
    zone: str
    tax_number: str
    basis: str
    deposit_kind: str
    phone: str
    address: str
    provider: str
    stripe_account: str
    city: str
    region: str
    offers: tuple[Offer, ...]
    terms: str
    clients: tuple[tuple[str, str], ...] = field(default=())


_TERMS = """This agreement is between {{firm.name}} and {{client.name}}.

We do the work listed above with care and on time, from {{start_date}}. You give us the records we need when we ask for them.

Fees are billed as listed and paid by card or bank debit on the day they are due. If a payment fails we tell you and try again; work may stop while a bill stays unpaid.

Either of us may end this agreement with one month's notice in writing. Prices change only with your approval.

We keep your records confidential and for as long as the law asks. Our liability is limited by a scheme approved under professional standards legislation where one applies."""

SUMMARY = [
    ["How long", "Month by month, from the start date"],
    ["Ending it", "Either of us, with one month's notice"],
    ["Price changes", "Only with your approval"],
    ["Payment", "By card or bank debit on the day it is due"],
]

HARBOUR = FirmCast(
    slug="harbour-vale", name="Harbour & Vale", initials="HV", entity="Harbour & Vale Pty Ltd", country="AU",
    currency="AUD", zone="Australia/Sydney", tax_number="51824753556", basis="invoice", deposit_kind="part_payment",
    phone="02 5550 0142", address="8 Wharf Lane, Sydney NSW 2000", provider="xero", stripe_account="acct_harbour",
    city="Sydney", region="NSW",
    offers=(
        Offer("BK", "Bookkeeping", "Transactions coded and the bank reconciled every week", Decimal(420), "month"),
        Offer("PAY", "Payroll", "Pay runs, payslips and single touch payroll", Decimal("9.50"), "month", "person"),
        Offer("BAS", "BAS lodgment", "Prepared, checked with you and lodged", Decimal(240), "quarter"),
        Offer("EOY", "Year-end accounts", "Financial statements and the company tax return", Decimal(3000), "completion"),
        Offer("ADV", "Advice calls", "A call every month, with notes", Decimal(280), "month"),
        Offer("SET", "Set-up", "Your file set up and your team shown around", Decimal(350), "once"),
    ),
    terms=_TERMS,
    clients=(
        ("Larkspur Bakery", "Amélie Larkspur"), ("Tidewater Yachts", "Marcus Odell"), ("Calder Physio", "Ines Calder"),
        ("Northgate Dental", "Priya Raman"), ("Oakridge Farms", "Tom Oakridge"), ("Penrose Joinery", "Hugh Penrose"),
        ("Saltbush Brewing", "Dana Whitlock"), ("Kestrel Freight", "Leo Marsh"), ("Blue Wattle Florist", "Mei Tan"),
        ("Ironbark Gym", "Sam Fisher"), ("Coastal Optics", "Ruth Adler"), ("Paperbark Books", "Jonah Reid"),
        ("Sandstone Legal", "Clara Voss"), ("Magpie Media", "Arlo Bennett"), ("Driftwood Cafe", "Nina Costa"),
        ("Summit Roofing", "Greg Tully"), ("Willow Vets", "Anya Petrov"), ("Copper Kettle Tea", "Holly Grant"),
        ("Redgum Builders", "Pat Nolan"), ("Lantern Studios", "Zara Khan"), ("Harbourlight Tours", "Felix Moore"),
        ("Greenstone Landscapes", "Wiremu Hale"), ("Quill & Ink Print", "Esme Doyle"), ("Bluestone Pilates", "Kate Lim"),
        ("Cedar Kids Care", "Omar Haddad"), ("Anchor Marine Supply", "Bridget Shaw"), ("Fernhill Honey", "Ivy Brooks"),
        ("Starling Music School", "Theo Park"), ("Granite Engineering", "Lena Roth"), ("Juniper Skin Clinic", "Aisha Noor"),
        ("Wayfarer Campers", "Dean Holt"), ("Opal Jewellers", "Sofia Marin"), ("Millstone Bread", "Gus Peters"),
        ("Heron Architects", "Vera Lindt"), ("Tallow Candle Co", "Rosa Bianchi"), ("Pioneer Cycles", "Jack Ellery"),
        ("Silverleaf Olives", "Nikos Pappas"), ("Beacon IT", "Hana Sato"), ("Cobbler & Sons", "Fred Cobb"),
        ("Mulberry Childrenswear", "Alice Wren"),
    ),
)  # fmt: skip

LARKIN = FirmCast(
    slug="larkin-cpa", name="Larkin CPA", initials="LC", entity="Larkin CPA LLC", country="US", currency="USD",
    zone="America/Chicago", tax_number="911144442", basis="payments", deposit_kind="upfront_fee",
    phone="(312) 555-0142", address="210 Prairie Avenue, Chicago, IL 60601", provider="quickbooks",
    stripe_account="acct_larkin", city="Chicago", region="IL",
    offers=(
        Offer("BK", "Bookkeeping", "Books closed by the tenth of each month", Decimal(450), "month"),
        Offer("PAY", "Payroll", "Payroll, filings and W-2s", Decimal(12), "month", "employee"),
        Offer("TAX", "Business tax return", "Federal and state returns", Decimal(1800), "completion"),
        Offer("EST", "Quarterly estimates", "Estimated taxes worked out and filed", Decimal(220), "quarter"),
        Offer("CFO", "CFO hour", "An hour with a partner each month", Decimal(260), "month"),
        Offer("SET", "Clean-up", "Past months put in order", Decimal(400), "once"),
    ),
    terms=_TERMS.replace(
        "Our liability is limited by a scheme approved under professional standards legislation where one applies.",
        "Our liability is limited to the fees paid in the last twelve months.",
    ),
    clients=(
        ("Prairie Coffee Roasters", "Ellen Burke"), ("Lakeshore Dental Group", "Victor Chan"),
        ("Cornerstone HVAC", "Mike Sorensen"), ("Bluebird Daycare", "Tanya Wells"), ("Windy City Cycles", "Ray Ortiz"),
        ("Maple Street Books", "June Parker"), ("Harbor Point Marina", "Chris Dale"), ("Sunrise Yoga", "Leah Stein"),
        ("Redline Auto", "Tony Russo"), ("Clover Landscaping", "Sean Foley"), ("Northside Vets", "Gina Alvarez"),
        ("Ironworks Gym", "Dwayne Cole"), ("Juniper Salon", "Bea Collins"), ("Stonebridge Realty", "Paul Nguyen"),
        ("Cedar Falls Catering", "Marta Silva"), ("Great Plains Freight", "Walt Jensen"), ("Lumen Photography", "Ada Fox"),
        ("Oak & Ember Grill", "Nate Brooks"), ("Silver Lake Optical", "Irene Cho"), ("Pinecrest Builders", "Doug Hale"),
        ("Meadow Fresh Foods", "Carla Diaz"), ("Beacon Tutoring", "Samir Patel"), ("Orchard Pediatrics", "Lily Moore"),
        ("Steel City Welding", "Hank Novak"), ("Riverwalk Tours", "Jo Kim"), ("Hilltop Brewing", "Evan Price"),
        ("Parkside Pharmacy", "Nora Weiss"), ("Quilt & Thread", "May Johnson"), ("Sable Interiors", "Diana Roth"),
        ("Union Square Print", "Al Greco"), ("Violet Florist", "Rosa Vega"), ("Wagon Wheel Toys", "Ben Archer"),
        ("Yellow Door Design", "Kim Lane"), ("Zephyr Sailing", "Cole Bishop"), ("Amber Home Care", "Ruth Okafor"),
        ("Bristol Plumbing", "Stan Kowal"), ("Crescent Music", "Iris Bloom"), ("Dover Law Office", "Grant Meyer"),
        ("Elm Grove Farm", "Hattie Jones"), ("Falcon Security", "Luis Moreno"),
    ),
)  # fmt: skip

FIRMS = (HARBOUR, LARKIN)

PLAYERS = (
    Player("olivia", "Olivia Harbour", "olivia@harbourvale.example", {"harbour-vale": ("owner",)}, "owns Harbour & Vale"),
    Player("james", "James Vale", "james@harbourvale.example", {"harbour-vale": ("partner",)}, "partner, sends proposals"),
    Player("priya", "Priya Shah", "priya@harbourvale.example", {"harbour-vale": ("preparer",)}, "preparer, drafts them"),
    Player("ben", "Ben Ford", "ben@harbourvale.example", {"harbour-vale": ("billing",)}, "billing"),
    Player(
        "sana", "Sana Malik", "sana@booksinstep.example",
        {"harbour-vale": ("sync_admin",), "larkin-cpa": ("sync_admin",)}, "sync admin of both firms",
    ),
    Player("ada", "Ada Quinn", "ada@auditors.example", {"harbour-vale": ("auditor",)}, "auditor, reads everything"),
    Player("dana", "Dana Larkin", "dana@larkincpa.example", {"larkin-cpa": ("owner", "partner")}, "owns Larkin CPA"),
    Player("carl", "Carl Wu", "carl@larkincpa.example", {"larkin-cpa": ("billing",)}, "billing at Larkin CPA"),
)  # fmt: skip
