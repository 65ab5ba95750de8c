-- +goose Up
-- What people found out about companies while no provider could answer. An entry
-- stays open to contradiction by a provider's later answer.
CREATE TABLE gangway.manual_entries (
    delivery_id         uuid        PRIMARY KEY, -- the verification that it finished
    command_id          uuid        NOT NULL,    -- the business.complete that brought it
    registration_number text        NOT NULL,
    result              jsonb       NOT NULL,
    entered_by          text        NOT NULL,
    note                text,
    entered_at          timestamptz NOT NULL DEFAULT now(),
    contradicted_at     timestamptz,
    contradiction       jsonb                    -- what differs, and the answer
);

CREATE INDEX manual_entries_open ON gangway.manual_entries (registration_number) WHERE contradicted_at IS NULL;

-- +goose Down
DROP TABLE gangway.manual_entries;
