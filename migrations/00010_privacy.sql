-- +goose Up
-- gangway.delivery_status without what is about a person: for those who count and
-- measure. gangway_analyst sees this view and nothing else.
CREATE VIEW gangway.delivery_figures AS
SELECT id, kind, lane, status, reason, provider, template, attempts, generation AS replays, error_code,
       requested_at, send_at, updated_at, completed_at
FROM gangway.deliveries;

-- +goose StatementBegin
DO $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('gangway.roles'));
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gangway_analyst') THEN
        CREATE ROLE gangway_analyst NOLOGIN;
    END IF;
    GRANT USAGE ON SCHEMA gangway TO gangway_analyst;
    GRANT SELECT ON gangway.delivery_figures TO gangway_analyst;
    GRANT SELECT ON gangway.delivery_figures TO gangway_reader;
EXCEPTION
    WHEN insufficient_privilege OR undefined_object THEN
        RAISE WARNING 'role gangway_analyst was not set up: %', SQLERRM;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP VIEW gangway.delivery_figures;
-- +goose StatementBegin
DO $$
BEGIN
    REVOKE ALL ON SCHEMA gangway FROM gangway_analyst;
EXCEPTION
    WHEN insufficient_privilege OR undefined_object THEN
        NULL; -- it was never granted
END $$;
-- +goose StatementEnd
