import '@xyflow/react/dist/base.css';

import { TranslationBundle } from '@jupyterlab/translation';
import {
  Connection,
  Controls,
  EdgeChange,
  FinalConnectionState,
  HandleType,
  MiniMap,
  NodeChange,
  OnConnectStartParams,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  useStoreApi
} from '@xyflow/react';
import React, {
  RefObject,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState
} from 'react';

import { reportFailure } from '../../shared/report';
import { useSignal } from '../../shared/signals';
import { moveFocus } from '../components/StepNode';
import { GraphLayout, NODE_HEIGHT, NODE_WIDTH, placeSteps } from '../layout';
import { CanvasEdge, EdgeOfCanvas } from './CanvasEdge';
import { CanvasHints } from './CanvasHints';
import { CanvasNode, StepOfCanvas } from './CanvasNode';
import {
  byStep,
  EditedStep,
  EditorProblem,
  PipelineDocument
} from './document';
import { FileTarget, useFileDrop } from './drop';
import { edgeKey, edgeOfKey, Need, refusalOfNeed } from './graph';
import { confirmGuess, guessesIn } from './guesses';
import type { Selection } from './selection';
import { centredOn, isInView, isReadable, viewOf } from './viewport';

const NODE_TYPES = { step: CanvasNode };
const EDGE_TYPES = { need: CanvasEdge };

const SMALLEST_ZOOM = 0.1;
const LARGEST_ZOOM = 2;
/** A small pipeline is not blown up to fill the canvas. */
const FIT = { maxZoom: 1, minZoom: SMALLEST_ZOOM, padding: 0.08 };
/** From so many steps on, a small map shows which part of the graph is in view. */
const MAP_FROM = 40;
/** How near an end of an edge comes to a dot, in pixels, before it snaps to it. */
const SNAP_PX = 24;

const SIZE = { width: NODE_WIDTH, height: NODE_HEIGHT };
/** The places of the dots. With them edges are drawn also before the canvas has a size. */
const HANDLES = [
  { type: 'target' as const, position: Position.Left, x: 0 },
  { type: 'source' as const, position: Position.Right, x: NODE_WIDTH }
].map(handle => ({ ...handle, y: NODE_HEIGHT / 2, width: 1, height: 1 }));

export type CanvasProps = {
  document: PipelineDocument;
  selection: Selection;
  /** False while the canvas has no size: until its widget is shown. */
  isVisible: boolean;
  /** Open the notebook or script of a step. */
  onOpen: (step: string) => void;
  /** Takes the files that are dropped on the canvas. */
  files: FileTarget;
  trans: TranslationBundle;
};

/** The steps of a pipeline as a graph that can be changed. The list of the steps is its accessible form. */
export default React.memo(function PipelineCanvas(
  props: CanvasProps
): JSX.Element {
  return (
    <ReactFlowProvider>
      <Canvas {...props} />
    </ReactFlowProvider>
  );
});

