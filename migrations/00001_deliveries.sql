-- +goose Up
CREATE SCHEMA IF NOT EXISTS gangway;

-- The row decides: one row for each command id, for good. Status moves only
-- forward, by (generation, rank), in the statements that write it.
--
-- No index covers a column that claims and records change (status, rank,
-- version, updated_at, …): every such update stays a heap-only tuple.
CREATE TABLE gangway.deliveries (
    id                  uuid        NOT NULL,
    kind                text        NOT NULL,
    lane                text        NOT NULL DEFAULT 'normal',
    status              text        NOT NULL,
    rank                smallint    NOT NULL,
    reason              text,
    generation          integer     NOT NULL DEFAULT 0, -- replays
    version             integer     NOT NULL DEFAULT 1, -- grows with every change of the row
    digest              bytea,                          -- null until the first claim
    attempts            integer     NOT NULL DEFAULT 0, -- provider calls, over all generations
    round               smallint    NOT NULL DEFAULT 0, -- rounds spent in this generation
    dead_intents        smallint    NOT NULL DEFAULT 0, -- claims whose worker died
    claimed             boolean     NOT NULL DEFAULT false,
    cancel_requested    boolean     NOT NULL DEFAULT false,
    claim_token         uuid,                           -- of the last claim, live while claimed
    claim_worker        uuid,
    claim_provider      text,                           -- of the open intent
    unsure_provider     text,                           -- that may have sent: nobody else is tried
    unsure_at           timestamptz,
    provider            text,                           -- of the last recorded call
    provider_message_id text,
    recipient           text,
    subject             text,
    template            text,
    error_code          text,
    error_message       text,
    result              jsonb,
    metadata            jsonb,
    correlation_id      text,
    trace_id            text,
    requested_at        timestamptz NOT NULL,
    asked_at            timestamptz NOT NULL,           -- publication that set send_at
    send_at             timestamptz,
    expires_at          timestamptz,
    due_at              timestamptz,                    -- not to be executed before
    updated_at          timestamptz NOT NULL DEFAULT now(),
    completed_at        timestamptz,
    purged_at           timestamptz,                    -- only the stub is left
    PRIMARY KEY (id)
) WITH (fillfactor = 45);

CREATE INDEX deliveries_requested_at ON gangway.deliveries (requested_at, id);

-- One outcome for each address of a command with several.
CREATE TABLE gangway.delivery_recipients (
    delivery_id         uuid        NOT NULL,
    address             text        NOT NULL,
    status              text        NOT NULL,
    rank                smallint    NOT NULL,
    reason              text,
    provider            text,
    provider_message_id text,
    updated_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (delivery_id, address)
);

-- One row for each provider call, partitioned by month.
CREATE TABLE gangway.delivery_attempts (
    delivery_id         uuid        NOT NULL,
    attempt             integer     NOT NULL,
    round               smallint    NOT NULL,
    generation          integer     NOT NULL,
    provider            text        NOT NULL,
    endpoint            text        NOT NULL,
    outcome             text        NOT NULL,
    reason              text,
    error_code          text,
    provider_message_id text,
    duration_ms         integer     NOT NULL,
    started_at          timestamptz NOT NULL,
    request             jsonb,
    response            jsonb,
    PRIMARY KEY (delivery_id, attempt, started_at)
) PARTITION BY RANGE (started_at);

CREATE TABLE gangway.delivery_attempts_default PARTITION OF gangway.delivery_attempts DEFAULT;

-- A worker is alive while alive_until is ahead of the database's clock; what a
-- worker that is not alive holds may be taken over.
CREATE TABLE gangway.workers (
    id          uuid        PRIMARY KEY,
    host        text        NOT NULL,
    pid         integer     NOT NULL,
    version     text        NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    alive_until timestamptz NOT NULL
);

-- The dead letters, whole: what is listed, searched and replayed. The stream
-- GANGWAY_DEADLETTERS carries the same letters to whoever listens there.
CREATE TABLE gangway.dead_letters (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id  uuid        NOT NULL,
    kind         text        NOT NULL,
    lane         text        NOT NULL,
    generation   integer     NOT NULL,
    version      integer     NOT NULL,
    reason       text        NOT NULL,
    error        text        NOT NULL,
    provider     text,
    recipient    text,
    subject      text,
    template     text,
    attempts     integer     NOT NULL,
    trace_id     text,
    payload      bytea,                -- null when no message is left to take it from
    headers      jsonb,
    conflict     boolean     NOT NULL DEFAULT false, -- another body stands under this id
    first_seen   timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    replayed_at  timestamptz,
    discarded_at timestamptz,
    UNIQUE (delivery_id, version, reason)
);

CREATE INDEX dead_letters_delivery ON gangway.dead_letters (delivery_id);
CREATE INDEX dead_letters_open ON gangway.dead_letters (created_at, id)
    WHERE replayed_at IS NULL AND discarded_at IS NULL;

-- What the portal, the CLI and the API query.
CREATE VIEW gangway.delivery_status AS
SELECT id, kind, lane, status, reason, provider, provider_message_id, recipient, subject, template,
       attempts, generation AS replays, error_code, error_message, result, metadata, correlation_id,
       trace_id, requested_at, send_at, updated_at, completed_at
FROM gangway.deliveries;

-- Partitions are made ahead of time, so that the default one stays empty and a
-- new one never has to look through it.
-- +goose StatementBegin
CREATE FUNCTION gangway.ensure_partitions(months_ahead integer DEFAULT 2) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    first date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    low   date;
    name  text;
BEGIN
    -- Two workers that start together must not both create one.
    PERFORM pg_advisory_xact_lock(hashtext('gangway.ensure_partitions'));
    FOR i IN 0..months_ahead LOOP
        low := (first + make_interval(months => i))::date;
        name := 'delivery_attempts_' || to_char(low, 'YYYY_MM');
        IF to_regclass('gangway.' || name) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE gangway.%I PARTITION OF gangway.delivery_attempts FOR VALUES FROM (%L) TO (%L)',
                name, low::text || ' 00:00:00+00', (low + interval '1 month')::date::text || ' 00:00:00+00');
        END IF;
    END LOOP;
END $$;
-- +goose StatementEnd

SELECT gangway.ensure_partitions();

-- +goose Down
DROP VIEW gangway.delivery_status;
DROP TABLE gangway.dead_letters;
DROP TABLE gangway.workers;
DROP TABLE gangway.delivery_attempts;
DROP TABLE gangway.delivery_recipients;
DROP TABLE gangway.deliveries;
DROP FUNCTION gangway.ensure_partitions(integer);
DROP SCHEMA gangway;
