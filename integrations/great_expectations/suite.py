"""A Great Expectations suite over the totals: `DATABASE_URL=... python suite.py`; exits with 1 when one is not met."""

import os
import sys

import great_expectations as gx
import great_expectations.expectations as gxe

#: Table to what is expected of it.
EXPECTATIONS = {
    "customer_purchases": [
        gxe.ExpectColumnValuesToBeUnique(column="customer_id"),
        gxe.ExpectColumnValuesToBeBetween(column="orders", min_value=1),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="last_purchase_date", column_B="first_purchase_date", or_equal=True
        ),
    ],
    "channel_totals": [
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["customer_id", "channel"]),
        gxe.ExpectColumnValuesToBeBetween(column="interactions", min_value=1),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="last_at", column_B="first_at", or_equal=True),
    ],
    "daily_sales": [
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["day", "currency"]),
        gxe.ExpectColumnValueLengthsToEqual(column="currency", value=3),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="orders", column_B="customers", or_equal=True),
    ],
}


def main() -> int:
    """Validate every table; prints a line for each expectation."""
    url = "postgresql+psycopg2://" + os.environ["DATABASE_URL"].partition("://")[2]
    context = gx.get_context(mode="ephemeral")
    database = context.data_sources.add_postgres("live_customer_360", connection_string=url)
    met = True
    for table, expectations in EXPECTATIONS.items():
        batch = database.add_table_asset(table, table_name=table).add_batch_definition_whole_table("now").get_batch()
        for expectation in expectations:
            result = batch.validate(expectation)
            met &= bool(result.success)
            print("met    " if result.success else "NOT MET", table, expectation.expectation_type)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