function Canvas(props: CanvasProps): JSX.Element {
  const { document, selection, files, onOpen, trans } = props;
  const { steps, problems } = useSignal(document.changed, () => document.state);
  const { source } = document;
  const isFixed = document.refusal !== null;
  const guesses = useMemo(
    () => new Set(guessesIn(source).map(edgeKey)),
    [source]
  );
  const selected = useSignal(selection.changed, () => selection.selected);
  const placed = usePlaces(steps);
  const frame = useRef<HTMLDivElement>(null);
  const dragged = useFileDrop(frame, files);
  const view = useView(frame, placed, selected.steps, props.isVisible);
  const [focused, setFocused] = useState('');

  const byId = useMemo(
    () => new Map(steps.map(step => [step.id, step])),
    [steps]
  );
  const tabStop = byId.has(focused) ? focused : placed.nodes[0]?.id;
  const isFocusedGone = focused !== '' && !byId.has(focused);
  useEffect(() => {
    if (isFocusedGone) {
      setFocused('');
      const { activeElement, body } = window.document;
      // The shortcuts of the canvas, undo among them, go on to work.
      if (activeElement === body || frame.current?.contains(activeElement)) {
        frame.current?.focus();
      }
    }
  }, [isFocusedGone]);
  const problemsOf = useMemo(() => byStep(problems), [problems]);
  const chosenSteps = new Set(selected.steps);
  const nodes = placed.nodes.map<StepOfCanvas>(({ id, x, y }) => ({
    id,
    type: 'step',
    position: { x, y },
    ...SIZE,
    measured: SIZE,
    handles: HANDLES,
    selected: chosenSteps.has(id),
    data: {
      step: byId.get(id)!,
      problems: problemsOf.get(id) ?? NONE,
      isTabStop: id === tabStop,
      isDropTarget: dragged?.onto === id,
      onFocus: setFocused,
      trans
    }
  }));
  const onConfirm = useCallback(
    (guess: Need) =>
      attempt(() => document.edit(text => confirmGuess(text, guess))),
    [document]
  );
  const chosen = new Set(selected.edges.map(edgeKey));
  const between = dragged?.between && edgeKey(dragged.between);
  const edges = placed.edges.map<EdgeOfCanvas>(({ from, to, ...line }) => {
    const id = edgeKey({ from, to });
    return {
      id,
      type: 'need',
      source: from,
      target: to,
      selected: chosen.has(id),
      ariaLabel: trans.__('%1 needs %2', to, from),
      data: {
        ...line,
        isGuessed: guesses.has(id),
        isDropTarget: between === id,
        isFixed,
        onConfirm,
        trans
      }
    };
  });

  const selecting = useSelecting(selection, onOpen);
  const connecting = useConnecting(document, trans);
  const store = useStoreApi<StepOfCanvas, EdgeOfCanvas>();
  const [isBoxing, setBoxing] = useState(false);
  // The library would listen to the keys of the whole page for it.
  const noteModifiers = (event: React.MouseEvent) =>
    store.setState({ multiSelectionActive: hasModifier(event) });
  const labels = useMemo(() => labelsOf(trans), [trans]);
  return (
    <div
      ref={frame}
      className="dl-Canvas"
      role="group"
      aria-label={trans.__(
        'Graph of the pipeline. The list of the steps has the same, for the keyboard.'
      )}
      data-connecting={connecting.end}
      tabIndex={steps.length ? -1 : 0}
      onKeyDown={moveFocus}
      onClickCapture={noteModifiers}
      onPointerMoveCapture={event => setBoxing(event.shiftKey)}
    >
      <ReactFlow<StepOfCanvas, EdgeOfCanvas>
        nodes={useUnchanged(nodes)}
        edges={useUnchanged(edges)}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        {...selecting}
        {...connecting.handlers}
        onMoveStart={view.onMoveStart}
        connectionRadius={SNAP_PX}
        minZoom={SMALLEST_ZOOM}
        maxZoom={LARGEST_ZOOM}
        selectionOnDrag={isBoxing}
        panOnDrag={!isBoxing}
        zoomOnDoubleClick={false}
        nodesConnectable={!isFixed}
        edgesReconnectable={!isFixed}
        nodesDraggable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        disableKeyboardA11y
        deleteKeyCode={null}
        selectionKeyCode={null}
        multiSelectionKeyCode={null}
        panActivationKeyCode={null}
        zoomActivationKeyCode={null}
        ariaLabelConfig={labels}
      >
        <Controls showInteractive={false} fitViewOptions={FIT} />
        {steps.length >= MAP_FROM && (
          <MiniMap<StepOfCanvas>
            pannable
            className="dl-Canvas-map"
            nodeClassName={classOnMap}
          />
        )}
        <CanvasHints dragged={dragged} refuse={connecting.refuse} trans={trans}>
          {!steps.length && (
            <div>
              {trans.__(
                'Drag notebooks and scripts here from the file browser, or add a step.'
              )}
            </div>
          )}
        </CanvasHints>
      </ReactFlow>
    </div>
  );
}

