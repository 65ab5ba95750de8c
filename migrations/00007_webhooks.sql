-- +goose Up
-- What providers reported of deliveries: one row for each recipient that an event
-- speaks of.
CREATE TABLE gangway.delivery_events (
    delivery_id uuid        NOT NULL,
    provider    text        NOT NULL,
    event_id    text        NOT NULL,
    type        text        NOT NULL,            -- the provider's word
    status      text,                            -- null when it means nothing for the delivery
    recipient   text        NOT NULL DEFAULT '',
    reason      text,
    error_code  text,
    message     text,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (delivery_id, received_at, provider, event_id, recipient)
) PARTITION BY RANGE (received_at);

CREATE TABLE gangway.delivery_events_default PARTITION OF gangway.delivery_events DEFAULT;
CREATE INDEX delivery_events_received ON gangway.delivery_events USING brin (received_at);

-- Webhooks as they came, redacted. They are kept for retention.webhooks.
CREATE TABLE gangway.webhook_events (
    id          uuid        NOT NULL, -- of the command webhook.process
    provider    text        NOT NULL,
    event_id    text        NOT NULL,
    received_at timestamptz NOT NULL,
    headers     jsonb,
    event       jsonb,
    outcome     text        NOT NULL, -- received, applied, unmatched or failed
    error       text,
    PRIMARY KEY (id, received_at)
) PARTITION BY RANGE (received_at);

CREATE TABLE gangway.webhook_events_default PARTITION OF gangway.webhook_events DEFAULT;
CREATE INDEX webhook_events_received ON gangway.webhook_events USING brin (received_at);

-- A report finds its message by the provider's id. deliveries has that id too, but
-- an index there would end the heap-only updates of every record; attempts are
-- only ever inserted.
CREATE INDEX delivery_attempts_message ON gangway.delivery_attempts (provider_message_id) WHERE provider_message_id IS NOT NULL;
CREATE INDEX delivery_recipients_message ON gangway.delivery_recipients (provider_message_id) WHERE provider_message_id IS NOT NULL;

-- Attempts come in the order of their time, so that a few pages name the blocks of
-- a period: who polls looks at the newest only.
CREATE INDEX delivery_attempts_started ON gangway.delivery_attempts USING brin (started_at);

-- Messages whose provider reports nothing: what became of them is asked for until
-- it is final.
CREATE TABLE gangway.delivery_polls (
    delivery_id uuid        PRIMARY KEY,
    provider    text        NOT NULL,
    message_id  text        NOT NULL,
    since       timestamptz NOT NULL,
    asked       integer     NOT NULL DEFAULT 0,
    next_at     timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX delivery_polls_next ON gangway.delivery_polls (next_at);

-- Every table that is partitioned by month gets its partitions ahead of time.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION gangway.ensure_partitions(months_ahead integer DEFAULT 2) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    first  date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    low    date;
    parent text;
    name   text;
BEGIN
    -- Two workers that start together must not both create one.
    PERFORM pg_advisory_xact_lock(hashtext('gangway.ensure_partitions'));
    FOR parent IN SELECT c.relname FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid
                  WHERE c.relnamespace = 'gangway'::regnamespace AND p.partstrat = 'r' ORDER BY c.relname LOOP
        FOR i IN 0..months_ahead LOOP
            low := (first + make_interval(months => i))::date;
            name := parent || '_' || to_char(low, 'YYYY_MM');
            IF to_regclass(format('gangway.%I', name)) IS NULL THEN
                EXECUTE format('CREATE TABLE gangway.%I PARTITION OF gangway.%I FOR VALUES FROM (%L) TO (%L)',
                    name, parent, low::text || ' 00:00:00+00', (low + interval '1 month')::date::text || ' 00:00:00+00');
            END IF;
        END LOOP;
    END LOOP;
END $$;
-- +goose StatementEnd

SELECT gangway.ensure_partitions();

-- +goose Down
DROP TABLE gangway.delivery_polls;
DROP INDEX gangway.delivery_attempts_started;
DROP INDEX gangway.delivery_recipients_message;
DROP INDEX gangway.delivery_attempts_message;
DROP TABLE gangway.webhook_events;
DROP TABLE gangway.delivery_events;
