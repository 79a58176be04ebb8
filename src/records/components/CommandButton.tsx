import { LabIcon } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import React from 'react';

/** A command as a button, with the command's own icon, label and state. */
export function CommandButton(props: {
  commands: CommandRegistry;
  id: string;
  args: ReadonlyPartialJSONObject;
  /** Show no label, for places with many buttons. */
  iconOnly?: boolean;
}): JSX.Element {
  const { commands, id, args, iconOnly } = props;
  const label = commands.label(id, args);
  const icon = commands.icon(id, args);
  return (
    <button
      className="dl-Button"
      data-command={id}
      title={commands.caption(id, args)}
      aria-label={iconOnly ? label : undefined}
      disabled={!commands.isEnabled(id, args)}
      onClick={() => void commands.execute(id, args)}
    >
      {icon instanceof LabIcon && <icon.react tag="span" aria-hidden />}
      {!iconOnly && label}
    </button>
  );
}
