import pandas as pd

NUMERIC = ["tenure_months", "monthly_fee", "logins_30d", "support_tickets", "late_payments"]
CATEGORIES = ["plan", "contract"]


def prepare(customers):
    """Build the feature matrix: numbers as they are (login gaps filled with the median), categories one-hot."""
    x = customers[NUMERIC].copy()
    x["logins_30d"] = x["logins_30d"].fillna(x["logins_30d"].median())
    return x.join(pd.get_dummies(customers[CATEGORIES], drop_first=True, dtype=int))
