DROP VIEW IF EXISTS category_amounts_wide;
DROP TABLE monthly_reports, category_columns, refreshes;
