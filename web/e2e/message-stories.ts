import type { Locator } from 'playwright-core';
import { eventually, expect } from './expect.ts';
import { PASSWORD, type Person } from './person.ts';
import { make, menu, newPerson, type Stage, stored } from './stories.ts';

/** Three seconds of a tone: PCM of 8 kHz, as WAV. */
function tone(): Buffer {
  const samples = 24_000;
  const wav = Buffer.alloc(44 + samples, 128);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + samples, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(8_000, 24);
  wav.writeUInt32LE(8_000, 28);
  wav.writeUInt16LE(1, 32);
  wav.writeUInt16LE(8, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(samples, 40);
  for (let i = 0; i < samples; i++) wav[44 + i] = 128 + Math.round(60 * Math.sin(i / 3));
  return wav;
}

/** Takes an entry of the menu of a line. */
async function menuOf(who: Person, line: Locator, entry: string): Promise<void> {
  await line.click({ button: 'right' });
  await who.page.getByRole('menuitem', { name: entry, exact: true }).click();
}

const panel = (who: Person) => who.page.getByRole('complementary');

/** Selects a piece of a message, as a mouse does. */
async function select(who: Person, text: string, piece: string): Promise<void> {
  await who.message(text).evaluate((article, wanted) => {
    const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const at = node.textContent?.indexOf(wanted) ?? -1;
      if (at === -1) continue;
      getSelection()?.setBaseAndExtent(node, at, node, at + wanted.length);
      return;
    }
    throw new Error(`there is no ${wanted}`);
  }, piece);
}

/** A film of noise, which does not compress: some megabytes for a few seconds. */
async function film(who: Person): Promise<Buffer> {
  const base64 = await who.page.evaluate(async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('no canvas');
    const recorder = new MediaRecorder(canvas.captureStream(25), {
      mimeType: 'video/webm;codecs=vp8',
      videoBitsPerSecond: 16_000_000,
    });
    const parts: Blob[] = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const ended = new Promise((resolve) => {
      recorder.onstop = resolve;
    });
    recorder.start(200);
    for (const end = Date.now() + 4_000; Date.now() < end; ) {
      const noise = context.createImageData(canvas.width, canvas.height);
      for (let i = 0; i < noise.data.length; i++) noise.data[i] = i % 4 === 3 ? 255 : Math.random() * 255;
      context.putImageData(noise, 0, 0);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    recorder.stop();
    await ended;
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
    let text = '';
    for (let i = 0; i < bytes.length; i += 32_768) text += String.fromCharCode(...bytes.subarray(i, i + 32_768));
    return btoa(text);
  });
  return Buffer.from(base64, 'base64');
}

