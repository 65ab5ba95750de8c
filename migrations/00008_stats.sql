-- +goose Up
-- What happened in a minute, as one worker counted it. A worker writes its whole
-- minute again and again: writing it twice changes nothing. Times are sketches:
-- how many fell into which class of equal ratio (see gangway.class_ms), so that
-- those of several workers and minutes add up.
CREATE TABLE gangway.stat_minutes (
    minute   timestamptz NOT NULL,
    scope    text        NOT NULL CHECK (scope IN ('call', 'command')),
    name     text        NOT NULL, -- the provider; the kind
    part     text        NOT NULL, -- its endpoint; the lane
    worker   uuid        NOT NULL,
    count    bigint      NOT NULL,
    failures bigint      NOT NULL, -- of them
    classes  smallint[]  NOT NULL,
    counts   bigint[]    NOT NULL, -- one for each of classes
    failed_reason text,            -- of the last failure
    failed_at     timestamptz,
    PRIMARY KEY (minute, scope, name, part, worker)
);

-- The middle of a class of times, in milliseconds: at most 2 % from every time in it.
CREATE FUNCTION gangway.class_ms(class integer) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT 2 * power(1.02 / 0.98, class) / (1.02 / 0.98 + 1) / 1000 $$;

CREATE VIEW gangway.call_stats AS
WITH total AS (
    SELECT minute, name, part, sum(count)::bigint AS calls, sum(failures)::bigint AS failures
    FROM gangway.stat_minutes WHERE scope = 'call' GROUP BY minute, name, part
)
SELECT t.minute, t.name AS provider, t.part AS endpoint, t.calls, t.failures, p.p50_ms, p.p95_ms, p.p99_ms
FROM total t, LATERAL (
    SELECT gangway.class_ms(min(class) FILTER (WHERE upto >= 0.50 * calls)) AS p50_ms,
           gangway.class_ms(min(class) FILTER (WHERE upto >= 0.95 * calls)) AS p95_ms,
           gangway.class_ms(min(class) FILTER (WHERE upto >= 0.99 * calls)) AS p99_ms
    FROM (
        SELECT k.class::integer, sum(sum(k.n)) OVER (ORDER BY k.class) AS upto
        FROM gangway.stat_minutes m, unnest(m.classes, m.counts) AS k (class, n)
        WHERE m.minute = t.minute AND m.scope = 'call' AND m.name = t.name AND m.part = t.part
        GROUP BY k.class
    ) AS running
) AS p;

-- +goose StatementBegin
DO $$
BEGIN
    GRANT SELECT ON gangway.call_stats TO gangway_reader;
EXCEPTION
    WHEN undefined_object OR insufficient_privilege THEN
        RAISE WARNING 'gangway_reader was not allowed to read gangway.call_stats: %', SQLERRM;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP VIEW gangway.call_stats;
DROP FUNCTION gangway.class_ms(integer);
DROP TABLE gangway.stat_minutes;
