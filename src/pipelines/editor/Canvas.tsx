import '@xyflow/react/dist/base.css';

import { TranslationBundle } from '@jupyterlab/translation';
import {
  Connection,
  Controls,
  EdgeChange,
  FinalConnectionState,
  HandleType,
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
import type { EditedStep, EditorProblem, PipelineDocument } from './document';
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
export default function PipelineCanvas(props: CanvasProps): JSX.Element {
  return (
    <ReactFlowProvider>
      <Canvas {...props} />
    </ReactFlowProvider>
  );
}

function Canvas(props: CanvasProps): JSX.Element {
  const { document, selection, files, trans } = props;
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

  const byId = new Map(steps.map(step => [step.id, step]));
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
  const nodes = placed.nodes.map<StepOfCanvas>(({ id, x, y }) => ({
    id,
    type: 'step',
    position: { x, y },
    ...SIZE,
    measured: SIZE,
    handles: HANDLES,
    selected: selected.steps.includes(id),
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

  const onNodesChange = (changes: NodeChange<StepOfCanvas>[]) =>
    changeSelected(changes, selection.selected.steps, steps =>
      selection.set({ steps })
    );
  const onEdgesChange = (changes: EdgeChange<EdgeOfCanvas>[]) =>
    changeSelected(changes, selection.selected.edges.map(edgeKey), keys =>
      selection.set({ edges: keys.map(edgeOfKey) })
    );
  const connecting = useConnecting(document, trans);
  const store = useStoreApi<StepOfCanvas, EdgeOfCanvas>();
  const [isBoxing, setBoxing] = useState(false);
  // The library would listen to the keys of the whole page for it.
  const noteModifiers = (event: React.MouseEvent) =>
    store.setState({ multiSelectionActive: hasModifier(event) });
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
        onNodesChange={onNodesChange}
        onEdgesChange={onEdgesChange}
        onNodeClick={(event, node) =>
          hasModifier(event) || selection.select(node.id)
        }
        onNodeDoubleClick={(_, node) => props.onOpen(node.id)}
        onNodeContextMenu={(_, node) =>
          selection.selected.steps.includes(node.id) ||
          selection.select(node.id)
        }
        onEdgeContextMenu={(_, edge) =>
          chosen.has(edge.id) ||
          selection.set({ steps: [], edges: [edgeOfKey(edge.id)] })
        }
        onPaneContextMenu={() => selection.clear()}
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
        ariaLabelConfig={{
          'controls.ariaLabel': trans.__('View of the graph'),
          'controls.zoomIn.ariaLabel': trans.__('Zoom in'),
          'controls.zoomOut.ariaLabel': trans.__('Zoom out'),
          'controls.fitView.ariaLabel': trans.__('Fit the graph')
        }}
      >
        <Controls showInteractive={false} fitViewOptions={FIT} />
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

/** Return the places of the steps; they change with the edges alone. */
function usePlaces(steps: readonly EditedStep[]): GraphLayout {
  const shape = JSON.stringify(steps.map(({ id, needs }) => ({ id, needs })));
  return useMemo(() => placeSteps(JSON.parse(shape)), [shape]);
}

/** Return the things, those that are as before as the same objects: the library draws only the others again. */
function useUnchanged<T extends StepOfCanvas | EdgeOfCanvas>(things: T[]): T[] {
  const before = useRef(new Map<string, T>());
  const kept = things.map(thing => {
    const old = before.current.get(thing.id);
    return old && isAlike(old, thing) ? old : thing;
  });
  useEffect(() => {
    before.current = new Map(kept.map(thing => [thing.id, thing]));
  });
  return kept;
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

function byStep(
  problems: readonly EditorProblem[]
): Map<string | null, EditorProblem[]> {
  const found = new Map<string | null, EditorProblem[]>();
  for (const problem of problems) {
    found.set(problem.step, [...(found.get(problem.step) ?? []), problem]);
  }
  return found;
}

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
  return {
    // There is no event when the view was moved for other reasons.
    onMoveStart: event => {
      isMoved.current ||= Boolean(event);
    }
  };
}

/** Let people draw edges, and take an end of one elsewhere or off. */
function useConnecting(document: PipelineDocument, trans: TranslationBundle) {
  /** The dots that are looked for: those where edges end, or those where they start. */
  const [end, setEnd] = useState<HandleType | undefined>();
  const moved = useRef<Need | undefined>(undefined);
  const refuse = (need: Need) =>
    document.refusal ??
    refusalOfNeed(need, document.edges, trans, moved.current);
  return {
    end,
    refuse,
    handlers: {
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
    }
  };
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
