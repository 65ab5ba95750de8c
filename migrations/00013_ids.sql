-- +goose Up
-- An empty id was one id like any other, so that all commands of a producer that
-- had none were the same command. Null still makes a new one.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION gangway.command_id(name text) RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    bytes bytea;
BEGIN
    IF name IS NULL THEN
        bytes := overlay(uuid_send(gen_random_uuid())
            PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6);
        RETURN encode(set_byte(bytes, 6, (get_byte(bytes, 6) & 15) | 112), 'hex')::uuid;
    END IF;
    IF name = '' OR octet_length(name) > 256 THEN
        RAISE EXCEPTION 'gangway.enqueue: id has % bytes; 1 to 256 are allowed, and null makes a new one', octet_length(name)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF name ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN
        RETURN name::uuid;
    END IF;
    bytes := substring(gangway.sha1(uuid_send('e9748b09-6ae5-55c8-a907-f5a89eeb8173'::uuid) || convert_to(name, 'UTF8')) FROM 1 FOR 16);
    bytes := set_byte(bytes, 6, (get_byte(bytes, 6) & 15) | 80);
    RETURN encode(set_byte(bytes, 8, (get_byte(bytes, 8) & 63) | 128), 'hex')::uuid;
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION gangway.command_id(name text) RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
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
