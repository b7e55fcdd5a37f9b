import { lazy, Suspense } from 'react';
import { useStore } from '../bridge/store.ts';
import { confirmation, emojiPicker, menu, toasts } from './overlays.ts';
import css from './ui.module.css';

const Host = lazy(() => import('./overlay-host.tsx'));

/** Everything that lies over the page. */
export function Overlays() {
  const needed = [useStore(menu), useStore(confirmation), useStore(emojiPicker)].some(
    (request) => request !== undefined,
  );
  const shown = useStore(toasts);
  return (
    <>
      {needed && (
        <Suspense>
          <Host />
        </Suspense>
      )}
      <div className={css.toasts} role="status">
        {shown.map(({ id, text }) => (
          <div key={id} className={css.toast}>
            {text}
          </div>
        ))}
      </div>
    </>
  );
}
