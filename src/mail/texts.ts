import type { Mail } from './mailer.ts';

/** What a mail says, apart from whom it goes to. Lines stay short, so that no transport breaks a code or an address. */
type Text = Omit<Mail, 'to'>;

const lines = (...text: string[]): string => `${text.join('\n')}\n`;

export const verifyText = ({ url, code, hours }: { url: string; code: string; hours: number }): Text => ({
  subject: 'Confirm your e-mail address',
  text: lines(
    'Somebody, probably you, has made an account with this address.',
    '',
    'To confirm that it is yours, open',
    `${url}/verify#${code}`,
    '',
    'or enter this code:',
    code,
    '',
    `It is good once, for ${hours} hours. If it was not you, do nothing.`,
  ),
});

export const resetText = ({ url, code, minutes }: { url: string; code: string; minutes: number }): Text => ({
  subject: 'Set a new password',
  text: lines(
    'Somebody, probably you, wants to set a new password.',
    '',
    'To do so, open',
    `${url}/reset#${code}`,
    '',
    'or enter this code:',
    code,
    '',
    `It is good once, for ${minutes} minutes. If it was not you, do nothing:`,
    'your password stays as it is.',
  ),
});

export const newDeviceText = ({ url, device, at }: { url: string; device: string | null; at: string }): Text => ({
  subject: 'A new sign-in to your account',
  text: lines(
    'Somebody has signed in to your account from a device that was',
    'not used with it before.',
    '',
    `When:   ${at}`,
    `Device: ${device ?? 'not named'}`,
    '',
    'If it was you, there is nothing to do. If not, set a new password,',
    'which ends every session:',
    `${url}/forgot`,
  ),
});

export const invitationText = (the: {
  url: string;
  code: string;
  inviter: string;
  workspace: string;
  until: string;
}): Text => ({
  subject: 'You are invited to a workspace',
  text: lines(
    'This person invites you to a workspace:',
    the.inviter,
    '',
    'The workspace:',
    the.workspace,
    '',
    'To come in, sign in with this address, or make an account with it,',
    'and open',
    `${the.url}/join#${the.code}`,
    '',
    `It is good once, until ${the.until}.`,
    'If you do not know who invites you, do nothing.',
  ),
});
