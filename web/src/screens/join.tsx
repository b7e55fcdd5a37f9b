import type { InvitationPreview, WorkspaceInvitationPreview } from '@tideline/sdk';
import { Link2Off } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import type { Bridge } from '../bridge/bridge.ts';
import { useBridge } from '../bridge/hooks.ts';
import { CallError } from '../bridge/remote.ts';
import { complaint, failureText } from '../notify.ts';
import { Avatar } from '../ui/avatar.tsx';
import { Button, Empty, Spinner } from '../ui/ui.tsx';
import { Screen } from './screen.tsx';
import css from './workspaces.module.css';

/** Characters of the code of an invitation into a workspace; one into a conversation names that too, and is longer. */
const WORKSPACE_CODE = 32;

/** What an invitation is to, of either kind. */
interface Offer {
  readonly id: string;
  readonly name: string;
  readonly about: string | null | undefined;
  /** undefined: it is not told. */
  readonly members: number | undefined;
  readonly member: boolean;
  /** Its page once one is in. */
  readonly page: string;
  readonly redeem: string;
}

async function offerOf(bridge: Bridge, code: string): Promise<Offer> {
  const body = { code };
  if (code.length === WORKSPACE_CODE) {
    const path = '/api/workspace-invitations';
    const { workspace, member } = await bridge.request<WorkspaceInvitationPreview>(`${path}/preview`, { body });
    const { id, name, description: about } = workspace;
    return { id, name, about, members: undefined, member, page: `/w/${id}`, redeem: `${path}/redeem` };
  }
  const { chat, member } = await bridge.request<InvitationPreview>('/api/invitations/preview', { body });
  const { id, name, topic: about, member_count: members } = chat;
  return { id, name: name ?? '', about, members, member, page: `/c/${id}`, redeem: '/api/invitations/redeem' };
}

/** The page of an invitation. Its code stands behind the `#`: it is in no server's log. */
export default function Join() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [, go] = useLocation();
  const [code] = useState(() => location.hash.slice(1));
  const [offer, setOffer] = useState<Offer>();
  const [failure, setFailure] = useState<string>();

  useEffect(() => {
    offerOf(bridge, code)
      .then(setOffer)
      .catch((error: unknown) => {
        if (!(error instanceof CallError)) throw error;
        setFailure(error.code === 'network' ? failureText(error.failure) : t('join.invalid'));
      });
  }, [bridge, code, t]);

  async function enter({ member, page, redeem }: Offer) {
    try {
      if (!member) await bridge.request(redeem, { body: { code } });
      go(page);
    } catch (error) {
      setFailure(complaint(error));
    }
  }

  return (
    <Screen title={t('join.title')} back="/">
      {failure !== undefined ? (
        <Empty icon={<Link2Off size={28} />} title={failure} />
      ) : offer === undefined ? (
        <Spinner label={t('common.loading')} />
      ) : (
        <div className={css.join}>
          <Avatar id={offer.id} name={offer.name} size={80} square />
          <h2>{offer.name}</h2>
          <p>{offer.about}</p>
          {offer.members !== undefined && <p>{t('chat.members', { count: offer.members })}</p>}
          <Button look="primary" onClick={() => void enter(offer)}>
            {offer.member ? t('channels.open') : t('channels.join')}
          </Button>
        </div>
      )}
    </Screen>
  );
}
