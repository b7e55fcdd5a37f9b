import type { EmailState } from '../../src/protocol/users.ts';
import type { Http } from './http.ts';

/** What an account does by mail. Codes come from mails; case, spaces and hyphens in them do not count. */
export class AccountResource {
  readonly #http: Http;

  /** @internal */
  constructor(http: Http) {
    this.#http = http;
  }

  /** The address, and whether it is confirmed. */
  email(): Promise<EmailState> {
    return this.#http.request<EmailState>('/api/auth/verify');
  }

  /** Sends another mail with a code that confirms the address. @throws TidelineError `rate_limited` */
  async sendVerification(): Promise<void> {
    await this.#http.request('/api/auth/verify/send', { method: 'POST' });
  }

  /** Confirms an address, signed in or not. @throws TidelineError `invalid_code` */
  verifyEmail(code: string): Promise<EmailState> {
    return this.#http.request<EmailState>('/api/auth/verify', { body: { code }, auth: false });
  }

  /** Sends a code for a new password, if the address has an account; does not say whether it has. */
  async forgotPassword(email: string): Promise<void> {
    await this.#http.request('/api/auth/password/forgot', { body: { email }, auth: false });
  }

  /** Sets a new password and ends every session of the account. @throws TidelineError `invalid_code` */
  async resetPassword(code: string, newPassword: string): Promise<void> {
    await this.#http.request('/api/auth/password/reset', { body: { code, new_password: newPassword }, auth: false });
  }
}
