-- +goose Up
-- Migrations only add, so that the workers of before go on during an upgrade. One
-- that they could not live with raises needs: the newest migration that a worker
-- has to know to run on this schema.
CREATE TABLE gangway.compatibility (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    needs bigint  NOT NULL
);

INSERT INTO gangway.compatibility (needs) VALUES (1);

-- A month is made in an instant, where nobody uses its table for long. Who waits
-- for that makes everybody else wait: it is rather made an hour later.
ALTER FUNCTION gangway.ensure_partitions(integer) SET lock_timeout = '2s';

-- +goose Down
ALTER FUNCTION gangway.ensure_partitions(integer) RESET lock_timeout;
DROP TABLE gangway.compatibility;