/** Requests of the API, as another app of the same user makes them. */
async function appOf(stage: Stage, { email }: Person): Promise<(path: string, body: object) => Promise<unknown>> {
  const post = async (path: string, body: object, headers: Record<string, string> = {}): Promise<unknown> => {
    const response = await fetch(stage.line.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    expect(response.ok, `${path}: ${response.status}`);
    return response.json();
  };
  const signed = await post('/api/auth/signin', { email, password: PASSWORD });
  const token = typeof signed === 'object' && signed !== null && 'token' in signed ? String(signed.token) : '';
  return (path, body) => post(path, body, { authorization: `Bearer ${token}` });
}

const chatOf = (who: Person): string => new URL(who.page.url()).pathname.split('/').at(-1) ?? '';
const seqOf = (sent: unknown): number =>
  typeof sent === 'object' && sent !== null && 'seq' in sent ? Number(sent.seq) : 0;

/** What can be done with messages beside answering them. */
export const MESSAGE_STORIES: Record<string, (stage: Stage) => Promise<void>> = {
  /** A message goes on to others, is kept, is quoted in part, and is deleted for one alone. */
  async 'forward-and-keep'(stage) {
    const [ada, ben] = await Promise.all([newPerson(stage, 'Ada'), newPerson(stage, 'Ben')]);
    await make(ada, 'Group', [ben], 'Harbour watch');
    await make(ada, 'Group', [ben], 'Tide tables');
    await make(ada, 'Person', [ben]);
    await ben.open('Ada');
    const withAda = ben.page.url();
    await ben.write('High water is at six, low water at noon.');
    await ada.message('High water').waitFor();

    await ada.message('High water').click({ button: 'right' });
    await ada.screen('message-menu');
    await ada.page.getByRole('menuitem', { name: 'Forward', exact: true }).click();
    const dialog = ada.page.getByRole('dialog');
    await dialog.getByRole('checkbox', { name: 'Harbour watch' }).check();
    await dialog.getByRole('checkbox', { name: 'Tide tables' }).check();
    await ada.screen('forward');
    await dialog.getByRole('searchbox').fill('nowhere');
    await dialog.getByText('Nothing found').waitFor();
    await dialog.getByRole('searchbox').fill('');
    await dialog.getByRole('button', { name: 'Forward to 2' }).click();
    await ada.page.getByText('Forwarded to 2 conversations').waitFor();
    await ben.open('Tide tables');
    await ben.message('High water').getByText('Forwarded from Ben').waitFor();
    await ben.screen('forwarded');
    await ben.page.goto(withAda);
    await ben.message('High water').waitFor();

    await menu(ada, 'High water', 'Save for later');
    await ada.message('High water').getByRole('img', { name: 'Saved' }).waitFor();
    await select(ada, 'High water', 'low water');
    await ada.message('High water').hover();
    await ada.message('High water').getByRole('button', { name: 'Reply' }).click();
    await ada.page.locator('form').getByText('low water', { exact: true }).waitFor();
    await ada.screen('quoting');
    await ada.write('Are you sure?');
    await eventually(
      () => ben.message('Are you sure?').getByRole('button', { name: /^Ben/ }).textContent(),
      'Benlow water',
      'what is quoted',
    );
    await ben.screen('quoted');

    await menu(ada, 'Are you sure?', 'React…');
    await ada.page.getByRole('button', { name: '🦭', exact: true }).waitFor();
    await ada.screen('emoji');
    await ada.page.keyboard.press('ArrowDown');
    await ada.page.getByRole('button', { name: '🦭', exact: true }).click();
    await ben.message('Are you sure?').getByRole('button', { name: '🦭, 1' }).waitFor();
    await ada.page.getByRole('button', { name: 'Emoji' }).click();
    await ada.page.getByRole('button', { name: '⚓', exact: true }).click();
    await ada.field.press('End');
    await ada.field.pressSequentially(' aye');
    await eventually(() => ada.field.inputValue(), '⚓ aye', 'what is written with an emoji');
    await ada.field.fill('');

    await menu(ada, 'Are you sure?', 'Delete for me');
    await ada.page.getByRole('alertdialog').waitFor();
    await ada.screen('hide');
    await ada.page.getByRole('alertdialog').getByRole('button', { name: 'Delete for me' }).click();
    await eventually(() => ada.message('Are you sure?').count(), 0, 'what was deleted');
    await ada.row('Ben').getByText('High water').waitFor();
    await ben.message('Are you sure?').waitFor();

    await ada.page.getByRole('button', { name: /Settings$/ }).click();
    await ada.page.getByRole('menuitem', { name: 'Saved messages' }).click();
    await ada.page.getByRole('main').getByText('High water').waitFor();
    await ada.screen('saved');
    await ada.page.getByRole('main').getByTitle('Go to the message').click();
    await ada.message('High water').waitFor();
    await ada.page.reload();
    await ada.message('High water').waitFor();
    await eventually(() => ada.message('Are you sure?').count(), 0, 'what was deleted, after a reload');
    await ada.page.goto('/saved');
    await ada.page.getByRole('main').getByText('High water').waitFor();
    stage.line.cut();
    await ada.page.reload();
    await ada.page.getByText('The server was not reached. Try again.').waitFor({ timeout: 60_000 });
    await ada.screen('saved-offline');
    stage.line.join();
    await ada.page.getByRole('main').getByText('High water').waitFor({ timeout: 60_000 });
    await ada.page.getByRole('button', { name: 'Remove from saved' }).click();
    await ada.page.getByText('Nothing saved yet').waitFor();
    await ada.screen('saved-empty');
  },

  /** A thread with all that a conversation can; whoever wrote in it hears of more. */
  async threads(stage) {
    const [ada, ben] = await Promise.all([newPerson(stage, 'Ada'), newPerson(stage, 'Ben')]);
    await make(ada, 'Group', [ben], 'Logbook');
    await ada.write('Where do we meet?');
    await ben.open('Logbook');
    await menu(ben, 'Where do we meet?', 'Reply in thread');
    const field = panel(ben).getByRole('textbox', { name: 'Reply in the thread' });
    await field.fill('At the quai.');
    await field.press('Enter');
    const reply = (who: Person, text: string) => panel(who).getByRole('article').filter({ hasText: text });
    await reply(ben, 'At the quai.').waitFor();
    await panel(ben).getByRole('button', { name: 'Following' }).waitFor();
    await panel(ben)
      .locator('input[type=file]')
      .setInputFiles({
        name: 'quay.csv',
        mimeType: 'text/csv',
        buffer: Buffer.from('at,where\n06:00,quay\n'),
      });
    await panel(ben).getByRole('button', { name: 'Remove quay.csv' }).waitFor();
    await panel(ben).getByRole('button', { name: 'Send', exact: true }).click();
    await reply(ben, 'quay.csv').waitFor();

    await ada.message('Where do we meet?').getByRole('button', { name: '2 replies' }).click();
    await reply(ada, 'At the quai.').waitFor();
    await reply(ben, 'At the quai.').click({ button: 'right' });
    await ben.page.getByRole('menuitem', { name: 'Edit', exact: true }).click();
    await field.fill('At the quay.');
    await field.press('Enter');
    await reply(ada, 'At the quay.').getByText('edited').waitFor();
    await reply(ada, 'At the quay.').click({ button: 'right' });
    await ada.page.getByRole('menuitem', { name: '👍' }).click();
    await reply(ben, 'At the quay.').getByRole('button', { name: '👍, 1' }).waitFor();
    await panel(ada).getByRole('button', { name: 'Following' }).waitFor();
    const adas = panel(ada).getByRole('textbox', { name: 'Reply in the thread' });
    await adas.pressSequentially('I will be there, @Be');
    await panel(ada).getByRole('option', { name: 'Ben' }).waitFor();
    await ada.screen('thread-mention');
    await adas.press('Enter');
    await panel(ada).getByRole('checkbox', { name: 'Also send to the conversation' }).check();
    await adas.press('Enter');
    await reply(ben, '@Ben').waitFor();
    await ben.message('I will be there, @Ben').first().waitFor();
    await ben.screen('thread');
    await panel(ben).getByRole('button', { name: 'Close' }).click();

    await adas.fill('And bring the oars.');
    await adas.press('Enter');
    await ben.page.getByRole('button', { name: '1 new reply in threads' }).click();
    await panel(ben).getByText('Where do we meet?').waitFor();
    await ben.screen('threads');
    await panel(ben).getByTitle('Open the thread').click();
    await reply(ben, 'And bring the oars.').waitFor();
    await ben.page.getByRole('button', { name: /new reply in threads/ }).waitFor({ state: 'detached' });
    await panel(ben).getByRole('button', { name: 'Following' }).click();
    await panel(ben).getByRole('button', { name: 'Follow', exact: true }).waitFor();
    await adas.fill('The tide does not wait.');
    await adas.press('Enter');
    await reply(ben, 'The tide does not wait.').waitFor();
    await panel(ben).getByRole('button', { name: 'Close' }).click();

    await ben.page.setViewportSize({ width: 390, height: 844 });
    await ben
      .message('Where do we meet?')
      .getByRole('button', { name: /replies/ })
      .click();
    await reply(ben, 'The tide does not wait.').waitFor();
    await ben.screen('thread-narrow');
    await ben.page.emulateMedia({ colorScheme: 'dark' });
    await ben.page.setViewportSize({ width: 1280, height: 800 });
    await ben.screen('thread-dark');
  },

  /** A thread that lies further back than what the client holds: brought by pages, and changed by what happens to it. */
  async 'old-thread'(stage) {
    const [ada, ben] = await Promise.all([newPerson(stage, 'Ada'), newPerson(stage, 'Ben')]);
    await make(ada, 'Group', [ben], 'Archive');
    const path = `/api/chats/${chatOf(ada)}/messages`;
    const post = await appOf(stage, ada);
    const root = seqOf(await post(path, { content: 'Who keeps the light?' }));
    for (let i = 1; i <= 50; i++) await post(path, { content: `keeper ${i}.`, thread_seq: root });
    for (let i = 1; i <= 150; i++) await post(path, { content: `the wind turned ${i} times` });
    await ben.page.goto(`/c/${chatOf(ada)}?at=${root}&thread=${root}`);
    const reply = (text: string) => panel(ben).getByRole('article').filter({ hasText: text });
    await reply('Who keeps the light?').waitFor();
    await reply('keeper 50.').waitFor();
    await eventually(() => reply('keeper 1.').count(), 0, 'the oldest reply before it is asked for');
    await panel(ben).getByRole('button', { name: 'Load more' }).click();
    await reply('keeper 1.').waitFor();
    await eventually(() => panel(ben).getByRole('article').count(), 51, 'the thread, whole');
    await reply('keeper 1.').click({ button: 'right' });
    await ben.page.getByRole('menuitem', { name: '👍' }).click();
    await reply('keeper 1.').getByRole('button', { name: '👍, 1' }).waitFor();
    await post(path, { content: 'keeper 51.', thread_seq: root });
    await reply('keeper 51.').waitFor();
    await menuOf(ben, reply('keeper 2.'), 'Delete for me');
    await ben.page.getByRole('alertdialog').getByRole('button', { name: 'Delete for me' }).click();
    await eventually(() => reply('keeper 2.').count(), 0, 'the reply that was deleted');
    await eventually(() => panel(ben).getByRole('article').count(), 51, 'what is left of the thread');
    await ben.screen('old-thread');
  },

  /** Messages that wait for their time, drafts on two devices, messages that disappear, a mark, and a copy of everything. */
  async 'later-and-lasting'(stage) {
    const [ada, ben] = await Promise.all([newPerson(stage, 'Ada'), newPerson(stage, 'Ben')]);
    await make(ada, 'Person', [ben]);
    await ada.field.fill('Wake up, the tide is in.');
    await ada.page.getByRole('button', { name: 'Send later' }).click();
    const dialog = ada.page.getByRole('dialog');
    await dialog.getByLabel('When').fill('2020-01-01T09:00');
    await dialog.getByRole('button', { name: 'Schedule' }).click();
    await dialog.getByText('Choose a time that is still to come.').waitFor();
    await ada.screen('schedule');
    await dialog.getByRole('button', { name: 'Tomorrow at nine' }).click();
    await dialog.getByRole('button', { name: 'Schedule' }).click();
    await ada.page.getByText(/^It is sent on/).waitFor();
    expect((await ada.field.inputValue()) === '', 'the field is empty once the message is scheduled');

    await ada.page.getByRole('button', { name: 'Details' }).click();
    await ada.screen('details-more');
    await panel(ada).getByRole('button', { name: 'Scheduled messages' }).click();
    await panel(ada).getByText('Wake up').waitFor();
    await ada.screen('scheduled');
    await panel(ada).getByRole('button', { name: 'Change the time' }).click();
    await dialog.getByRole('button', { name: 'Monday at nine' }).click();
    await dialog.getByRole('button', { name: 'Schedule' }).click();
    await panel(ada)
      .getByText(/Monday/)
      .waitFor();
    await panel(ada).getByRole('button', { name: 'Cancel the message' }).click();
    await ada.page.getByRole('alertdialog').getByRole('button', { name: 'Cancel the message' }).click();
    await panel(ada).getByText('Nothing is scheduled').waitFor();

    await ada.page.getByRole('button', { name: 'Details' }).click();
    await panel(ada).getByLabel('Disappearing messages').selectOption({ label: '1 day' });
    await ada.page.getByRole('feed').getByText('Ada made new messages disappear after 1 day').waitFor();
    await ada.write('This will not stay.');
    await ben.open('Ada');
    await ben
      .message('This will not stay.')
      .getByRole('img', { name: /^Disappears on/ })
      .waitFor();
    await ben.screen('disappearing');

    const saved = ada.page.waitForEvent('download');
    await panel(ada).getByRole('button', { name: 'Export messages' }).click();
    const lines = await (await (await saved).createReadStream()).setEncoding('utf8').toArray();
    expect(lines.join('').includes('This will not stay.'), 'the export has the message');

    await ben.field.pressSequentially('half a thou');
    const tablet = await ben.again(stage.browser, stage.line.url);
    stage.people.push(tablet);
    await tablet.signIn();
    await tablet.row('Ada').getByText('Draft: half a thou').waitFor();
    await tablet.open('Ada');
    expect((await tablet.field.inputValue()) === 'half a thou', 'the draft is in the field of the other device');
    await tablet.screen('draft');
    await tablet.write('half a thought');
    await eventually(() => ben.field.inputValue(), '', 'the draft after it was sent from the other device');

    await ben.row('Ada').click({ button: 'right' });
    await ben.page.getByRole('menuitem', { name: 'Mark as unread' }).click();
    await ben.row('Ada').getByRole('img', { name: 'Marked as unread' }).waitFor();
    await tablet.row('Ada').getByRole('img', { name: 'Marked as unread' }).waitFor();
    await ben.screen('marked-unread');
    await ben.page.goto('/');
    await ben.open('Ada');
    await tablet.row('Ada').getByRole('img', { name: 'Marked as unread' }).waitFor({ state: 'detached' });
  },

  /** A place, the card of somebody, and kinds that other apps send. */
  async cards(stage) {
    const [ada, ben, cleo] = await Promise.all([
      newPerson(stage, 'Ada'),
      newPerson(stage, 'Ben'),
      newPerson(stage, 'Cleo'),
    ]);
    await make(ada, 'Group', [ben], 'Sailing');
    await ada.context.grantPermissions(['geolocation']);
    await ada.context.setGeolocation({ latitude: 54.3233, longitude: 10.1228, accuracy: 12 });
    await ada.page.getByRole('button', { name: 'Send something else' }).click();
    await ada.screen('extras');
    await ada.page.getByRole('menuitem', { name: 'My location' }).click();
    await ada.page.getByRole('alertdialog').getByRole('button', { name: 'Send' }).click();
    await ben.open('Sailing');
    await ben.message('54.32330, 10.12280').getByRole('link').waitFor();

    await ada.page.getByRole('button', { name: 'Send something else' }).click();
    await ada.page.getByRole('menuitem', { name: 'Contact' }).click();
    const dialog = ada.page.getByRole('dialog');
    await dialog.getByLabel('E-mail or handle').fill(cleo.email);
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await dialog.getByText('Cleo', { exact: true }).waitFor();
    await ada.screen('send-contact');
    await dialog.getByRole('button', { name: 'Send' }).click();

    const post = await appOf(stage, ada);
    for (const body of [
      { kind: 'sticker', content: '', sticker: { emoji: '🦭' } },
      { kind: 'custom', content: 'Order 7 is on its way', custom: { type: 'com.example.order', data: { number: 7 } } },
      { kind: 'custom', content: '', custom: { type: 'com.example.order', data: { number: 8 } } },
      {
        kind: 'contact',
        content: '',
        contact: { name: 'Harbour office', organization: 'Port', phones: ['+49 431 1'], emails: ['port@example.com'] },
      },
    ]) {
      await post(`/api/chats/${chatOf(ada)}/messages`, body);
    }
    await ben.message('Harbour office').getByRole('link', { name: 'port@example.com' }).waitFor();
    await ben.message('Order 7 is on its way').waitFor();
    await ben.message('Sent by another app').waitFor();
    await ben.screen('cards');
    await ben.message('Cleo').getByRole('button', { name: 'Message Cleo' }).click();
    await ben.page.getByRole('textbox', { name: 'Message Cleo' }).waitFor();
  },

  /** A film is played piece by piece, and so is sound. */
  async film(stage) {
    const [ada, ben] = await Promise.all([newPerson(stage, 'Ada'), newPerson(stage, 'Ben')]);
    await make(ada, 'Person', [ben]);
    await stored(ben);
    await ben.page.reload();
    await ben.open('Ada');
    const content = await film(ada);
    expect(content.byteLength > 3_000_000, `a film of some pieces, not of ${content.byteLength} bytes`);
    await ada.page
      .locator('input[type=file]')
      .setInputFiles({ name: 'surf.webm', mimeType: 'video/webm', buffer: content });
    await ada.page.getByRole('button', { name: 'Remove surf.webm' }).waitFor({ timeout: 60_000 });
    await ada.page.getByRole('button', { name: 'Send', exact: true }).click();
    const pieces: string[] = [];
    ben.page.on('response', (response) => {
      if (response.url().includes('/media/'))
        pieces.push(`${response.status()} ${response.headers()['content-range']}`);
    });
    await ben.page.getByRole('button', { name: 'Play surf.webm' }).click();
    const player = ben.page.locator('video');
    await player.waitFor();
    await eventually(
      () => player.evaluate((video: HTMLVideoElement) => video.currentTime > 2),
      true,
      'what was played',
    );
    await ben.screen('film');
    const [first = ''] = pieces;
    expect(first.startsWith(`206 bytes 0-2097151/${content.byteLength}`), `the first piece, not ${first}`);
    expect(pieces.length > 1, 'more than one piece');

    await ben.page.keyboard.press('Escape');
    const wav = { name: 'horn.wav', mimeType: 'audio/wav', buffer: tone() };
    await ada.page.locator('input[type=file]').setInputFiles(wav);
    await ada.page.getByRole('button', { name: 'Remove horn.wav' }).waitFor();
    await ada.page.getByRole('button', { name: 'Send', exact: true }).click();
    await ben.page.getByRole('button', { name: 'Play horn.wav' }).click();
    await ben.page.getByRole('button', { name: 'Pause horn.wav' }).waitFor();
    const whole = `206 bytes 0-${wav.buffer.byteLength - 1}/${wav.buffer.byteLength}`;
    expect(pieces.includes(whole), `${whole} in ${pieces.join(', ')}`);
    await ben.screen('sound');
  },

  /** What is new, on a phone and in Chinese. */
  async 'phone-messages'(stage) {
    const li = await newPerson(stage, '李白', {
      viewport: { width: 390, height: 844 },
      hasTouch: true,
      isMobile: true,
      locale: 'zh-CN',
    });
    const ben = await newPerson(stage, 'Ben');
    await make(ben, 'Person', [li]);
    await ben.write('A fine poem, 李白.');
    await li.row('Ben').click();
    await li.message('A fine poem').waitFor();
    await li.field.fill('举头望明月，低头思故乡。');
    await li.screen('phone-composer-zh');
    await li.page.getByRole('button', { name: '定时发送' }).click();
    await li.screen('phone-schedule-zh');
    await li.page.getByRole('button', { name: '明天九点' }).click();
    await li.page.getByRole('button', { name: '安排发送' }).click();
    await li.page.getByRole('dialog').waitFor({ state: 'hidden' });
    await menu(li, 'A fine poem', '收藏');
    await menu(li, 'A fine poem', '转发');
    await li.page.getByRole('dialog').waitFor();
    await li.screen('phone-forward-zh');
    await li.page.keyboard.press('Escape');
    await menu(li, 'A fine poem', '在话题中回复');
    await panel(li).getByRole('textbox').fill('床前明月光');
    await panel(li).getByRole('textbox').press('Enter');
    await panel(li).getByRole('article').filter({ hasText: '床前明月光' }).waitFor();
    await li.screen('phone-thread-zh');
    await panel(li).getByRole('button', { name: '关闭' }).click();
    await li.page.getByRole('button', { name: '详情' }).click();
    await panel(li).getByRole('button', { name: '定时消息' }).click();
    await panel(li).getByText('举头望明月').waitFor();
    await li.screen('phone-scheduled-zh');
    await li.page.goto('/saved');
    await li.page.getByText('A fine poem').waitFor();
    await li.screen('phone-saved-zh');
  },
};
