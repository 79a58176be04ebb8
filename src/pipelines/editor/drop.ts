import type { Drag } from '@lumino/dragdrop';
import { RefObject, useEffect, useState } from 'react';

import { edgeOfKey, Need } from './graph';

/** The paths that Lab's file browser gives with a drag. */
const PATHS_MIME = 'application/x-jupyter-icontents';

/** Where files are dropped: on a step that the new ones shall need, on an edge, or beside everything. */
export type Place = { onto?: string; between?: Need };

export type FileTarget = {
  /** Return why a file cannot be a step, or null when it can. */
  refuse: (path: string) => string | null;
  /** Add a step for each file. */
  add: (paths: string[], place: Place) => void;
};

/** Files that somebody drags over the canvas. */
export type DraggedFiles = Place & {
  accepted: readonly string[];
  refusals: readonly string[];
};

/** Let files be dropped on an element. Return those that are dragged over it, or null. */
export function useFileDrop(
  element: RefObject<HTMLElement>,
  target: FileTarget
): DraggedFiles | null {
  const [dragged, setDragged] = useState<DraggedFiles | null>(null);
  useEffect(() => {
    const node = element.current!;
    const onDrag = (event: Event) => {
      const drag = event as Drag.Event;
      if (!drag.mimeData.hasData(PATHS_MIME)) {
        return;
      }
      // The dock panel around it would open the files instead.
      drag.preventDefault();
      drag.stopPropagation();
      if (drag.type === 'lm-dragleave') {
        setDragged(null);
        return;
      }
      const files = readFiles(drag, target);
      const accepts = files.accepted.length > 0;
      drag.dropAction = accepts ? drag.proposedAction : 'none';
      if (drag.type !== 'lm-drop') {
        setDragged(before => (isSame(before, files) ? before : files));
        return;
      }
      setDragged(null);
      if (accepts) {
        const { accepted, onto, between } = files;
        target.add([...accepted], { onto, between });
      }
    };
    const events = ['lm-dragenter', 'lm-dragover', 'lm-dragleave', 'lm-drop'];
    events.forEach(type => node.addEventListener(type, onDrag));
    return () => events.forEach(type => node.removeEventListener(type, onDrag));
  }, [element, target]);
  return dragged;
}

function readFiles(drag: Drag.Event, target: FileTarget): DraggedFiles {
  const paths = drag.mimeData.getData(PATHS_MIME) as string[];
  const refusals = paths.map(path => target.refuse(path));
  return {
    ...placeOf(drag.target as Element),
    accepted: paths.filter((_, at) => refusals[at] === null),
    refusals: refusals.filter((refusal): refusal is string => refusal !== null)
  };
}

/** Return the step or the edge that is drawn there. */
function placeOf(element: Element): Place {
  const id = (selector: string) =>
    element.closest(selector)?.getAttribute('data-id') ?? undefined;
  const key = id('.react-flow__edge, .dl-CanvasEdge-guess');
  return {
    onto: id('.react-flow__node'),
    between: key === undefined ? undefined : edgeOfKey(key)
  };
}

function isSame(a: DraggedFiles | null, b: DraggedFiles): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
