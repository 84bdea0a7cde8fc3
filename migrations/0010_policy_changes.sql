-- Every alert policy that was given, as the journal has it: for whoever asks what held when, and who put it in force. A few a year.
CREATE TABLE policy_changes (
    seq bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    by_key text NOT NULL,
    note text NOT NULL,
    sha256 bytea NOT NULL,
    policy text NOT NULL,
    refused text NOT NULL
);
COMMENT ON COLUMN policy_changes.seq IS 'The frame: the policy holds for what follows it in the journal.';
COMMENT ON COLUMN policy_changes.by_key IS 'Id of the key that loaded it; file where a start adopted the settings'' own.';
COMMENT ON COLUMN policy_changes.refused IS 'Why it was not put in force; empty where it was.';
