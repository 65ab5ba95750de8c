-- +goose Up
-- Addresses and numbers that get nothing more, or nothing of one category.
CREATE TABLE gangway.suppressions (
    recipient   text        NOT NULL, -- e-mail address in small letters, or number in E.164
    list        text        NOT NULL DEFAULT 'all' CHECK (list IN ('all', 'marketing', 'transactional')),
    reason      text        NOT NULL CHECK (reason IN ('bounced', 'complained', 'unsubscribed', 'manual')),
    provider    text,                 -- that reported it
    delivery_id uuid,                 -- the message it was about
    note        text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,          -- null for good
    PRIMARY KEY (recipient, list)
);

CREATE INDEX suppressions_created_at ON gangway.suppressions (created_at, recipient, list);

-- A letter of unknown outcome keeps the values of sensitive variables, because the
-- command may have to be sent again. Once the command has ended they go, whoever
-- ended it: a worker, a provider's report, an operator.
-- +goose StatementBegin
CREATE FUNCTION gangway.wipe_letters() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    letter record;
    body   jsonb;
    name   text;
BEGIN
    FOR letter IN SELECT id, payload, headers FROM gangway.dead_letters
                  WHERE delivery_id = NEW.id AND headers ? 'Gangway-Sensitive' AND payload IS NOT NULL LOOP
        BEGIN
            body := convert_from(letter.payload, 'UTF8')::jsonb;
            FOREACH name IN ARRAY string_to_array(letter.headers -> 'Gangway-Sensitive' ->> 0, ',') LOOP
                body := jsonb_set(body, ARRAY['variables', name], '"[redacted]"'::jsonb, false);
            END LOOP;
        EXCEPTION WHEN OTHERS THEN
            body := NULL; -- a body that cannot be read is no reason to keep what it hides
        END;
        UPDATE gangway.dead_letters
        SET payload = convert_to(body::text, 'UTF8'),
            headers = headers - 'Gangway-Sensitive' || jsonb_build_object('Gangway-Wiped', headers -> 'Gangway-Sensitive')
        WHERE id = letter.id;
    END LOOP;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER deliveries_wipe_letters AFTER UPDATE ON gangway.deliveries
    FOR EACH ROW WHEN (NEW.rank >= 30 AND OLD.rank < 30 AND (OLD.rank = 20 OR NEW.generation > 0))
    EXECUTE FUNCTION gangway.wipe_letters();

-- +goose Down
DROP TRIGGER deliveries_wipe_letters ON gangway.deliveries;
DROP FUNCTION gangway.wipe_letters();
DROP TABLE gangway.suppressions;
