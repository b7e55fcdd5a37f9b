import { applyD1Migrations } from 'cloudflare:test';
import { env } from 'cloudflare:workers';

// Runs before every test file; a migration that was applied is not applied again.
await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
