import type { ComponentProps, ReactNode } from 'react';
import { useEffect, useId, useRef } from 'react';
import css from './ui.module.css';

/** Focuses what was opened on purpose: the field of a panel. */
export function useFocus<T extends HTMLElement>() {
  const ref = useRef<T>(null);
  useEffect(() => ref.current?.focus(), []);
  return ref;
}

export const cx = (...names: (string | false | undefined)[]): string => names.filter(Boolean).join(' ');

type ButtonProps = ComponentProps<'button'> & { look?: 'primary' | 'danger' | undefined; wide?: boolean };

export function Button({ look, wide, className, type = 'button', ...rest }: ButtonProps) {
  return <button type={type} className={cx(css.button, look && css[look], wide && css.wide, className)} {...rest} />;
}

/** A button that is an icon: its label is what it is read out as, and its tooltip. */
export function IconButton({ label, className, ...rest }: ComponentProps<'button'> & { label: string }) {
  return <button type="button" aria-label={label} title={label} className={cx(css.icon, className)} {...rest} />;
}

type FieldProps = ComponentProps<'input'> & {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  after?: ReactNode;
};

/** An input with its label, and what is wrong with its value. */
export function Field({ label, hint, error, after, className, ...rest }: FieldProps) {
  const id = useId();
  const described = error !== undefined || hint !== undefined ? `${id}-note` : undefined;
  return (
    <div className={cx(css.field, className)}>
      <label className={css.label} htmlFor={id}>
        {label}
      </label>
      <input id={id} className={css.input} aria-invalid={error !== undefined} aria-describedby={described} {...rest} />
      {after}
      {described !== undefined && (
        <p id={described} className={error === undefined ? css.hint : css.error}>
          {error ?? hint}
        </p>
      )}
    </div>
  );
}

export const inputClass = css.input ?? '';
export const fieldClass = css.field ?? '';
export const labelClass = css.label ?? '';

export function Badge({ count, label, quiet }: { count: number; label: string; quiet?: boolean }) {
  return (
    <span className={cx(css.badge, quiet && css.quiet)}>
      <span aria-hidden="true">{count > 999 ? '999+' : count}</span>
      <span className="visually-hidden">{label}</span>
    </span>
  );
}

export function Empty({ icon, title, children }: { icon: ReactNode; title: string; children?: ReactNode }) {
  return (
    <div className={css.empty}>
      <span className={css.emptyIcon} aria-hidden="true">
        {icon}
      </span>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Keys({ keys }: { keys: string }) {
  return (
    <span>
      {keys.split(' ').map((key) => (
        <kbd key={key} className={css.kbd}>
          {key}
        </kbd>
      ))}
    </span>
  );
}

export function Spinner({ label }: { label: string }) {
  return (
    <span role="status">
      <span className={css.spinner} style={{ display: 'inline-block' }} aria-hidden="true" />
      <span className="visually-hidden">{label}</span>
    </span>
  );
}
