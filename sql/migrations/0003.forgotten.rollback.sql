DROP TABLE forgotten_customers;
