-- Devices, their rooms, and the messages that wait for them.

CREATE TABLE device (
    no              INTEGER PRIMARY KEY,
    site            TEXT NOT NULL,
    primary_room    TEXT NOT NULL,
    device_id       TEXT NOT NULL,
    -- JSON array of room names, in the form in which rooms are compared.
    rooms           TEXT NOT NULL,
    -- Unix milliseconds; NULL while the device has a live session, and where devices never expire.
    expires_at      INTEGER,
    -- Its inbox was cleared up to and with this seq, and it has not confirmed the `_resync` yet; else 0.
    owes_resync     INTEGER NOT NULL,
    -- Nothing up to and with this seq waits for the device any more, whatever the lists below say.
    settled_through INTEGER NOT NULL,
    UNIQUE (site, primary_room, device_id)
) STRICT;

CREATE TABLE message (
    seq    INTEGER PRIMARY KEY,
    id     INTEGER NOT NULL,
    site   TEXT NOT NULL,
    -- Acknowledged out of order it makes a device resync.
    resync INTEGER NOT NULL,
    -- The devices it waited for when it came: ascending numbers, each as LEB128 of the step from the one before.
    due    BLOB NOT NULL,
    -- The JSON array `["event",arg,...]`.
    event  BLOB NOT NULL
) STRICT;

-- The devices a message still waits for, once some have acknowledged it; takes the place of `message.due`.
-- A table of its own, so that writing it does not rewrite the event.
CREATE TABLE remainder (
    seq INTEGER PRIMARY KEY,
    due BLOB NOT NULL
) STRICT;

-- Numbers up to these may have been given out: later ones start above, so that none is used twice even when
-- the rows that carried them are gone.
CREATE TABLE numbering (
    only_row       INTEGER PRIMARY KEY CHECK (only_row = 1),
    seq_ceiling    INTEGER NOT NULL,
    device_ceiling INTEGER NOT NULL
) STRICT;

INSERT INTO numbering VALUES (1, 0, 0);
