import { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import React from 'react';

import type { ImageOption, Placement, Resources } from '../../api';
import { Digest } from '../../shared/components/Digest';
import { Field } from '../../shared/components/Field';
import { Message } from '../../shared/components/Message';
import { TextField } from '../../shared/components/TextField';
import { formatBytes, formatResources } from '../../shared/format';
import {
  GB,
  hasImages,
  imageOf,
  unenforcedLimits,
  Place,
  placementOf
} from '../place';

const MAX_SHOWN_REASONS = 2;

type Props = {
  place: Place;
  placements: Placement[];
  problems: { [name: string]: string | undefined };
  /** The resources of a run that asks for none, where they differ from those of the environment. */
  defaultResources?: Resources;
  /** Show no image and no resources: each step of a pipeline has its own. */
  onlyEnvironment?: boolean;
  disabled: boolean;
  onChange: (change: Partial<Place>) => void;
  trans: TranslationBundle;
};

/** The fields for environment, image and resources: the allowed choices, and why the others are not allowed. */
export function PlaceFields(props: Props): JSX.Element {
  const { place, placements, problems, disabled, onChange, trans } = props;
  const placement = placementOf(place, placements);
  const unenforced = placement ? unenforcedLimits(placement, trans) : [];
  return (
    <>
      <Field
        id="dl-run-environment"
        label={trans.__('Environment')}
        description={placement?.description}
        problem={problems.environment}
      >
        {attributes => (
          <HTMLSelect
            {...attributes}
            value={place.environment}
            disabled={disabled}
            onChange={event => onChange({ environment: event.target.value })}
          >
            {placements.map(option => (
              <option
                key={option.environment}
                value={option.environment}
                disabled={option.problem !== null}
              >
                {option.bypassed_promotion
                  ? trans.__('%1 (unpromoted)', option.environment)
                  : option.environment}
              </option>
            ))}
          </HTMLSelect>
        )}
      </Field>
      <Reasons
        reasons={placements
          .filter(option => option.problem !== null)
          .map(option => [option.environment, option.problem!])}
        trans={trans}
      />
      {placement?.bypassed_promotion && !placement.problem && (
        <Message
          kind="warning"
          title={trans.__('The record will be marked as unpromoted.')}
        >
          <p>
            {trans.__(
              'Nothing was promoted to %1 yet, so only administrators run there.',
              placement.environment
            )}
          </p>
        </Message>
      )}
      {placement && hasImages(placement) && !props.onlyEnvironment && (
        <>
          <ImageField {...props} placement={placement} />
          <ResourceFields {...props} placement={placement} />
        </>
      )}
      {unenforced.length > 0 && (
        <p className="dl-mod-quiet">
          {trans.__(
            'A plain process cannot be held to the limits of %1: %2.',
            place.environment,
            unenforced.join(', ')
          )}
        </p>
      )}
    </>
  );
}

function ImageField(props: Props & { placement: Placement }): JSX.Element {
  const { place, placement, problems, disabled, onChange, trans } = props;
  const image = imageOf(place, placement);
  const fixed = placement.locked.includes('image');
  return (
    <>
      <Field
        id="dl-run-image"
        label={trans.__('Image')}
        description={image?.description}
        problem={problems.image}
        beside={image && <Digest digest={image.digest} trans={trans} />}
      >
        {attributes =>
          fixed ? (
            <output {...attributes}>
              {trans.__('%1, fixed here', image?.name ?? trans.__('none'))}
            </output>
          ) : (
            <HTMLSelect
              {...attributes}
              value={image?.name ?? ''}
              disabled={disabled}
              onChange={event => onChange({ image: event.target.value })}
            >
              {!image && (
                <option value="">{trans.__('Choose an image…')}</option>
              )}
              {placement.images.map(option => (
                <option
                  key={option.name}
                  value={option.name}
                  disabled={option.problems.length > 0}
                >
                  {labelOf(option, trans)}
                </option>
              ))}
            </HTMLSelect>
          )
        }
      </Field>
      {!fixed && (
        <Reasons
          reasons={placement.images
            .filter(option => option.problems.length)
            .map(option => [option.name, option.problems.join(' ')])}
          trans={trans}
        />
      )}
      {image?.warnings.map(warning => (
        <Message key={warning} kind="warning" title={warning} />
      ))}
    </>
  );
}

function ResourceFields(props: Props & { placement: Placement }): JSX.Element {
  const { place, placement, problems, disabled, onChange, trans } = props;
  const { cpus, memory_bytes: memory } = placement.limits.resources;
  const defaultResources = props.defaultResources ?? placement.limits.resources;
  const limitHint = (text: string | null) =>
    text === null ? undefined : trans.__('at most %1', text);
  if (placement.locked.includes('resources')) {
    const fixed = formatResources(placement.limits.resources, trans);
    return (
      <Field id="dl-run-resources" label={trans.__('Resources')}>
        {attributes => (
          <output {...attributes}>
            {trans.__('%1, fixed here', fixed || trans.__('all there is'))}
          </output>
        )}
      </Field>
    );
  }
  const all = trans.__('all');
  const number = { type: 'number', min: 0, step: 'any', disabled };
  return (
    <div className="dl-Fields">
      <TextField
        {...number}
        id="dl-run-cpus"
        label={trans.__('CPUs')}
        hint={limitHint(cpus === null ? null : String(cpus))}
        problem={problems.cpus}
        max={cpus ?? undefined}
        placeholder={
          defaultResources.cpus === null ? all : String(defaultResources.cpus)
        }
        value={place.cpus}
        onChange={value => onChange({ cpus: value })}
      />
      <TextField
        {...number}
        id="dl-run-memory"
        label={trans.__('Memory, GB')}
        hint={limitHint(memory === null ? null : formatBytes(memory))}
        problem={problems.memory_bytes}
        max={memory === null ? undefined : memory / GB}
        placeholder={
          defaultResources.memory_bytes === null
            ? all
            : String(defaultResources.memory_bytes / GB)
        }
        value={place.memory}
        onChange={value => onChange({ memory: value })}
      />
    </div>
  );
}

/** The reasons why a choice is not allowed. A long list is folded under one line. */
function Reasons(props: {
  reasons: [string, string][];
  trans: TranslationBundle;
}): JSX.Element | null {
  const { reasons, trans } = props;
  const items = reasons.map(([name, reason]) => (
    <li key={name}>
      <strong>{name}</strong> {reason}
    </li>
  ));
  if (reasons.length > MAX_SHOWN_REASONS) {
    return (
      <details className="dl-Reasons">
        <summary>{trans.__('%1 cannot be chosen', reasons.length)}</summary>
        <ul>{items}</ul>
      </details>
    );
  }
  return reasons.length ? <ul className="dl-Reasons">{items}</ul> : null;
}

function labelOf(image: ImageOption, trans: TranslationBundle): string {
  const label = image.python
    ? trans.__('%1 · Python %2', image.name, image.python)
    : image.name;
  return image.problems.length ? trans.__('%1 (not here)', label) : label;
}
