-- +goose Up
-- Endpoints that events are pushed to: how each stands. The configuration says
-- which there are; whoever pushes enters them here and counts.
CREATE TABLE gangway.webhooks_out (
    name      text        PRIMARY KEY,
    url       text        NOT NULL, -- without credentials and query
    kinds     text[]      NOT NULL,
    state     text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'failing', 'disabled')),
    since     timestamptz NOT NULL DEFAULT now(),
    waiting   integer     NOT NULL DEFAULT 0,
    pushed    bigint      NOT NULL DEFAULT 0,
    failed    bigint      NOT NULL DEFAULT 0,
    given_up  bigint      NOT NULL DEFAULT 0,
    pushed_at timestamptz,
    failed_at timestamptz,
    error     text
);

-- +goose Down
DROP TABLE gangway.webhooks_out;
