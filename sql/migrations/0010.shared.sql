-- What partners may see: pseudonyms, generalised attributes, and groups that are large enough, in a schema of its own.
-- Filled by `c360 share refresh` (docs/sharing.md), which also makes the role that may read it.
-- depends: 0002.access

CREATE TABLE pseudonyms (
    customer_id text PRIMARY KEY,
    pseudonym text NOT NULL UNIQUE
);
COMMENT ON TABLE pseudonyms IS
'Who is who in schema shared. Partners can''t read it; a customer who is forgotten has no row, and then none in shared.customers either.';
COMMENT ON COLUMN pseudonyms.customer_id IS 'Who.';
COMMENT ON COLUMN pseudonyms.pseudonym IS 'The first 32 hexadecimal digits of the HMAC-SHA256 of customer_id under C360_SHARING_KEY.';

CREATE SCHEMA shared;
COMMENT ON SCHEMA shared IS 'What role partner can read, and all that it can read.';

CREATE TABLE shared.contents (
    name text PRIMARY KEY,
    row_count bigint NOT NULL,
    withheld bigint NOT NULL,
    group_size integer NOT NULL,
    key_id text NOT NULL,
    refreshed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE shared.contents IS 'The tables of this schema, and how they were made.';
COMMENT ON COLUMN shared.contents.name IS 'Name of the table.';
COMMENT ON COLUMN shared.contents.row_count IS 'How many rows it has.';
COMMENT ON COLUMN shared.contents.withheld IS 'How many rows there would be more, were it not for group_size.';
COMMENT ON COLUMN shared.contents.group_size IS 'No row stands for fewer customers, or can be told from so many others.';
COMMENT ON COLUMN shared.contents.key_id IS 'Pseudonyms of another key_id are other pseudonyms: they can''t be joined with these.';
COMMENT ON COLUMN shared.contents.refreshed_at IS 'When it was filled (UTC).';

CREATE TABLE shared.customers (
    pseudonym text PRIMARY KEY REFERENCES pseudonyms (pseudonym) ON DELETE CASCADE,
    age_band text NOT NULL,
    region text NOT NULL,
    customer_type text NOT NULL,
    segment text NOT NULL,
    industry text NOT NULL,
    orders_band text NOT NULL,
    spend_band text NOT NULL,
    contacts_band text NOT NULL
);
COMMENT ON TABLE shared.customers IS
'One row per customer. Age band, region, type, segment and industry together are those of group_size customers at least; where they were not, the last of industry, age band, region, segment and type are withheld until they are, and the customer is left out where even that is not enough.';
COMMENT ON COLUMN shared.customers.pseudonym IS 'The same in every refresh under the same key_id.';
COMMENT ON COLUMN shared.customers.age_band IS 'Age in years on the day of the refresh, ''unknown'', or ''withheld''.';
COMMENT ON COLUMN shared.customers.region IS 'The country in the place of the address, ''unknown'', or ''withheld''.';
COMMENT ON COLUMN shared.customers.customer_type IS 'As told; ''unknown'' where it was not, ''withheld'' where too few have it.';
COMMENT ON COLUMN shared.customers.segment IS 'As told; ''unknown'' where it was not, ''withheld'' where too few have it.';
COMMENT ON COLUMN shared.customers.industry IS 'As told; ''unknown'' where it was not, ''withheld'' where too few have it.';
COMMENT ON COLUMN shared.customers.orders_band IS 'Number of purchases.';
COMMENT ON COLUMN shared.customers.spend_band IS 'Sum of the amounts of the purchases, as told.';
COMMENT ON COLUMN shared.customers.contacts_band IS 'Number of interactions.';

CREATE TABLE shared.sales_by_month (
    month date NOT NULL,
    category text NOT NULL,
    currency text NOT NULL,
    customers bigint NOT NULL,
    orders bigint NOT NULL,
    units bigint NOT NULL,
    amount numeric NOT NULL,
    PRIMARY KEY (month, category, currency)
);
COMMENT ON TABLE shared.sales_by_month IS 'What was sold per month (its first day, UTC), product category and currency.';
COMMENT ON COLUMN shared.sales_by_month.customers IS 'How many customers bought it.';
COMMENT ON COLUMN shared.sales_by_month.month IS 'First day of the month (UTC).';
COMMENT ON COLUMN shared.sales_by_month.category IS 'The category that the purchase names, else that of its product.';
COMMENT ON COLUMN shared.sales_by_month.currency IS 'ISO 4217.';
COMMENT ON COLUMN shared.sales_by_month.orders IS 'Number of purchases.';
COMMENT ON COLUMN shared.sales_by_month.units IS 'Sum of the quantities.';
COMMENT ON COLUMN shared.sales_by_month.amount IS 'Sum of the amounts.';

CREATE TABLE shared.interest_by_type (
    customer_type text NOT NULL,
    product text NOT NULL,
    customers bigint NOT NULL,
    interactions bigint NOT NULL,
    PRIMARY KEY (customer_type, product)
);
COMMENT ON TABLE shared.interest_by_type IS 'How much customers of each type talked about each product.';
COMMENT ON COLUMN shared.interest_by_type.customers IS 'How many customers talked about it.';
COMMENT ON COLUMN shared.interest_by_type.customer_type IS 'Type of the customers.';
COMMENT ON COLUMN shared.interest_by_type.product IS 'What they talked about.';
COMMENT ON COLUMN shared.interest_by_type.interactions IS 'Sum of the counts of the interactions.';

CREATE TABLE shared.spend_by_segment (
    segment text NOT NULL,
    region text NOT NULL,
    customers bigint NOT NULL,
    orders bigint NOT NULL,
    amount numeric NOT NULL,
    PRIMARY KEY (segment, region)
);
COMMENT ON TABLE shared.spend_by_segment IS 'What the customers of each segment and region (country) bought in all.';
COMMENT ON COLUMN shared.spend_by_segment.customers IS 'How many of them bought anything.';
COMMENT ON COLUMN shared.spend_by_segment.segment IS 'Segment of the customers now.';
COMMENT ON COLUMN shared.spend_by_segment.region IS 'Their country now.';
COMMENT ON COLUMN shared.spend_by_segment.orders IS 'Number of purchases.';
COMMENT ON COLUMN shared.spend_by_segment.amount IS 'Sum of the amounts, as told.';
