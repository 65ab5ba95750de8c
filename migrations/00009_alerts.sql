-- +goose Up
-- What people are told of: one row for each episode of an alert, from the first
-- sign of its condition until it is over. A row without raised_at has not lasted
-- long enough to be told.
CREATE TABLE gangway.alerts (
    id          uuid        PRIMARY KEY,
    alert       text        NOT NULL, -- BreakerOpen, DeadLetters, …
    subject     text        NOT NULL, -- the provider, kind or lane; '' for the whole
    severity    text        NOT NULL CHECK (severity IN ('warning', 'critical')),
    message     text        NOT NULL,
    since       timestamptz NOT NULL, -- the condition
    raised_at   timestamptz,
    fine_since  timestamptz,          -- no longer the case; not yet long enough
    resolved_at timestamptz,
    told_at     timestamptz,
    told        integer     NOT NULL DEFAULT 0,
    version     integer     NOT NULL DEFAULT 1
);

-- One open episode of each at a time, whoever believes to be the one worker that
-- raises them.
CREATE UNIQUE INDEX alerts_open ON gangway.alerts (alert, subject) WHERE resolved_at IS NULL;
CREATE INDEX alerts_raised ON gangway.alerts (raised_at, id);

-- Nobody is told of an alert while it is silenced; it is listed all the same.
CREATE TABLE gangway.alert_silences (
    alert      text        NOT NULL, -- '' for every one
    subject    text        NOT NULL, -- '' for whatever it is about
    until      timestamptz NOT NULL,
    actor      text        NOT NULL,
    note       text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (alert, subject)
);

-- What still has to be told, and to whom. Those of one sink leave together.
CREATE TABLE gangway.alert_notices (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sink       text        NOT NULL, -- email, webhook
    alert_id   uuid        NOT NULL,
    what       text        NOT NULL, -- raised, worsened, reminded, resolved
    severity   text        NOT NULL,
    message    text        NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    sent_at    timestamptz,
    command_id uuid                  -- the e-mail that carries it: what becomes of it raises nothing
);

CREATE INDEX alert_notices_waiting ON gangway.alert_notices (sink, id) WHERE sent_at IS NULL;
CREATE INDEX alert_notices_command ON gangway.alert_notices (command_id) WHERE command_id IS NOT NULL;

-- The manual queue is looked at every few seconds. The kind of a row does not
-- change, so updates of its status stay heap-only tuples.
CREATE INDEX deliveries_business ON gangway.deliveries (requested_at) WHERE kind = 'business.verify';

-- +goose Down
DROP INDEX gangway.deliveries_business;
DROP TABLE gangway.alert_notices;
DROP TABLE gangway.alert_silences;
DROP TABLE gangway.alerts;
