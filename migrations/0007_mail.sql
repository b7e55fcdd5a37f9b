-- What stands in a mail lets its reader act once: only a digest of it is here.
CREATE TABLE account_codes (
  hash TEXT PRIMARY KEY NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id),
  purpose TEXT NOT NULL,
  email TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX account_codes_user ON account_codes (user_id, purpose);
CREATE INDEX account_codes_expiry ON account_codes (expires_at);

-- Addresses whose mail somebody has read. Of an address, not of an account: another address is not verified.
CREATE TABLE verified_emails (
  user_id TEXT NOT NULL REFERENCES users (id),
  email TEXT NOT NULL,
  verified_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, email)
) STRICT, WITHOUT ROWID;

-- Devices that have signed in before, by a digest of the key that only they have.
CREATE TABLE known_devices (
  user_id TEXT NOT NULL REFERENCES users (id),
  key_hash TEXT NOT NULL,
  first_seen INTEGER NOT NULL,
  PRIMARY KEY (user_id, key_hash)
) STRICT, WITHOUT ROWID;
