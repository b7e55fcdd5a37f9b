interface Env {
  /** The P-256 key by which push services know this server: a private JWK as JSON. Without it nothing is pushed. */
  VAPID_KEY?: string;
}
