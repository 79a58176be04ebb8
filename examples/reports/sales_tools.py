"""Things the sales notebooks share."""

import pandas as pd


def load_orders(path):
    orders = pd.read_csv(path, parse_dates=["order_date"])
    orders["returned"] = orders["returned"].eq("yes")
    orders["revenue"] = orders["quantity"] * orders["unit_price"] * (1 - orders["discount"])
    return orders


def in_month(frame, month, column="order_date"):
    """Select the rows of the calendar month that holds the day `month`."""
    return frame[frame[column].dt.to_period("M") == pd.Period(month, freq="M")]


def euros(x, _position=None):
    return f"{x:,.0f} €"
