import { lazy, Suspense } from 'react';
import { useStore } from '../bridge/store.ts';
import { dialog } from './store.ts';

const Palette = lazy(() => import('./palette.tsx'));
const NewChat = lazy(() => import('./new-chat.tsx'));
const AddMembers = lazy(() => import('./add-members.tsx'));
const NewPoll = lazy(() => import('./new-poll.tsx'));
const SendContact = lazy(() => import('./send-contact.tsx'));
const Forward = lazy(() => import('./forward.tsx'));
const Schedule = lazy(() => import('./schedule.tsx'));
const Settings = lazy(() => import('../settings/settings.tsx'));

/** The dialog that is open, if any. */
export function Dialogs() {
  const open = useStore(dialog);
  if (open === undefined) return null;
  return (
    <Suspense>
      {open.name === 'palette' && <Palette />}
      {open.name === 'new' && <NewChat {...open} />}
      {open.name === 'add-members' && <AddMembers to={open.to} />}
      {open.name === 'poll' && <NewPoll {...open} />}
      {open.name === 'contact' && <SendContact take={open.take} />}
      {open.name === 'forward' && <Forward {...open} />}
      {open.name === 'schedule' && <Schedule {...open} />}
      {open.name === 'settings' && <Settings page={open.page} />}
    </Suspense>
  );
}
