import { Switch } from '@base-ui/react/switch';
import { useId } from 'react';
import css from './settings.module.css';

interface ChoicesProps {
  name: string;
  label: string;
  value: string;
  choices: readonly (readonly [value: string, label: string])[];
  onChange: (value: string) => void;
}

/** One of a few. */
export function Choices({ name, label, value, choices, onChange }: ChoicesProps) {
  return (
    <fieldset className={css.choices}>
      <legend>{label}</legend>
      {choices.map(([choice, text]) => (
        <label key={choice} className={css.choice}>
          <input type="radio" name={name} value={choice} checked={choice === value} onChange={() => onChange(choice)} />
          {text}
        </label>
      ))}
    </fieldset>
  );
}

interface ToggleProps {
  label: string;
  hint?: string;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
}

/** On or off, at once. */
export function Toggle({ label, hint, checked, disabled, onChange }: ToggleProps) {
  const id = useId();
  return (
    <div className={css.switch}>
      <span>
        <span id={id}>{label}</span>
        {hint !== undefined && <small id={`${id}-hint`}>{hint}</small>}
      </span>
      <Switch.Root
        className={css.track}
        checked={checked}
        disabled={disabled ?? false}
        onCheckedChange={onChange}
        aria-labelledby={id}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
      >
        <Switch.Thumb className={css.thumb} />
      </Switch.Root>
    </div>
  );
}
