import { MapPin, UserRound } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { useBridge, useSelf } from '../bridge/hooks.ts';
import { complain } from '../notify.ts';
import type { KindProps } from './kinds.tsx';
import css from './messages.module.css';
import { TextMessage } from './text.tsx';

/** A place. The map is another site's: nothing is asked of it before a click. */
export function LocationMessage(props: KindProps) {
  const { t } = useTranslation();
  const { location, content } = props.message;
  if (location === undefined) return null;
  const { latitude, longitude, name, address } = location;
  const map = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`;
  return (
    <>
      <a className={css.card} href={map} target="_blank" rel="noreferrer noopener">
        <MapPin size={20} aria-hidden="true" />
        <span>
          <b>{name ?? t('kind.location')}</b>
          <small>{address ?? `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`}</small>
        </span>
      </a>
      {content !== '' && <TextMessage {...props} />}
    </>
  );
}

/** Somebody's card. Who has an account here can be written to. */
export function ContactMessage({ message }: KindProps) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const self = useSelf();
  const [, go] = useLocation();
  if (message.contact === undefined) return null;
  const { name, user_id, organization, phones = [], emails = [] } = message.contact;
  const write = (id: string) =>
    void bridge.client.chats
      .create({ type: 'Single', members: [id] })
      .then((chat) => go(`/c/${chat.id}`))
      .catch(complain);
  return (
    <div className={css.card}>
      <UserRound size={20} aria-hidden="true" />
      <span>
        <b>{name}</b>
        {organization !== undefined && <small>{organization}</small>}
        {phones.map((phone) => (
          <a key={phone} href={`tel:${phone.replaceAll(/[^+\d]/g, '')}`}>
            {phone}
          </a>
        ))}
        {emails.map((email) => (
          <a key={email} href={`mailto:${email}`}>
            {email}
          </a>
        ))}
        {user_id !== undefined && user_id !== self.id && (
          <button type="button" onClick={() => write(user_id)}>
            {t('details.message', { name })}
          </button>
        )}
      </span>
    </div>
  );
}

/** Pictures of packs belong to apps that know the packs: here it is the emoji that stands for it. */
export function StickerMessage({ message }: KindProps) {
  return <span className={css.jumbo}>{message.sticker?.emoji}</span>;
}
