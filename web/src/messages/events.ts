import type { ChatEvent } from '@tideline/sdk';
import type { TFunction } from 'i18next';
import { lastingText } from '../i18n/lasting.ts';

/** What happened, as a sentence. */
export function eventText(event: ChatEvent, t: TFunction, names: (id: string) => string): string {
  const actor = names(event.actor_id);
  switch (event.type) {
    case 'chat.created':
      return event.name === null ? t('event.created', { actor }) : t('event.createdNamed', { actor, name: event.name });
    case 'chat.updated':
      return updateText(event, t, actor);
    case 'member.joined': {
      const joined = event.user_ids.map(names).join(', ');
      const self = event.user_ids.length === 1 && event.user_ids[0] === event.actor_id;
      return self ? t('event.joined', { names: joined }) : t('event.added', { actor, names: joined });
    }
    case 'member.left': {
      const name = names(event.user_id);
      return event.removed ? t('event.removed', { actor, name }) : t('event.left', { name });
    }
    case 'member.role':
      return t('event.role', { actor, name: names(event.user_id), role: t(`role.${event.role}`) });
    default:
      return t('event.other');
  }
}

function updateText(event: Extract<ChatEvent, { type: 'chat.updated' }>, t: TFunction, actor: string): string {
  const { name, history, retention } = event;
  if (name !== undefined) return t('event.renamed', { actor, name });
  if (history !== undefined) return t(history === 'all' ? 'event.historyAll' : 'event.historyJoined', { actor });
  if (retention === undefined) return t('event.settings', { actor });
  return retention.message_timer === null
    ? t('event.timerOff', { actor })
    : t('event.timer', { actor, time: lastingText(retention.message_timer) });
}
