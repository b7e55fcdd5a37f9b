import type { CreateSubscription, NotificationSettings, Subscription } from '../../src/protocol/push.ts';
import type { Http } from './http.ts';

/** Pushes to this device while it is not connected, and when they may come. Showing them is the service worker's part. */
export class PushResource {
  readonly #http: Http;

  /** @internal */
  constructor(http: Http) {
    this.#http = http;
  }

  /** `applicationServerKey` for `pushManager.subscribe`; null: this server pushes nothing. */
  async key(): Promise<string | null> {
    return (await this.#http.request<{ public_key: string | null }>('/api/push/key')).public_key;
  }

  /** Has this device pushed to until it signs out. Takes what `pushManager.subscribe` gives, as JSON. */
  subscribe(subscription: CreateSubscription): Promise<Subscription> {
    return this.#http.request<Subscription>('/api/push/subscriptions', { body: subscription, idempotent: true });
  }

  async unsubscribe(id: string): Promise<void> {
    await this.#http.request(`/api/push/subscriptions/${encodeURIComponent(id)}`, { method: 'DELETE' });
  }

  /** Devices of the user that are pushed to. */
  async subscriptions(): Promise<Subscription[]> {
    return (await this.#http.request<{ items: Subscription[] }>('/api/push/subscriptions')).items;
  }

  settings(): Promise<NotificationSettings> {
    return this.#http.request<NotificationSettings>('/api/users/me/notifications');
  }

  configure(settings: NotificationSettings): Promise<NotificationSettings> {
    return this.#http.request<NotificationSettings>('/api/users/me/notifications', { method: 'PUT', body: settings });
  }
}
