"""Write the data of the examples: `python make_data.py [FOLDER]`, FOLDER being a copy of examples/.

Nothing here is real. The seed is fixed, so that every run writes the same bytes; tests compare them
with the files that are committed.
"""

import csv
import math
import random
import sys
from datetime import date, timedelta
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent
FIRST_DAY, LAST_DAY = date(2025, 11, 1), date(2026, 10, 31)
REGIONS = {"North": 1.0, "South": 0.8, "East": 0.6, "West": 1.2}
PRODUCTS = {
    "Desk lamp": 39.0,
    "Office chair": 189.0,
    "Standing desk": 449.0,
    "Monitor arm": 89.0,
    "Filing cabinet": 129.0,
    "Whiteboard": 75.0,
    "Cable tray": 19.0,
    "Footrest": 45.0,
}


def main(examples: Path = EXAMPLES) -> None:
    tables = {
        "data/sales.csv": sales(random.Random(1)),
        "data/targets.csv": targets(random.Random(2)),
        "data/customers.csv": customers(random.Random(3)),
        "data/deliveries.csv": deliveries(random.Random(4)),
        "data/stock_warehouse.csv": stock_warehouse(random.Random(5)),
        "data/stock_erp.csv": stock_erp(random.Random(5), random.Random(6)),
    } | exports(random.Random(7))
    for path, rows in tables.items():
        target = examples / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def days():
    for n in range((LAST_DAY - FIRST_DAY).days + 1):
        yield FIRST_DAY + timedelta(days=n)


def months():
    return sorted({day.replace(day=1) for day in days()})


def season(day):
    """Weigh the months: people buy more before the year's end, less in summer."""
    return 1 + 0.3 * math.cos(2 * math.pi * (day.timetuple().tm_yday - 335) / 365)


def sales(rng):
    yield ["order_id", "order_date", "region", "product", "quantity", "unit_price", "discount", "returned"]
    number = 100_000
    for day in days():
        if day.weekday() == 6:
            continue
        for region, size in REGIONS.items():
            for _ in range(int(1.6 * size * season(day) + rng.random())):
                number += 1
                product = rng.choice(list(PRODUCTS))
                quantity = 1 + int(rng.random() ** 3 * 12)
                discount = rng.choice([0, 0, 0, 0.05, 0.1, 0.15])
                returned = "yes" if rng.random() < 0.04 else "no"
                yield [number, day, region, product, quantity, f"{PRODUCTS[product]:.2f}", discount, returned]


def targets(rng):
    yield ["region", "month", "product", "target"]
    for month in months():
        for region, size in REGIONS.items():
            for product, price in PRODUCTS.items():
                expected = 17 * size * season(month) * price
                yield [region, f"{month:%Y-%m}", product, round(expected * (0.75 + 0.5 * rng.random()), -1)]


def customers(rng):
    yield [
        "customer_id", "plan", "contract", "tenure_months", "monthly_fee",
        "logins_30d", "support_tickets", "late_payments", "churned",
    ]  # fmt: skip
    for number in range(1, 1501):
        plan = rng.choice(["basic", "basic", "plus", "pro"])
        contract = rng.choice(["monthly", "monthly", "yearly"])
        tenure = 1 + int(rng.random() ** 1.5 * 60)
        fee = {"basic": 12.0, "plus": 24.0, "pro": 49.0}[plan] * (0.9 + 0.2 * rng.random())
        logins = int(rng.random() * 40)
        tickets = int(rng.random() ** 3 * 8)
        late = int(rng.random() ** 4 * 5)
        pull = 0.2 - 0.09 * logins + 0.45 * tickets + 0.5 * late - 0.02 * tenure - 1.1 * (contract == "yearly")
        churned = int(rng.random() < 1 / (1 + math.exp(-pull)))
        # The tracking of logins was off for some weeks.
        shown = "" if rng.random() < 0.03 else logins
        yield [f"C{number:05}", plan, contract, tenure, f"{fee:.2f}", shown, tickets, late, churned]


def deliveries(rng):
    yield ["delivery_id", "order_id", "delivered_on", "carrier", "weight_kg", "country"]
    for number in range(1, 901):
        day = FIRST_DAY + timedelta(days=int(rng.random() * 365))
        weight = f"{0.5 + rng.random() * 30:.1f}"
        if rng.random() < 0.015:
            weight = "-1.0"
        country = "" if rng.random() < 0.03 else rng.choice(["DE", "FR", "NL", "PL"])
        # Some deliveries arrive twice, as exports do.
        identity = f"D{number - 1 if rng.random() < 0.01 and number > 1 else number:05}"
        yield [
            identity,
            100_001 + int(rng.random() * 1400),
            day,
            rng.choice(["Hermod", "Kurio", "Parcelo"]),
            weight,
            country,
        ]


def stock_warehouse(rng):
    yield ["sku", "product", "counted"]
    for number in range(1, 81):
        product = rng.choice(list(PRODUCTS))
        yield [f"SKU-{number:04}", product, int(rng.random() * 200)]


def stock_erp(count, rng):
    """Count the same as the ERP does: mostly equal, and two SKUs that a migration wrote twice."""
    yield ["SKU", "booked", "last_change"]
    for number, row in enumerate(stock_warehouse(count)):
        if number == 0:
            continue
        sku, _, counted = row
        booked = counted + (rng.choice([-3, -1, 2, 6]) if rng.random() < 0.1 else 0)
        yield [sku, booked, LAST_DAY - timedelta(days=int(rng.random() * 30))]
        if sku in ("SKU-0017", "SKU-0052"):
            yield [sku, 0, date(2026, 10, 5)]


def exports(rng):
    """Write small exports of the shop, one a month, for the shell example to rotate."""
    return {
        f"shell/exports/export-{month:%Y-%m}.csv": [
            ["order_id", "total"],
            *([f"{month:%y%m}{n:03}", f"{20 + rng.random() * 480:.2f}"] for n in range(1, 26)),
        ]
        for month in months()[-6:]
    }


if __name__ == "__main__":
    main(*(Path(folder) for folder in sys.argv[1:2]))
