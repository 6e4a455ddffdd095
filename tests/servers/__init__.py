"""Private RabbitMQ and PostgreSQL for the tests: on free ports, in temporary folders, so that tests may kill them."""
