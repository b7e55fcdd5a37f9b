import type { ChatListItem, Draft } from '@tideline/sdk';
import type { TFunction } from 'i18next';
import { ContactRound, ListChecks, MapPin } from 'lucide-react';
import type { Bridge } from '../bridge/bridge.ts';
import { openDialog } from '../dialogs/store.ts';
import { complain } from '../notify.ts';
import { ask, type MenuEntry, toast } from '../ui/overlays.ts';

/** A place is asked of the device for so long; ms. */
const PATIENCE = 15_000;

interface Context {
  readonly bridge: Bridge;
  readonly row: ChatListItem;
  /** As the user sees the conversation. */
  readonly name: string;
  readonly thread: number | undefined;
  readonly t: TFunction;
}

/** What can be sent that is neither text nor a file. One more: an entry here. */
export function extras({ bridge, row, name, thread, t }: Context): MenuEntry[] {
  const where = thread === undefined ? {} : { thread_seq: thread };
  const send = (draft: Draft) => bridge.chat(row.id).send({ ...draft, ...where });
  const sendPlace = async () => {
    const question = {
      title: t('extras.locationAsk', { name }),
      text: t('extras.locationText'),
      action: t('extras.send'),
    };
    if (!(await ask(question))) return;
    const place = await placeNow();
    if (place === undefined) return toast(t('extras.noLocation'));
    try {
      await send({ kind: 'location', content: '', location: place });
    } catch (error) {
      complain(error);
    }
  };
  return [
    {
      id: 'poll',
      label: t('poll.new'),
      icon: <ListChecks size={16} />,
      run: () => openDialog({ name: 'poll', chat_id: row.id, ...where }),
    },
    { id: 'location', label: t('extras.location'), icon: <MapPin size={16} />, run: () => void sendPlace() },
    {
      id: 'contact',
      label: t('extras.contact'),
      icon: <ContactRound size={16} />,
      run: () => openDialog({ name: 'contact', take: (contact) => send({ kind: 'contact', content: '', contact }) }),
    },
  ];
}

/** Where the device is; undefined when it does not say. */
function placeNow(): Promise<NonNullable<Draft['location']> | undefined> {
  return new Promise((resolve) => {
    if (!('geolocation' in navigator)) return resolve(undefined);
    navigator.geolocation.getCurrentPosition(
      ({ coords: { latitude, longitude, accuracy } }) =>
        resolve({ latitude, longitude, accuracy: Math.min(100_000, Math.round(accuracy)) }),
      () => resolve(undefined),
      { timeout: PATIENCE, maximumAge: 60_000 },
    );
  });
}
