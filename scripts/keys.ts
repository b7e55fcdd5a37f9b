// `npm run keys`: fresh values for the Worker's secrets. They are shown once and stored nowhere.
import { asBindings, makeSecrets } from './local/secrets.ts';

const { JWT_KEYS, ADMIN_TOKEN, VAPID_KEY } = asBindings(await makeSecrets());
console.log(`JWT_KEYS\n${JWT_KEYS}\n\nADMIN_TOKEN\n${ADMIN_TOKEN}\n\nVAPID_KEY\n${VAPID_KEY}`);