/** The names of the controls and the map, for those who do not see them. */
function labelsOf(trans: TranslationBundle) {
  return {
    'controls.ariaLabel': trans.__('View of the graph'),
    'controls.zoomIn.ariaLabel': trans.__('Zoom in'),
    'controls.zoomOut.ariaLabel': trans.__('Zoom out'),
    'controls.fitView.ariaLabel': trans.__('Fit the graph'),
    'minimap.ariaLabel': trans.__('Map of the graph')
  };
}

/** On the map, a step with problems looks so, as does one that is selected. */
function classOnMap({ data, selected }: StepOfCanvas): string {
  return [
    selected && 'dl-mod-selected',
    data.problems.length > 0 && 'dl-mod-bad'
  ]
    .filter(Boolean)
    .join(' ');
}

/** Return the places of the steps; they change with the edges alone. */
function usePlaces(steps: readonly EditedStep[]): GraphLayout {
  const shape = useMemo(
    () => JSON.stringify(steps.map(({ id, needs }) => ({ id, needs }))),
    [steps]
  );
  return useMemo(() => placeSteps(JSON.parse(shape)), [shape]);
}

/** Return the things, those that are as before as the same objects: the library draws only the others again. */
function useUnchanged<T extends StepOfCanvas | EdgeOfCanvas>(things: T[]): T[] {
  const before = useRef<T[]>([]);
  const byId = new Map(before.current.map(thing => [thing.id, thing]));
  const kept = things.map(thing => {
    const old = byId.get(thing.id);
    return old && isAlike(old, thing) ? old : thing;
  });
  const isSame =
    kept.length === before.current.length &&
    kept.every((thing, at) => thing === before.current[at]);
  const result = isSame ? before.current : kept;
  useEffect(() => {
    before.current = result;
  });
  return result;
}

/** Compare two objects by their members, and by those of `data` and `position`. */
function isAlike(a: object, b: object): boolean {
  const [before, after] = [a, b].map(thing => {
    const { data, position, ...others } = thing as {
      data?: object;
      position?: object;
    };
    return Object.entries({ ...others, ...data, ...position });
  });
  const members = new Map(before);
  return (
    before.length === after.length &&
    after.every(([name, value]) => members.get(name) === value)
  );
}

const NONE: readonly EditorProblem[] = [];

/**
 * Show the graph when the canvas is first seen, and a step that is new or that somebody selects elsewhere. Until a
 * person moves the view, it follows the graph.
 */
function useView(
  frame: RefObject<HTMLElement>,
  placed: GraphLayout,
  selected: readonly string[],
  isVisible: boolean
): { onMoveStart: (event: unknown) => void } {
  const { getViewport, setViewport } = useReactFlow();
  const shown = useRef<GraphLayout | null>(null);
  const isMoved = useRef(false);
  useEffect(() => {
    const { clientWidth: width = 0, clientHeight: height = 0 } =
      frame.current ?? {};
    if (!isVisible || !placed.nodes.length || !width || !height) {
      return;
    }
    const size = { width, height };
    const before = shown.current;
    shown.current = placed;
    const known = new Set(before?.nodes.map(({ id }) => id));
    const chosen = placed.nodes.filter(({ id }) => selected.includes(id));
    const added = chosen.find(({ id }) => !known.has(id));
    const view = getViewport();
    if (!before || added) {
      void setViewport(viewOf(placed, size, added));
    } else if (
      placed !== before &&
      !isMoved.current &&
      isReadable(placed, size)
    ) {
      void setViewport(viewOf(placed, size));
    } else if (
      chosen.length &&
      !chosen.some(step => isInView(step, size, view))
    ) {
      void setViewport(centredOn(chosen[0], size, view.zoom));
    }
  }, [frame, placed, selected, isVisible, getViewport, setViewport]);
  const onMoveStart = useCallback((event: unknown) => {
    // There is no event when the view was moved for other reasons.
    isMoved.current ||= Boolean(event);
  }, []);
  return { onMoveStart };
}

