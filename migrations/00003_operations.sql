-- +goose Up
-- Who did what: every action of an operator, by CLI, API or dashboard.
CREATE TABLE gangway.audit_log (
    id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     timestamptz NOT NULL DEFAULT now(),
    actor  text        NOT NULL,
    action text        NOT NULL, -- deadletter.replay, unknown.settle, provider.pause, …
    target text        NOT NULL, -- what it was done to: an id, a provider, a recipient
    detail jsonb
);

CREATE INDEX audit_log_at ON gangway.audit_log (at, id);

-- +goose Down
DROP TABLE gangway.audit_log;
