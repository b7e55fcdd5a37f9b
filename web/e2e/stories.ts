import type { Browser, BrowserContextOptions } from 'playwright-core';
import { eventually, expect } from './expect.ts';
import { figures } from './figures.ts';
import { Person, type Shots } from './person.ts';
import type { Line } from './server.ts';

export interface Stage {
  readonly browser: Browser;
  readonly line: Line;
  readonly shots: Shots;
  readonly people: Person[];
  /** The code of the newest mail to an address, with this in its subject. */
  readonly codeTo: (address: string, subject: string) => Promise<string>;
}

async function person(stage: Stage, name: string, options: BrowserContextOptions = {}): Promise<Person> {
  const made = await Person.at(stage.browser, stage.line.url, name, stage.shots, options);
  stage.people.push(made);
  return made;
}

export async function newPerson(stage: Stage, name: string, options: BrowserContextOptions = {}): Promise<Person> {
  const made = await person(stage, name, options);
  await made.signUp();
  return made;
}

/** Makes a conversation by the dialog. */
export async function make(by: Person, kind: 'Person' | 'Group' | 'Channel', others: readonly Person[], name?: string) {
  const { page } = by;
  await page.getByRole('button', { name: 'New conversation' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('tab', { name: kind }).click();
  if (name !== undefined) await dialog.getByLabel('Name', { exact: true }).fill(name);
  for (const other of others) {
    await dialog.getByLabel('E-mail or handle').fill(other.email);
    await dialog.getByRole('button', { name: 'Add' }).click();
    await dialog.getByText(other.name, { exact: true }).waitFor();
  }
  await by.screen(`new-${kind.toLowerCase()}`);
  await dialog.getByRole('button', { name: kind === 'Person' ? 'Start' : 'Create' }).click();
  await by.field.waitFor();
}

/** Takes an entry of a message's menu. */
export async function menu(who: Person, text: string, entry: string): Promise<void> {
  await who.message(text).click({ button: 'right' });
  await who.page.getByRole('menuitem', { name: entry, exact: true }).click();
}

interface Given {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

/** Brings a file as a paste into the field, or as a drop onto the conversation. */
async function give(who: Person, how: 'paste' | 'drop', { name, mimeType, buffer }: Given): Promise<void> {
  const target = how === 'paste' ? who.field : who.page.getByRole('feed');
  await target.evaluate(
    (element, [type, base64, title, mime]) => {
      const transfer = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      transfer.items.add(new File([bytes], title, { type: mime }));
      const common = { bubbles: true, cancelable: true };
      element.dispatchEvent(
        type === 'paste'
          ? new ClipboardEvent('paste', { ...common, clipboardData: transfer })
          : new DragEvent('drop', { ...common, dataTransfer: transfer }),
      );
    },
    [how, buffer.toString('base64'), name, mimeType] as const,
  );
}

/** The files of the client are kept, and so is the list, which is written a second after it changed. */
export async function stored(who: Person): Promise<void> {
  await who.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await who.page.waitForTimeout(2_000);
}

/** What people go through, each on its own; and what it takes. */
export const STORIES: Record<string, (stage: Stage) => Promise<void>> = {
  /** From nothing to a conversation of two. */
  async 'first-message'(stage) {
    const ada = await person(stage, 'Ada Lovelace');
    await ada.page.goto('/');
    await ada.page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    await ada.screen('sign-in');
    await ada.page.getByRole('link', { name: 'Create account' }).click();
    await ada.screen('sign-up');
    await ada.signUp();
    await ada.screen('empty');
    const ben = await newPerson(stage, 'Ben Harbour');
    await make(ada, 'Person', [ben]);
    await ada.screen('chat-empty');
    await ada.write('Hello Ben, high water is at six.');
    await eventually(() => ada.state('high water'), 'sent', 'the state after the send');

    await ben.row('Ada Lovelace').waitFor();
    await ben.screen('list-unread');
    await ben.open('Ada Lovelace');
    await ben.message('high water').waitFor();
    await eventually(() => ada.state('high water'), 'read', 'the state after it was read');

    await ben.field.pressSequentially('I see');
    await ada.page.getByText('Ben Harbour is typing…').first().waitFor();
    await ben.write('I see it from here. The boats are out already, and the wind has turned to the west.');
    await ada.message('The boats are out').waitFor();
    await ada.message('The boats are out').hover();
    await ada.message('The boats are out').getByRole('button', { name: 'Reply' }).click();
    await ada.screen('replying');
    await ada.write('Then let us go at five. https://example.com/tides?at=six.');
    await ben.message('let us go').getByText('The boats are out already').waitFor();
    await ben.write('👍');
    await ada.message('👍').waitFor();
    await ada.screen('chat');
    await ada.page.getByRole('button', { name: 'Details' }).click();
    await ada.page.getByRole('complementary').waitFor();
    await ada.screen('details');
    expect(
      (await ada.message('let us go').getByRole('link').getAttribute('href')) === 'https://example.com/tides?at=six',
      'the link ends before the full stop',
    );
  },

  /** From sign-up to a file received: chosen, pasted and dropped, shown, opened and saved. */
  async files(stage) {
    const [ada, ben] = await Promise.all([newPerson(stage, 'Ada'), newPerson(stage, 'Ben')]);
    await make(ada, 'Person', [ben]);
    await ben.open('Ada');
    const picture = { name: 'harbour.png', mimeType: 'image/png', buffer: await ada.page.screenshot() };
    const table = { name: 'tides.csv', mimeType: 'text/csv', buffer: Buffer.from('at,height\n06:12,4.1\n18:40,4.3\n') };

    await ada.page.locator('input[type=file]').setInputFiles([picture, { ...picture, name: 'again.png' }]);
    await ada.page.getByRole('button', { name: 'Remove harbour.png' }).waitFor();
    await ada.page.getByRole('button', { name: 'Remove again.png' }).click();
    await ada.screen('files-chosen');
    await ada.write('The harbour this morning');
    const received = ben.message('The harbour this morning').getByRole('button', { name: 'Open harbour.png' });
    await received.waitFor();
    const width = () =>
      received
        .locator('img')
        .last()
        .evaluate((image: HTMLImageElement) => image.naturalWidth);
    await eventually(async () => (await width()) > 100, true, 'the picture at the other side');
    await eventually(() => ada.state('The harbour this morning'), 'read', 'the state of the picture');
    await ben.screen('files-picture');
    await received.click();
    await ben.page.getByRole('img', { name: 'harbour.png' }).waitFor();
    await ben.screen('gallery');
    await ben.page.keyboard.press('Escape');
    await ben.page.getByRole('dialog').waitFor({ state: 'hidden' });

    await give(ada, 'drop', table);
    await ada.page.getByRole('button', { name: 'Remove tides.csv' }).waitFor();
    await give(ada, 'paste', { ...picture, name: 'pasted.png' });
    await ada.page.getByRole('button', { name: 'Remove pasted.png' }).waitFor();
    await ada.page.getByRole('button', { name: 'Send', exact: true }).click();
    const saved = ben.page.waitForEvent('download');
    await ben.page.getByRole('button', { name: /^Save tides.csv/ }).click();
    const download = await saved;
    expect(download.suggestedFilename() === 'tides.csv', 'the file is saved under its name');
    const text = await (await download.createReadStream()).setEncoding('utf8').toArray();
    expect(text.join('') === table.buffer.toString(), 'the file that is saved is the one that was sent');
    await ben.screen('files');
    await ben.page.getByRole('button', { name: 'Details' }).click();
    await ben.page.getByRole('button', { name: 'Media and files' }).click();
    await ben.page.getByRole('complementary').getByText('2 files').waitFor();
    await ben.screen('files-shared');

    stage.line.cut();
    const late = { name: 'late.txt', mimeType: 'text/plain', buffer: Buffer.from('the last boat') };
    await ada.page.locator('input[type=file]').setInputFiles(late);
    await ada.page.getByRole('progressbar', { name: 'Uploading late.txt' }).waitFor();
    await ada.page.getByRole('button', { name: 'Try late.txt again' }).waitFor();
    await ada.screen('files-failed');
    stage.line.join();
    await ada.page.getByRole('button', { name: 'Try late.txt again' }).click();
    await ada.page.getByRole('button', { name: 'Remove late.txt' }).waitFor();
    await ada.page.getByRole('button', { name: 'Send', exact: true }).click();
    await ben.page.reload();
    await ben.page.getByRole('button', { name: /^Save late.txt/ }).waitFor();
    await ben.message('The harbour this morning').getByRole('button', { name: 'Open harbour.png' }).waitFor();
  },

  /** A question that two answer, a voice note, and a message found among all. */
  async 'polls-and-voice'(stage) {
    const [ada, ben] = await Promise.all([newPerson(stage, 'Ada'), newPerson(stage, 'Ben')]);
    await make(ada, 'Group', [ben], 'Harbour watch');
    await ben.open('Harbour watch');
    await ada.page.getByRole('button', { name: 'Send something else' }).click();
    await ada.page.getByRole('menuitem', { name: 'New poll' }).click();
    const dialog = ada.page.getByRole('dialog');
    await dialog.getByLabel('Question').fill('When do we sail?');
    await dialog.getByLabel('Answer 1').fill('At dawn');
    await dialog.getByLabel('Answer 2').fill('At noon');
    await ada.screen('new-poll');
    await dialog.getByRole('button', { name: 'Ask' }).click();
    await ben
      .message('When do we sail?')
      .getByRole('radio', { name: /At noon/ })
      .check();
    await ada.message('When do we sail?').getByText('1 person has voted').waitFor();
    await ada
      .message('When do we sail?')
      .getByRole('radio', { name: /At dawn/ })
      .check();
    await ben.message('When do we sail?').getByText('2 people have voted').waitFor();
    await ben.screen('poll');
    await ada.message('When do we sail?').getByRole('button', { name: 'Close the poll' }).click();
    await ben.message('When do we sail?').getByText('Closed').waitFor();

    await ada.context.grantPermissions(['microphone']);
    await ada.page.getByRole('button', { name: 'Record a voice note' }).click();
    await ada.page.getByRole('timer').getByText('0:02').waitFor();
    await ada.screen('recording');
    await ada.page.getByRole('button', { name: 'Send the voice note' }).click();
    await ben.page.getByRole('button', { name: 'Play Voice note' }).click();
    await ben.page.getByRole('button', { name: 'Pause Voice note' }).waitFor();
    await ben.screen('voice-note');

    await ben.page.goto('/search');
    await ben.page.getByRole('searchbox').fill('sail');
    await ben.page.getByRole('main').getByText('Harbour watch').waitFor();
    await ben.screen('search-all');
    await ben.page.getByTitle('Go to the message').click();
    await ben.message('When do we sail?').waitFor();
  },

  /** Three people, mentions, and what the list says. */
  async group(stage) {
    const [ada, ben, cleo] = await Promise.all([
      newPerson(stage, 'Ada'),
      newPerson(stage, 'Ben'),
      newPerson(stage, 'Cleo'),
    ]);
    await make(ada, 'Group', [ben, cleo], 'Tides and boats');
    await ada.write('Who is coming on Sunday?');
    await ben.open('Tides and boats');
    await ben.message('Who is coming').waitFor();
    await ben.field.pressSequentially('Me, and @Cl');
    await ben.page.getByRole('option', { name: 'Cleo' }).waitFor();
    await ben.screen('mention');
    await ben.field.press('Enter');
    await ben.field.pressSequentially('has a boat.');
    await ben.field.press('Enter');
    await cleo.row('Tides and boats').getByRole('img', { name: '1 mention' }).waitFor();
    await cleo.open('Tides and boats');
    await cleo.message('@Cleo has a boat.').waitFor();
    await cleo.page.getByText('New messages').first().waitFor();
    await cleo.write('I have, and it is dry.');
    await ada.message('it is dry').waitFor();
    await ada.write('Good. Bring oars.');
    await cleo.message('Bring oars').waitFor();
    await cleo.screen('group');
    await cleo.page.getByRole('button', { name: 'Details' }).click();
    await cleo.page.getByRole('complementary').getByText('Ben', { exact: true }).waitFor();
    await cleo.screen('group-details');

    await ada.row('Tides and boats').click({ button: 'right' });
    await ada.page.getByRole('menuitem', { name: 'Mute' }).waitFor();
    await ada.screen('list-menu');
    await ada.page.getByRole('menuitem', { name: 'Mute' }).click();
    await ada.row('Tides and boats').getByRole('img', { name: 'Muted' }).waitFor();
  },

  /** What becomes of messages after they were sent, and how they are found again. */
  async 'changes-of-messages'(stage) {
    const [ada, ben] = await Promise.all([newPerson(stage, 'Ada'), newPerson(stage, 'Ben')]);
    await make(ada, 'Group', [ben], 'Logbook');
    await ada.write('The lighthouse is litt.');
    await ada.write('Say nothing of the keeper.');
    await ben.open('Logbook');
    await ben.message('The lighthouse').waitFor();

    await menu(ben, 'The lighthouse', '👍');
    await ada.message('The lighthouse').getByRole('button', { name: '👍, 1' }).click();
    await ben.message('The lighthouse').getByRole('button', { name: '👍, 2' }).waitFor();

    await menu(ada, 'The lighthouse', 'Edit');
    await ada.field.fill('The lighthouse is lit.');
    await ada.field.press('Enter');
    await ben.message('The lighthouse is lit.').getByText('edited').waitFor();

    await menu(ada, 'Say nothing', 'Take back');
    await ada.page.getByRole('alertdialog').waitFor();
    await ada.screen('confirm');
    await ada.page.getByRole('alertdialog').getByRole('button', { name: 'Take back' }).click();
    await ben.message('Message taken back').waitFor();
    await eventually(() => ben.message('Say nothing').count(), 0, 'what was taken back');

    await menu(ada, 'The lighthouse', 'Pin');
    await ben.message('The lighthouse').getByRole('img', { name: 'Pinned' }).waitFor();
    await ben.page.getByRole('button', { name: 'Pinned messages' }).click();
    await ben.page.getByRole('complementary').getByText('The lighthouse is lit.').waitFor();
    await ben.screen('pins');
    await ben.page.getByRole('button', { name: 'Search', exact: true }).click();
    await ben.page.getByRole('searchbox').fill('lighthouse');
    await ben.page.getByRole('complementary').getByText('lighthouse').waitFor();
    await ben.screen('search');
  },

  /** Friends, invitations and public channels. */
  async 'people-and-channels'(stage) {
    const [ada, ben] = await Promise.all([newPerson(stage, 'Ada'), newPerson(stage, 'Ben')]);
    await ada.page.goto('/people');
    await ada.page.getByLabel('E-mail or handle').fill(ben.email);
    await ada.page.getByRole('button', { name: 'Add', exact: true }).click();
    await ada.page.getByRole('button', { name: 'Ask to be friends' }).click();
    await ada.page.getByRole('heading', { name: /^Asked/ }).waitFor();
    await ben.page.getByRole('button', { name: /1 request to be friends/ }).click();
    await ben.page.getByRole('menuitem', { name: 'People (1)' }).click();
    await ben.page.getByRole('button', { name: 'Accept Ada' }).waitFor();
    await ben.screen('people-request');
    await ben.page.getByRole('button', { name: 'Accept Ada' }).click();
    for (const one of [ada, ben]) await one.page.getByRole('heading', { name: /^Friends/ }).waitFor();
    await ada.screen('people');

    await make(ada, 'Group', [], 'By invitation');
    await ada.page.getByRole('button', { name: 'Details' }).click();
    await ada.page.getByRole('button', { name: 'Make an invitation link' }).click();
    const link = await ada.page.getByLabel('Invitation link').inputValue();
    await ben.page.goto(link);
    await ben.page.getByRole('heading', { name: 'By invitation' }).waitFor();
    await ben.screen('invitation');
    await ben.page.getByRole('button', { name: 'Join' }).click();
    await ben.field.waitFor();
    await ada.page.getByRole('complementary').getByRole('button', { name: 'Actions for Ben' }).click();
    await ada.page.getByRole('menuitem', { name: 'Make Moderator' }).click();
    await ada.page.getByText('Ada made Ben Moderator').waitFor();
    await ada.screen('roles');

    await make(ada, 'Channel', [], 'open sea');
    await ben.page.goto('/channels');
    await ben.page.getByText('Search public channels').waitFor();
    await ben.screen('channels');
  },

  /** Workspaces, channels, settings, the palette, and the keyboard. */
  async 'around-the-client'(stage) {
    const [ada, ben] = await Promise.all([newPerson(stage, 'Ada'), newPerson(stage, 'Ben')]);
    const { page } = ada;
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Command palette' }).waitFor();
    await ada.screen('palette');
    await page.keyboard.type('workspaces');
    await page.keyboard.press('Enter');
    await page.getByText('You are in no workspace yet.').waitFor();
    await page.getByRole('button', { name: 'New workspace' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Harbour office');
    await page.getByLabel('Description').fill('Everything that floats');
    await page.getByLabel('E-mail or handle').fill(ben.email);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('dialog').getByText('Ben', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { name: 'Harbour office' }).waitFor();
    await page.getByText('Ben', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'New channel' }).click();
    await page.getByLabel('Name', { exact: true }).fill('announcements');
    await page.getByRole('button', { name: 'Create' }).click();
    await ada.field.waitFor();
    await page.goto('/w');
    await page.getByRole('link', { name: 'Harbour office' }).click();
    await page.getByRole('main').getByRole('link', { name: 'announcements' }).waitFor();
    await ada.screen('workspace');

    for (const name of ['Profile', 'Appearance', 'Notifications', 'Devices', 'Shortcuts']) {
      if (name === 'Profile') {
        await page.getByRole('button', { name: /Settings$/ }).click();
        await page.getByRole('menuitem', { name: 'Settings' }).click();
      }
      await page.getByRole('tab', { name }).click();
      if (name === 'Devices') await page.getByText('This device').waitFor();
      await ada.screen(`settings-${name.toLowerCase()}`);
    }
    await page.getByRole('tab', { name: 'Appearance' }).click();
    await page.getByLabel('Dark').check();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await ada.screen('workspace-dark');
    await ben.page.getByRole('button', { name: /Settings$/ }).click();
    await ben.page.getByRole('menuitem', { name: 'Sign out' }).click();
    await ben.page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    await ben.signIn();
  },

  /** People come into a workspace by a link, and get roles. */
  async workspace(stage) {
    const [ada, ben] = await Promise.all([newPerson(stage, 'Ada'), newPerson(stage, 'Ben')]);
    const { page } = ada;
    await page.goto('/w');
    await page.getByRole('button', { name: 'New workspace' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Pilots');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { name: 'Pilots' }).waitFor();
    await page.getByRole('button', { name: 'Invitation link: Guest' }).click();
    await ben.page.goto(await page.getByLabel('Invitation link', { exact: true }).inputValue());
    await ben.page.getByRole('heading', { name: 'Pilots' }).waitFor();
    await ben.screen('invitation-workspace');
    await ben.page.getByRole('button', { name: 'Join' }).click();
    await ben.page.getByRole('button', { name: 'Leave workspace' }).waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Actions for Ben' }).click();
    await page.getByRole('menuitem', { name: 'Make Admin' }).click();
    await page.getByRole('listitem').filter({ hasText: 'Ben' }).getByText('Admin').waitFor();
    await ada.screen('workspace-roles');
    await page.getByRole('button', { name: 'Delete workspace' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete workspace' }).click();
    await page.getByRole('button', { name: 'Keep it' }).click();
    await page.getByRole('button', { name: 'Delete workspace' }).waitFor();
  },

  /** Mails lead to pages: an address is confirmed, and a forgotten password is set anew. */
  async 'by-mail'(stage) {
    const ada = await newPerson(stage, 'Ada');
    const { page, email } = ada;
    await page.goto(`/verify#${await stage.codeTo(email, 'Confirm')}`);
    await page.getByText('Your address is confirmed.').waitFor();
    await ada.screen('verified');
    await page.getByRole('link', { name: 'Back to conversations' }).click();
    await page.getByRole('button', { name: /Settings$/ }).click();
    await page.getByRole('menuitem', { name: 'Settings' }).click();
    await page.getByText(`${email} is confirmed.`).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /Settings$/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();

    await page.getByRole('link', { name: 'Forgot your password?' }).click();
    await page.getByLabel('E-mail').fill(email);
    await ada.screen('forgot');
    await page.getByRole('button', { name: 'Send the code' }).click();
    await page.getByText('a mail is on its way').waitFor();
    await page.goto(`/reset#${await stage.codeTo(email, 'Set a new password')}`);
    await page.locator('input[name=password]').fill('another horse');
    await ada.screen('reset');
    await page.getByRole('button', { name: 'Set the password' }).click();
    await page.getByText('Your password is changed.').waitFor();
    await page.getByRole('link', { name: 'Sign in' }).click();
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password', { exact: true }).fill('another horse');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('navigation').waitFor();
  },

  /** A push while no tab looks is a notification that leads to its conversation. */
  async push(stage) {
    const [ada, ben] = await Promise.all([newPerson(stage, 'Ada'), newPerson(stage, 'Ben')]);
    await make(ada, 'Group', [ben], 'Tide tables');
    const { page, context } = ada;
    const chat_id = new URL(page.url()).pathname.split('/').at(-1);
    await context.grantPermissions(['notifications']);
    await stored(ada);
    const devtools = await context.newCDPSession(page);
    const registered = new Promise<string>((resolve) => {
      devtools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations: [first] }) => {
        if (first !== undefined) resolve(first.registrationId);
      });
    });
    await devtools.send('ServiceWorker.enable');
    const registrationId = await registered;
    const deliver = (fields: object) =>
      devtools.send('ServiceWorker.deliverPushMessage', {
        origin: stage.line.url,
        registrationId,
        data: JSON.stringify({ type: 'message', sender_name: 'Ben', preview: 'High water at six 🌊', ...fields }),
      });
    await deliver({ chat_id, chat_name: 'Tide tables', unread: 2 });
    await deliver({ chat_id: 'chat_single', chat_name: null, unread: 1 });
    const shown = () =>
      page.evaluate(async () => {
        const registration = await navigator.serviceWorker.ready;
        const all = await registration.getNotifications();
        return all
          .map(({ title, body, tag }) => ({ title, body, tag }))
          .sort((one, other) => one.title.localeCompare(other.title));
      });
    const wanted = [
      { title: 'Ben', body: 'High water at six 🌊', tag: 'chat_single' },
      { title: 'Tide tables (2)', body: 'Ben: High water at six 🌊', tag: chat_id },
    ];
    await eventually(shown, wanted, 'the notifications that are shown');
  },

  /** A reload while a message is on its way: it arrives, once. */
  async 'reload-in-a-send'(stage) {
    const [ada, ben] = await Promise.all([newPerson(stage, 'Ada'), newPerson(stage, 'Ben')]);
    await make(ada, 'Person', [ben]);
    await ada.write('before');
    await ben.open('Ada');
    await ben.message('before').waitFor();
    await stored(ada);
    stage.line.cut();
    await ada.write('in the middle');
    await eventually(() => ada.state('in the middle'), 'sending', 'the state without a network');
    await ada.page.reload();
    await ada.message('in the middle').waitFor();
    stage.line.join();
    await ben.message('in the middle').waitFor({ timeout: 45_000 });
    await eventually(() => ada.message('in the middle').count(), 1, 'messages after the reload');
    await eventually(() => ben.message('in the middle').count(), 1, 'messages at the other side');
    await eventually(() => ada.state('in the middle'), 'read', 'the state at the end');
  },

  /** Without a network the client opens from its store, takes what is written, and syncs when the network is back. */
  async offline(stage) {
    const [ada, ben] = await Promise.all([newPerson(stage, 'Ada'), newPerson(stage, 'Ben')]);
    await make(ada, 'Person', [ben]);
    for (const text of ['one', 'two', 'three']) await ada.write(`message ${text}`);
    await ben.open('Ada');
    await ben.message('message three').waitFor();
    await stored(ada);
    stage.line.cut();
    await ada.page.reload();
    await ada.row('Ben').waitFor();
    await ada.message('message three').waitFor();
    await ada.write('written offline');
    await ada.page.getByText('No connection.').waitFor();
    await ada.screen('offline');
    stage.line.join();
    await ada.page.getByRole('button', { name: 'Try now' }).click();
    await eventually(() => ada.state('written offline'), 'sent', 'the state when the network is back', 45_000);
    await ben.page.reload();
    await ben.message('written offline').waitFor();
  },

  /** Two tabs are one device: one connection, one state. */
  async 'second-tab'(stage) {
    const [ada, ben] = await Promise.all([newPerson(stage, 'Ada'), newPerson(stage, 'Ben')]);
    await make(ada, 'Person', [ben]);
    await ada.write('from the first tab');
    const second = await ada.context.newPage();
    await second.goto(ada.page.url());
    await second.getByRole('article').filter({ hasText: 'from the first tab' }).waitFor();
    await ben.open('Ada');
    await ben.write('to both');
    for (const page of [ada.page, second]) await page.getByRole('article').filter({ hasText: 'to both' }).waitFor();
    await second.getByRole('textbox', { name: 'Message Ben' }).fill('from the second tab');
    await second.getByRole('textbox', { name: 'Message Ben' }).press('Enter');
    await ada.message('from the second tab').waitFor();
    await ben.message('from the second tab').waitFor();
    const sessions = await second.evaluate(async () => (await navigator.locks.query()).held?.length ?? 0);
    expect(sessions >= 2, 'each tab holds its lock');
    await ada.page.close();
    ada.page = second;
    await ben.write('after one has closed');
    await ada.message('after one has closed').waitFor();
    await second.getByRole('button', { name: /Settings$/ }).click();
    await second.getByRole('menuitem', { name: 'Sign out' }).click();
    await second.getByRole('heading', { name: 'Welcome back' }).waitFor();
  },

  figures,

  /** A phone-sized screen, and Chinese. */
  async 'phone-in-chinese'(stage) {
    const li = await newPerson(stage, '李白', {
      viewport: { width: 390, height: 844 },
      hasTouch: true,
      isMobile: true,
      locale: 'zh-CN',
    });
    const ben = await newPerson(stage, 'Ben');
    await li.page.getByRole('button', { name: '新建会话' }).first().click();
    await li.page.getByLabel('邮箱或用户名').fill(ben.email);
    await li.page.getByRole('button', { name: '添加', exact: true }).click();
    await li.page.getByRole('button', { name: '开始' }).click();
    await li.field.waitFor();
    await li.write('床前明月光，疑是地上霜。举头望明月，低头思故乡。');
    await ben.open('李白');
    await ben.message('举头望明月').waitFor();
    await ben.write('静夜思 — a fine poem.');
    await li.message('静夜思').waitFor();
    await li.screen('phone-chat-zh');
    await li.page.getByRole('button', { name: '返回会话列表' }).click();
    await li.row('Ben').waitFor();
    await li.screen('phone-list-zh');
    await li.page.getByRole('button', { name: /设置$/ }).click();
    await li.page.getByRole('menuitem', { name: '设置' }).click();
    await li.page.getByRole('tab', { name: '外观' }).click();
    await li.screen('phone-settings-zh');
  },
};