/** Let people select steps and edges. The handlers stay the same: the library draws all of the graph again for others. */
function useSelecting(selection: Selection, onOpen: (step: string) => void) {
  return useMemo(
    () => ({
      onNodesChange: (changes: NodeChange<StepOfCanvas>[]) =>
        changeSelected(changes, selection.selected.steps, steps =>
          selection.set({ steps })
        ),
      onEdgesChange: (changes: EdgeChange<EdgeOfCanvas>[]) =>
        changeSelected(changes, selection.selected.edges.map(edgeKey), keys =>
          selection.set({ edges: keys.map(edgeOfKey) })
        ),
      onNodeClick: (event: React.MouseEvent, { id }: StepOfCanvas) =>
        hasModifier(event) || selection.select(id),
      onNodeDoubleClick: (_: unknown, { id }: StepOfCanvas) => onOpen(id),
      onNodeContextMenu: (_: unknown, { id }: StepOfCanvas) =>
        selection.selected.steps.includes(id) || selection.select(id),
      onEdgeContextMenu: (_: unknown, { id }: EdgeOfCanvas) =>
        selection.selected.edges.some(edge => edgeKey(edge) === id) ||
        selection.set({ steps: [], edges: [edgeOfKey(id)] }),
      onPaneContextMenu: () => selection.clear()
    }),
    [selection, onOpen]
  );
}

/** Let people draw edges, and take an end of one elsewhere or off. */
function useConnecting(document: PipelineDocument, trans: TranslationBundle) {
  /** The dots that are looked for: those where edges end, or those where they start. */
  const [end, setEnd] = useState<HandleType | undefined>();
  const moved = useRef<Need | undefined>(undefined);
  const refuse = useCallback(
    (need: Need) =>
      document.refusal ??
      refusalOfNeed(need, document.edges, trans, moved.current),
    [document, trans]
  );
  const handlers = useMemo(
    () => ({
      isValidConnection: ({ source, target }: Connection | EdgeOfCanvas) =>
        refuse({ from: source, to: target }) === null,
      onConnectStart: (_: unknown, { handleType }: OnConnectStartParams) =>
        setEnd(handleType === 'source' ? 'target' : 'source'),
      onConnect: ({ source, target }: Connection) =>
        attempt(() => document.connect(source, target)),
      onConnectEnd: () => setEnd(undefined),
      onReconnectStart: (_: unknown, edge: EdgeOfCanvas) => {
        moved.current = edgeOfKey(edge.id);
      },
      onReconnect: (edge: EdgeOfCanvas, { source, target }: Connection) => {
        const { from, to } = edgeOfKey(edge.id);
        if (from !== source || to !== target) {
          attempt(() =>
            document.batch(() => {
              document.disconnect(from, to);
              document.connect(source, target);
            })
          );
        }
      },
      onReconnectEnd: (
        _: unknown,
        edge: EdgeOfCanvas,
        __: unknown,
        { toNode }: FinalConnectionState
      ) => {
        moved.current = undefined;
        if (!toNode && document.refusal === null) {
          const { from, to } = edgeOfKey(edge.id);
          attempt(() => document.disconnect(from, to));
        }
      }
    }),
    [document, refuse]
  );
  return { end, refuse, handlers };
}

/** Edit, and tell a person why an edit is refused. */
function attempt(edit: () => void): void {
  try {
    edit();
  } catch (reason) {
    reportFailure(reason);
  }
}

/** Apply what the library says about selected things to the ids that are selected. */
function changeSelected(
  changes: readonly { type: string; id?: string; selected?: boolean }[],
  selected: readonly string[],
  select: (ids: string[]) => void
): void {
  const ids = new Set(selected);
  for (const { type, id, selected: isSelected } of changes) {
    if (type === 'select') {
      if (isSelected) {
        ids.add(id!);
      } else {
        ids.delete(id!);
      }
    }
  }
  if (changes.some(({ type }) => type === 'select')) {
    select([...ids]);
  }
}

function hasModifier(event: React.MouseEvent): boolean {
  return event.ctrlKey || event.metaKey || event.shiftKey;
}
