import { TrieRouter } from 'hono/router/trie-router';
import { ApiError } from '../errors.ts';
import { admin } from './admin.ts';
import { announcements } from './announcements.ts';
import { type ApiContext, router } from './api.ts';
import { auth } from './auth.ts';
import { bans } from './bans.ts';
import { changes } from './changes.ts';
import { channels } from './channels.ts';
import { chats } from './chats.ts';
import { docs } from './docs.ts';
import { exports } from './export.ts';
import { contents, files } from './files.ts';
import { forwards } from './forwards.ts';
import { friends } from './friends.ts';
import { bounded, context, crossOrigin } from './guard.ts';
import { health } from './health.ts';
import { inboxNotifications } from './inbox-notifications.ts';
import { invitations } from './invitations.ts';
import { joinRequests } from './join-requests.ts';
import { kept } from './kept.ts';
import { members } from './members.ts';
import { messages } from './messages.ts';
import { notifications } from './notifications.ts';
import { own } from './own.ts';
import { polls } from './polls.ts';
import { problem } from './problem.ts';
import { push } from './push.ts';
import { search } from './search.ts';
import { sockets } from './sockets.ts';
import { sync } from './sync.ts';
import { threads } from './threads.ts';
import { users } from './users.ts';
import { workspaces } from './workspaces.ts';

/** Every route of the system. Upgrades come first: nothing may touch the headers of their answers. */
const routed = router();
routed.use(context);
routed.route('/', sockets);
routed.use(crossOrigin);
// Bodies that are streams: they are taken before the rule that reads a body.
routed.route('/', contents);
routed.use('/api/*', bounded);

export const app = routed
  .route('/', auth)
  .route('/', users)
  .route('/', friends)
  .route('/', chats)
  .route('/', members)
  .route('/', bans)
  .route('/', joinRequests)
  .route('/', invitations)
  .route('/', announcements)
  .route('/', channels)
  .route('/', messages)
  .route('/', forwards)
  .route('/', polls)
  .route('/', changes)
  .route('/', files)
  .route('/', threads)
  .route('/', own)
  .route('/', kept)
  .route('/', exports)
  .route('/', workspaces)
  .route('/', search)
  .route('/', sync)
  .route('/', notifications)
  .route('/', inboxNotifications)
  .route('/', push)
  .route('/', admin)
  .route('/', health)
  .route(
    '/',
    docs(() => routed),
  );

let methods: TrieRouter<string> | undefined;

/** The methods that this path knows. */
function methodsAt(path: string): string[] {
  if (methods === undefined) {
    methods = new TrieRouter<string>();
    for (const route of app.routes) if (route.method !== 'ALL') methods.add('ANY', route.path, route.method);
  }
  return [...new Set(methods.match('ANY', path)[0].map(([method]) => method))];
}

app.notFound((c: ApiContext) => {
  const allowed = methodsAt(c.req.path);
  if (allowed.length === 0) return problem(c, new ApiError('not_found', 'There is nothing at this address'));
  const response = problem(
    c,
    new ApiError('method_not_allowed', `${c.req.method} does nothing here; this address knows ${allowed.join(', ')}`),
  );
  response.headers.set('Allow', allowed.join(', '));
  return response;
});

app.onError((error, c) => problem(c, error));
