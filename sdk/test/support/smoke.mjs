// Run by each runtime against a server: `smoke.mjs URL FOLDER`. Prints what it saw as one line of JSON.
import { createClient } from '../../dist/index.js';
import { FileStorage } from '../../dist/node.js';

const [url, folder] = (globalThis.Deno?.args ?? process.argv.slice(2)).slice(-2);
const until = async (isSo) => {
  for (const end = Date.now() + 15_000; !isSo(); ) {
    if (Date.now() > end) throw new Error(`did not come true: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
const account = (name) => ({
  fullname: name,
  email: `${name}-${Math.random().toString(36).slice(2)}@example.com`,
  password: 'correct horse battery',
});

const file = `${folder}/deep/session.json`;
const ada = await createClient({ url, storage: new FileStorage(file) });
const bob = await createClient({ url });
await ada.signUp(account('ada'));
await bob.signUp(account('bob'));
const heard = [];
bob.on('message', (message) => heard.push(message.content));
await Promise.all([ada.connect(), bob.connect()]);

const { id } = await ada.chats.create({ type: 'Group', name: 'Runtimes', members: [bob.user.id] });
const receipt = await ada.chat(id).send('hello').sent;
ada.disconnect();
for (let i = 0; i < 3; i++) ada.chat(id).send(`offline ${i}`);
await ada.close();

const again = await createClient({ url, storage: new FileStorage(file) });
const restored = again.outbox.map((message) => message.content);
const settled = again.outbox.map((message) => message.sent);
await again.connect();
const seqs = (await Promise.all(settled)).map((sent) => sent.seq);
const chat = again.chat(id);
await chat.open();
await chat.send('in the room').sent;
await until(() => heard.length === 5 && chat.timeline.length === 5);
await until(() => bob.chats.row(id)?.unread === 5);
const before = bob.chats.row(id).unread;
bob.chat(id).read();
const refused = await again.chats
  .get(`chat_${'0'.repeat(26)}`)
  .catch((error) => [error.name, error.code, error.status]);

const timeline = chat.timeline.map((message) => message.content);
const unread = [before, bob.chats.row(id).unread];
console.log(JSON.stringify({ receipt: receipt.seq, heard, restored, seqs, timeline, refused, unread }));
await again.signOut();
await bob.signOut();
