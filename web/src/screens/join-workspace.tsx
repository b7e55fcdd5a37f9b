import type { WorkspaceInvitationPreview } from '@tideline/sdk';
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

/** The page of an invitation to a workspace. Its code stands behind the `#`: it is in no server's log. */
export default function JoinWorkspace() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [, go] = useLocation();
  const [code] = useState(() => location.hash.slice(1));
  const [preview, setPreview] = useState<WorkspaceInvitationPreview>();
  const [failure, setFailure] = useState<string>();

  useEffect(() => {
    bridge.client.workspaces
      .previewInvitation(code)
      .then(setPreview)
      .catch((error: unknown) => {
        if (!(error instanceof CallError)) throw error;
        setFailure(error.code === 'network' ? failureText(error.failure) : t('join.invalid'));
      });
  }, [bridge, code, t]);

  async function enter() {
    try {
      const { id } = await bridge.client.workspaces.redeemInvitation(code);
      go(`/w/${id}`);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      setFailure(failureText(error.failure));
    }
  }

  return (
    <Screen title={t('join.title')} back="/w">
      {failure !== undefined ? (
        <Empty icon={<Link2Off size={28} />} title={failure} />
      ) : preview === undefined ? (
        <Spinner label={t('common.loading')} />
      ) : (
        <div className={css.join}>
          <Avatar id={preview.workspace.id} name={preview.workspace.name} size={80} square />
          <h2>{preview.workspace.name}</h2>
          <p>{preview.workspace.description}</p>
          <p>{t('workspace.as', { role: t(`role.${preview.role}`) })}</p>
          <Button look="primary" onClick={() => (preview.member ? go(`/w/${preview.workspace.id}`) : void enter())}>
            {preview.member ? t('channels.open') : t('channels.join')}
          </Button>
        </div>
      )}
    </Screen>
  );
}
