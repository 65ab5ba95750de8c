-- +goose Up
-- Messages that a database transaction originates. A relay publishes a row and
-- deletes it after the stream has acknowledged.
CREATE TABLE gangway.outbox (
    seq         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id uuid        NOT NULL,
    subject     text        NOT NULL,
    message_id  text        NOT NULL, -- Nats-Msg-Id: the same each time the row is published
    headers     jsonb,
    payload     bytea       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    held_until  timestamptz,          -- a row that the stream refused waits and lets others pass
    error       text
);

-- +goose StatementBegin
CREATE FUNCTION gangway.notify_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('gangway_outbox', '');
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER outbox_notify AFTER INSERT ON gangway.outbox
    FOR EACH STATEMENT EXECUTE FUNCTION gangway.notify_outbox();

-- SHA-1, which core Postgres lacks and UUIDv5 needs (RFC 3174). Only texts that
-- are no UUIDs come here, and they are short.
-- +goose StatementBegin
CREATE FUNCTION gangway.sha1(message bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    m constant bigint := 4294967295;
    h bigint[] := ARRAY[1732584193, 4023233417, 2562383102, 271733878, 3285377520];
    w bigint[];
    v bigint[];
    f bigint; k bigint; t bigint;
    padded bytea;
BEGIN
    padded := message || '\x80'::bytea
        || decode(repeat('00', ((119 - octet_length(message) % 64) % 64)), 'hex')
        || int8send(octet_length(message)::bigint * 8);
    FOR block IN 0 .. octet_length(padded) / 64 - 1 LOOP
        w := '{}';
        FOR i IN 0..15 LOOP
            w[i] := (get_byte(padded, block * 64 + i * 4)::bigint << 24) | (get_byte(padded, block * 64 + i * 4 + 1) << 16)
                  | (get_byte(padded, block * 64 + i * 4 + 2) << 8) | get_byte(padded, block * 64 + i * 4 + 3);
        END LOOP;
        FOR i IN 16..79 LOOP
            t := w[i - 3] # w[i - 8] # w[i - 14] # w[i - 16];
            w[i] := ((t << 1) | (t >> 31)) & m;
        END LOOP;
        v := h;
        FOR i IN 0..79 LOOP
            IF i < 20 THEN f := (v[2] & v[3]) | ((~v[2] & m) & v[4]); k := 1518500249;
            ELSIF i < 40 THEN f := v[2] # v[3] # v[4]; k := 1859775393;
            ELSIF i < 60 THEN f := (v[2] & v[3]) | (v[2] & v[4]) | (v[3] & v[4]); k := 2400959708;
            ELSE f := v[2] # v[3] # v[4]; k := 3395469782;
            END IF;
            t := ((((v[1] << 5) | (v[1] >> 27)) & m) + f + v[5] + k + w[i]) & m;
            v := ARRAY[t, v[1], ((v[2] << 30) | (v[2] >> 2)) & m, v[3], v[4]];
        END LOOP;
        FOR i IN 1..5 LOOP
            h[i] := (h[i] + v[i]) & m;
        END LOOP;
    END LOOP;
    RETURN substring(int8send(h[1]) FROM 5) || substring(int8send(h[2]) FROM 5) || substring(int8send(h[3]) FROM 5)
        || substring(int8send(h[4]) FROM 5) || substring(int8send(h[5]) FROM 5);
END $$;
-- +goose StatementEnd

-- The id that a text names: the UUID itself, or the same UUIDv5 that a worker
-- makes of it. Null makes a new UUIDv7.
-- +goose StatementBegin
CREATE FUNCTION gangway.command_id(name text) RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    bytes bytea;
BEGIN
    IF name IS NULL THEN
        bytes := overlay(uuid_send(gen_random_uuid())
            PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6);
        RETURN encode(set_byte(bytes, 6, (get_byte(bytes, 6) & 15) | 112), 'hex')::uuid;
    END IF;
    IF name ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN
        RETURN name::uuid;
    END IF;
    bytes := substring(gangway.sha1(uuid_send('e9748b09-6ae5-55c8-a907-f5a89eeb8173'::uuid) || convert_to(name, 'UTF8')) FROM 1 FOR 16);
    bytes := set_byte(bytes, 6, (get_byte(bytes, 6) & 15) | 80);
    RETURN encode(set_byte(bytes, 8, (get_byte(bytes, 8) & 63) | 128), 'hex')::uuid;
END $$;
-- +goose StatementEnd

-- The portal's one call: the command becomes a message when, and only when, the
-- caller's transaction commits. Returns the command's id.
-- +goose StatementBegin
CREATE FUNCTION gangway.enqueue(kind text, payload jsonb, id text DEFAULT NULL, send_at timestamptz DEFAULT NULL, lane text DEFAULT 'normal')
RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    body       jsonb := payload;
    command_id uuid;
BEGIN
    IF kind IS NULL OR kind NOT IN ('email.send', 'sms.send', 'business.verify', 'address.search', 'delivery.cancel') THEN
        RAISE EXCEPTION 'gangway.enqueue: kind "%" cannot be enqueued; use email.send, sms.send, business.verify, address.search or delivery.cancel', kind
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF lane IS NULL OR lane NOT IN ('high', 'normal', 'bulk') OR (kind = 'delivery.cancel' AND lane <> 'normal') THEN
        RAISE EXCEPTION 'gangway.enqueue: lane "%" does not exist for %; use high, normal or bulk for sends and look-ups', lane, kind
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF body IS NULL OR jsonb_typeof(body) <> 'object' THEN
        RAISE EXCEPTION 'gangway.enqueue: payload must be a JSON object, not %', coalesce(jsonb_typeof(body), 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF id IS NOT NULL AND body ? 'id' AND body ->> 'id' IS DISTINCT FROM id THEN
        RAISE EXCEPTION 'gangway.enqueue: id "%" differs from the payload''s id "%"', id, body ->> 'id'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    command_id := gangway.command_id(coalesce(id, body ->> 'id'));
    body := body || jsonb_build_object('id', coalesce(id, body ->> 'id', command_id::text));
    IF send_at IS NOT NULL THEN
        body := body || jsonb_build_object('send_at', to_char(send_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'));
    END IF;
    IF octet_length(body::text) > 1048576 THEN
        RAISE EXCEPTION 'gangway.enqueue: payload has % bytes; at most 1048576 are allowed', octet_length(body::text)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF kind <> 'delivery.cancel' THEN
        INSERT INTO gangway.deliveries AS d (id, kind, lane, status, rank, requested_at, asked_at)
        VALUES (command_id, kind, lane, 'queued', 0, now(), now())
        ON CONFLICT ON CONSTRAINT deliveries_pkey DO NOTHING;
    END IF;
    INSERT INTO gangway.outbox (delivery_id, subject, message_id, payload)
    VALUES (command_id, CASE lane WHEN 'normal' THEN kind ELSE kind || '.' || lane END,
            command_id::text, convert_to(body::text, 'UTF8'));
    RETURN command_id;
END $$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION gangway.enqueue(text, jsonb, text, timestamptz, text) FROM PUBLIC;

-- gangway_reader sees the views, gangway_producer enqueues; neither has any
-- other right. Where the migrating role may not create roles, an administrator
-- creates them beforehand.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('gangway.roles'));
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gangway_reader') THEN
        CREATE ROLE gangway_reader NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gangway_producer') THEN
        CREATE ROLE gangway_producer NOLOGIN;
    END IF;
    GRANT USAGE ON SCHEMA gangway TO gangway_reader, gangway_producer;
    GRANT SELECT ON gangway.delivery_status TO gangway_reader;
    GRANT EXECUTE ON FUNCTION gangway.enqueue(text, jsonb, text, timestamptz, text) TO gangway_producer;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE WARNING 'roles gangway_reader and gangway_producer were not created: %', SQLERRM;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION gangway.enqueue(text, jsonb, text, timestamptz, text);
DROP FUNCTION gangway.command_id(text);
DROP FUNCTION gangway.sha1(bytea);
DROP TABLE gangway.outbox;
DROP FUNCTION gangway.notify_outbox();
REVOKE ALL ON ALL TABLES IN SCHEMA gangway FROM gangway_reader, gangway_producer;
REVOKE ALL ON SCHEMA gangway FROM gangway_reader, gangway_producer;
