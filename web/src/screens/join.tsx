import type { InvitationPreview } from '@tideline/sdk';
import { Link2Off } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { useBridge } from '../bridge/hooks.ts';
import { CallError } from '../bridge/remote.ts';
import { failureText } from '../notify.ts';
import { Avatar } from '../ui/avatar.tsx';
import { Button, Empty, Spinner } from '../ui/ui.tsx';
import { Screen } from './screen.tsx';
import css from './workspaces.module.css';

/** The page of an invitation. Its code stands behind the `#`: it is in no server's log. */
export default function Join() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [, go] = useLocation();
  const [code] = useState(() => location.hash.slice(1));
  const [preview, setPreview] = useState<InvitationPreview>();
  const [failure, setFailure] = useState<string>();

  useEffect(() => {
    bridge
      .request<InvitationPreview>('/api/invitations/preview', { body: { code } })
      .then(setPreview)
      .catch((error: unknown) => {
        if (!(error instanceof CallError)) throw error;
        setFailure(error.code === 'network' ? failureText(error.failure) : t('join.invalid'));
      });
  }, [bridge, code, t]);

  async function enter() {
    try {
      const { chat_id } = await bridge.request<{ chat_id: string }>('/api/invitations/redeem', { body: { code } });
      go(`/c/${chat_id}`);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      setFailure(failureText(error.failure));
    }
  }

  return (
    <Screen title={t('join.title')} back="/">
      {failure !== undefined ? (
        <Empty icon={<Link2Off size={28} />} title={failure} />
      ) : preview === undefined ? (
        <Spinner label={t('common.loading')} />
      ) : (
        <div className={css.join}>
          <Avatar id={preview.chat.id} name={preview.chat.name ?? ''} size={80} square />
          <h2>{preview.chat.name}</h2>
          <p>{preview.chat.topic}</p>
          <p>{t('chat.members', { count: preview.chat.member_count })}</p>
          <Button look="primary" onClick={() => (preview.member ? go(`/c/${preview.chat.id}`) : void enter())}>
            {preview.member ? t('channels.open') : t('channels.join')}
          </Button>
        </div>
      )}
    </Screen>
  );
}
