-- +goose Up
-- How the providers were found when they were last checked or judged. The state
-- that workers go by is in the bucket gangway_state; this is for those who query.
CREATE TABLE gangway.health (
    provider   text        PRIMARY KEY,
    status     text        NOT NULL CHECK (status IN ('healthy', 'degraded', 'unhealthy')),
    since      timestamptz NOT NULL,
    checked_at timestamptz,            -- null while only its calls have been looked at
    latency_ms integer     NOT NULL,   -- of the last check
    reason     text,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE VIEW gangway.provider_health AS
SELECT provider, status, since, checked_at, latency_ms, reason FROM gangway.health;

-- +goose StatementBegin
DO $$
BEGIN
    GRANT SELECT ON gangway.provider_health TO gangway_reader;
EXCEPTION
    WHEN undefined_object OR insufficient_privilege THEN
        RAISE WARNING 'gangway_reader was not allowed to read gangway.provider_health: %', SQLERRM;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP VIEW gangway.provider_health;
DROP TABLE gangway.health;
