import React from 'react';

export type Tab = { id: string; label: string };

/** Tabs with the usual keys: arrows, Home and End. */
export function Tabs(props: {
  tabs: Tab[];
  selected: string;
  label: string;
  /** Return the id of the element that shows a tab. */
  panelOf: (tab: string) => string;
  onSelect: (tab: string) => void;
}): JSX.Element {
  const { tabs, selected } = props;
  const onKeyDown = (event: React.KeyboardEvent<HTMLDivElement>) => {
    const current = tabs.findIndex(tab => tab.id === selected);
    const target = {
      ArrowLeft: current - 1,
      ArrowRight: current + 1,
      Home: 0,
      End: tabs.length - 1
    }[event.key];
    if (target !== undefined) {
      const index = (target + tabs.length) % tabs.length;
      event.preventDefault();
      props.onSelect(tabs[index].id);
      const buttons = event.currentTarget.querySelectorAll('button');
      buttons[index].focus();
    }
  };
  return (
    <div
      className="dl-Tabs"
      role="tablist"
      aria-label={props.label}
      onKeyDown={onKeyDown}
    >
      {tabs.map(tab => (
        <button
          key={tab.id}
          role="tab"
          data-tab={tab.id}
          aria-selected={tab.id === selected}
          aria-controls={props.panelOf(tab.id)}
          tabIndex={tab.id === selected ? 0 : -1}
          onClick={() => props.onSelect(tab.id)}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}
