-- +goose Up
-- Which workers can still work over this schema. A worker's version is the number
-- of the newest migration it knows. Migrations only add, so older workers go on
-- while a fleet is upgraded; one that must take something away sets this to its
-- own number, and is released after workers that no longer need it.
CREATE TABLE gangway.schema_info (
    one                boolean PRIMARY KEY DEFAULT true CHECK (one), -- row
    min_worker_version bigint  NOT NULL
);

INSERT INTO gangway.schema_info (min_worker_version) VALUES (1);

-- +goose Down
DROP TABLE gangway.schema_info;
