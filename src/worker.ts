import { consumePreviews, PREVIEWS_QUEUE } from './previews/consume.ts';
import { app } from './routes/app.ts';
import { consume, sweep } from './tasks/background.ts';

export { ConversationRoom } from './objects/ConversationRoom.ts';
export { RoomRelay } from './objects/RoomRelay.ts';
export { UserInbox } from './objects/UserInbox.ts';

export default {
  fetch: app.fetch,
  queue: (batch, env) => (batch.queue === PREVIEWS_QUEUE ? consumePreviews(batch, env) : consume(batch, env)),
  scheduled: (controller, env) => sweep(env, controller.scheduledTime),
} satisfies ExportedHandler<Env>;
